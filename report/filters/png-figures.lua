-- Gives Word its figures as PNG, which every program for such files shows: few show SVG.
--
-- Typst, which Quarto brings, draws them all at once, one a page; without it they stay SVG.

local scale = '200' -- pixels an inch

local function drawn(sources)
  local program = 'figures/all.typ'
  local file = assert(io.open(program, 'w'))
  file:write '#set page(width: auto, height: auto, margin: 0pt)\n'
  for _, source in ipairs(sources) do file:write(('#page(image("/%s"))\n'):format(source)) end
  file:close()
  local options = { 'typst', 'compile', '--root', '.', '--ppi', scale, program, 'figures/{p}.png' }
  local whole, fault = pcall(pandoc.pipe, 'quarto', options, '')
  os.remove(program)
  if not whole then pandoc.log.warn('figures stay SVG: ' .. tostring(fault)) end
  return whole
end

function Pandoc(document)
  local sources, pages = {}, {}
  document:walk { Image = function(image)
    local source = image.src
    if source:match '^figures/.*%.svg$' and not pages[source] then
      table.insert(sources, source)
      pages[source] = ('figures/%d.png'):format(#sources)
    end
  end }
  if #sources == 0 or not drawn(sources) then return nil end
  return document:walk { Image = function(image)
    image.src = pages[image.src] or image.src
    return image
  end }
end
