-- Reads Quarto's marks where Pandoc runs without Quarto: numbers and cross-references, callouts,
-- tabsets, format conditions, file names on code, pictures.
--
-- Runs before citeproc, or `@fig-x` would be taken for a citation. What cannot be resolved is
-- reported through pandoc.log.warn; src/cnn_study/render.py makes an error of every warning, and
-- of marks that are left in the text.

local is_html = FORMAT:match 'html' ~= nil
local own_format = is_html and 'html' or 'typst'
local reference_names = { fig = 'Figure', tbl = 'Table', eq = 'Equation', sec = 'Section' }
local callout_names = { note = 'Note', tip = 'Tip', warning = 'Warning', caution = 'Caution',
  important = 'Important' }
local picture_kinds = { svg = true, png = true, jpg = true, jpeg = true, webp = true, gif = true }
local numbers = {}                          -- id -> the number as text, e.g. '3' or '2.1'
local counts = { fig = 0, tbl = 0, eq = 0 }
local names = {}                            -- id -> its name, where not the one of its kind
local sections = {}                         -- the section counter, one entry a level
local in_appendices = false

local function kind_of(id)
  local kind = id:match '^(%a+)%-'
  return reference_names[kind] and kind or nil
end

local function raw_inline(text) return pandoc.RawInline(own_format, text) end
local function raw_block(text) return pandoc.RawBlock(own_format, text) end

local html_entities = { ['&'] = '&amp;', ['<'] = '&lt;', ['>'] = '&gt;', ['"'] = '&quot;' }

local function escape_html(text)
  return (text:gsub('[&<>"]', html_entities))
end

local function typst_string(text)
  return '"' .. text:gsub('[\\"]', '\\%0'):gsub('%s+', ' '):gsub('^ ', ''):gsub(' $', '') .. '"'
end

-- Blocks between two pieces of raw text, the first of which may hold inlines. What becomes of a mark
-- is written so, and not as a `Div` or `Figure`: Quarto would read its own marks in them again.
local function enclose(opening, blocks, closing)
  local result = pandoc.Blocks { pandoc.Plain(opening) }
  result:extend(blocks)
  result:insert(raw_block(closing))
  return result
end

---------------------------------------------------------------------------- format conditions

local function drop_other_format(element)
  -- What the page's scripts bring to life is on paper what stands in it, and no more.
  if not is_html and element.classes:includes 'live' then return element.content end
  local visible = element.classes:includes 'content-visible'
  if not visible and not element.classes:includes 'content-hidden' then return nil end
  local when, unless = element.attributes['when-format'], element.attributes['unless-format']
  local matches = (not when or when == own_format) and (not unless or unless ~= own_format)
  return matches == visible and element.content or {}
end

---------------------------------------------------------------------------- callouts

local function callout_kind(div)
  for _, class in ipairs(div.classes) do
    local kind = class:match '^callout%-(%a+)$'
    if callout_names[kind] then return kind end
    if kind then pandoc.log.warn('.' .. class .. ': there is no such callout') end
  end
end

local function callout_title(div)
  local first = div.content[1]
  if first and first.t == 'Header' then return div.content:remove(1).content end
  return pandoc.Inlines(div.attributes.title or '')
end

local function html_callout(kind, title, div)
  local label = pandoc.Inlines { pandoc.Span(callout_names[kind], { class = 'callout-kind' }) }
  if #title > 0 then label:extend { pandoc.Space(), table.unpack(title) } end
  if div.attributes.collapse then
    label:insert(1, raw_inline(
      ('<details class="callout callout-%s"><summary class="callout-title">'):format(kind)))
    label:insert(raw_inline '</summary>')
    return enclose(label, div.content, '</details>')
  end
  label:insert(1, raw_inline(
    ('<div class="callout callout-%s" role="note"><div class="callout-title">'):format(kind)))
  label:insert(raw_inline '</div>')
  return enclose(label, div.content, '</div>')
end

local function typst_callout(kind, title, div)
  local opening = pandoc.Inlines { raw_inline(('#callout("%s", title: ['):format(kind)) }
  opening:extend(title)
  opening:insert(raw_inline '])[')
  return enclose(opening, div.content, ']')
end

---------------------------------------------------------------------------- tabsets

local function tab_title(header)
  if is_html then return pandoc.Div(pandoc.Plain(header.content), { class = 'tab-title' }) end
  local title = pandoc.Inlines { raw_inline '#tab-title[' }
  title:extend(header.content)
  title:insert(raw_inline ']')
  return pandoc.Plain(title)
end

local function tabset(div)
  local level = div.content[1] and div.content[1].level
  local tabs = pandoc.Blocks {}
  for _, block in ipairs(div.content) do
    if block.t == 'Header' and block.level == level then
      tabs:insert(pandoc.Div({ tab_title(block) }, { class = 'tab' }))
    elseif #tabs > 0 then
      tabs[#tabs].content:insert(block)
    else
      pandoc.log.warn 'a .panel-tabset must begin with the heading of its first tab'
    end
  end
  if not is_html then return tabs end
  return enclose({ raw_inline '<div class="panel-tabset">' }, tabs, '</div>')
end

local function read_div(div)
  if div.classes:includes 'panel-tabset' then return tabset(div) end
  local kind = callout_kind(div)
  if not kind then return nil end
  local write = is_html and html_callout or typst_callout
  return write(kind, callout_title(div), div)
end

---------------------------------------------------------------------------- pictures

local function is_there(path)
  local file = io.open(path, 'rb')
  return file ~= nil and file:close()
end

-- Reports what is wrong with a picture; true where it can be shown.
local function check_picture(image, alt, name)
  local extension = image.src:match '%.(%w+)$'
  if image.src:match '^%a+:' or image.src:match '^/' or not picture_kinds[extension] then
    pandoc.log.warn(name .. ': a picture must be an SVG, PNG, JPEG, WebP or GIF file named by'
      .. ' a path relative to the document')
  elseif not is_there(image.src) then
    pandoc.log.warn(name .. ': there is no such file; paths start from the folder of the document')
  elseif alt == '' then
    pandoc.log.warn(name .. ': has no alternative text; write {fig-alt="what the picture shows"}')
  else
    return true
  end
end

-- `render.py` puts the file itself in the place of its path.
local function html_picture(image, alt)
  local width = image.attributes.width
  return ('<img src="%s" alt="%s"%s>'):format(escape_html(image.src), escape_html(alt),
    width and (' style="width: %s"'):format(escape_html(width)) or '')
end

local function typst_length(length)
  local pixels = length:match '^([%d.]+)px$' or length:match '^[%d.]+$'
  return pixels and (tonumber(pixels) * 0.75) .. 'pt' or length
end

local function typst_picture(image, alt, is_inline)
  local width = image.attributes.width
  local call = ('image(%s, alt: %s%s)'):format(typst_string(image.src), typst_string(alt),
    width and ', width: ' .. typst_length(width) or '')
  return is_inline and '#box(' .. call .. ')' or '#' .. call
end

local function picture(image, alt, is_inline)
  if is_html then return raw_inline(html_picture(image, alt)) end
  return raw_inline(typst_picture(image, alt, is_inline))
end

---------------------------------------------------------------------------- numbers

-- Counts an element with a cross-reference id; returns its label, e.g. 'Figure 3:'.
local function count(id, kind)
  if kind_of(id) ~= kind then return nil end
  counts[kind] = counts[kind] + 1
  numbers[id] = tostring(counts[kind])
  return reference_names[kind] .. '\u{a0}' .. numbers[id]
end

-- Reports an id of a kind that its element is not.
local function check_id(element)
  local id = element.identifier
  if kind_of(id) and not numbers[id] then
    pandoc.log.warn(id .. ': ids that begin with fig-, tbl-, eq- and sec- belong to a picture with'
      .. ' a caption, a table with a caption, a formula and a numbered heading')
  end
end

local function label_caption(caption, id, kind)
  local label = count(id, kind)
  if not label then return end
  if #caption == 0 then
    pandoc.log.warn(id .. ': has no caption')
    caption:insert(pandoc.Plain {})
  end
  caption[1].content:insert(1, pandoc.Space())
  caption[1].content:insert(1, pandoc.Strong(label .. ':'))
end

local function read_image(image)
  check_id(image)
  local alt = image.attributes['fig-alt'] or image.attributes.alt
    or pandoc.utils.stringify(image.caption)
  if not check_picture(image, alt, image.src) then return {} end
  return picture(image, alt, true)
end

local function html_figure(figure, shown)
  local id = figure.identifier
  local opening = id == '' and '<figure>' or ('<figure id="%s">'):format(id)
  local blocks = pandoc.Blocks { pandoc.Plain { raw_inline(opening), shown } }
  if #figure.caption.long > 0 then
    blocks:insert(raw_block '<figcaption>')
    blocks:extend(figure.caption.long)
    blocks:insert(raw_block '</figcaption>')
  end
  blocks:insert(raw_block '</figure>')
  return blocks
end

-- `call` is a Typst function with its first arguments, e.g. `figure(kind: image, `.
local function typst_figure(call, caption, id, shown)
  local opening = pandoc.Inlines { raw_inline('#' .. call) }
  if #caption > 0 then
    opening:insert(raw_inline 'caption: [')
    opening:extend(pandoc.utils.blocks_to_inlines(caption))
    opening:insert(raw_inline ']')
  end
  opening:insert(raw_inline ')[')
  return enclose(opening, shown, id == '' and ']' or ('] <%s>'):format(id))
end

local function read_figure(figure)
  local image
  figure:walk { Image = function(found) image = found end }
  if not image then return nil end
  local id = figure.identifier
  local alt = image.attributes['fig-alt'] or image.attributes.alt or ''
  local name = (id ~= '' and id .. ' (' or '(') .. image.src .. ')'
  label_caption(figure.caption.long, id, 'fig')
  if not check_picture(image, alt, name) then return figure.caption.long end
  return is_html and html_figure(figure, picture(image, alt))
    or typst_figure('figure(kind: image, ', figure.caption.long, id,
      { pandoc.Plain { picture(image, alt) } })
end

local function html_table(tbl, id)
  local caption = tbl.caption.long
  local name = 'caption-' .. id
  -- A list of pairs: the order of a Lua table's keys differs from run to run.
  local attributes = { { 'tabindex', '0' } }
  local blocks = pandoc.Blocks { raw_block(
    id == '' and '<figure class="table">' or ('<figure class="table" id="%s">'):format(id)) }
  if #caption > 0 and id ~= '' then
    attributes = { { 'role', 'group' }, { 'tabindex', '0' }, { 'aria-labelledby', name } }
    tbl.attributes['aria-labelledby'] = name
  end
  if #caption > 0 then
    blocks:insert(raw_block(id == '' and '<figcaption>' or ('<figcaption id="%s">'):format(name)))
    blocks:extend(caption)
    blocks:insert(raw_block '</figcaption>')
  end
  tbl.caption = { long = {} }
  blocks:extend { pandoc.Div(tbl, pandoc.Attr('', { 'table-box' }, attributes)),
    raw_block '</figure>' }
  return blocks
end

-- Takes the id from the end of a caption; Quarto's reader leaves it there.
local function take_id(tbl)
  if tbl.identifier ~= '' or #tbl.caption.long == 0 then return end
  local inlines = tbl.caption.long[#tbl.caption.long].content
  local last = inlines[#inlines]
  local id = last and last.t == 'Str' and last.text:match '^{#(tbl%-[^%s}]+)}$'
  if not id then return end
  inlines:remove()
  if #inlines > 0 and inlines[#inlines].t == 'Space' then inlines:remove() end
  tbl.identifier = id
end

local function read_table(tbl)
  take_id(tbl)
  local id = tbl.identifier
  label_caption(tbl.caption.long, id, 'tbl')
  tbl.colspecs = tbl.colspecs:map(function(spec) return { spec[1], nil } end)
  if not is_html then
    -- A narrow column may break a name in code after `_` and `-`, before digits too.
    local broken = tbl:walk { Code = function(code)
      code.text = code.text:gsub('[_-]', '%0\u{200b}')
      return code
    end }
    local caption = tbl.caption.long
    broken.caption = { long = {} }
    broken.identifier = ''
    local figure = typst_figure('table-figure(', caption, id, { broken })
    if #tbl.bodies[1].body >= 6 then figure:insert(1, raw_block '#need-space(45mm)') end
    return figure
  end
  tbl.identifier = ''
  return html_table(tbl, id)
end

-- Says whether this heading of level 1 is the first of the appendices, which stand last.
local function begins_appendices(header)
  if header.level > 1 then return false end
  local is_appendix = header.classes:includes 'appendix'
  if in_appendices and not is_appendix then
    pandoc.log.warn(pandoc.utils.stringify(header) .. ': a numbered section cannot follow the'
      .. ' appendices; write {.appendix} or {.unnumbered}')
  end
  return is_appendix and not in_appendices
end

-- On paper.
local new_page = raw_block '#pagebreak(weak: true)'

-- Counts the sections as both writers do; the writer for the page takes the number given here. On
-- the page the title is the only heading of level 1.
local function read_header(header)
  local level = header.level
  local is_unnumbered = header.classes:includes 'unnumbered'
  local is_first = not is_unnumbered and begins_appendices(header)
  if is_html then header.level = level + 1 end
  if is_unnumbered then return header end
  if is_first then in_appendices, sections = true, {} end
  sections[level] = (sections[level] or 0) + 1
  for deeper = level + 1, 6 do sections[deeper] = nil end
  local parts = {}
  for upper = 1, level do parts[upper] = sections[upper] or 0 end
  if in_appendices then parts[1] = string.char(64 + parts[1]) end
  local number = table.concat(parts, '.')
  if in_appendices and is_html then header.attributes.number = number end
  if kind_of(header.identifier) == 'sec' then
    numbers[header.identifier] = number
    names[header.identifier] = in_appendices and 'Appendix' or nil
  end
  if is_html then return header end
  if is_first then return { new_page, raw_block '#show: appendices', header } end
  return header.classes:includes 'new-page' and { new_page, header } or header
end

---------------------------------------------------------------------------- formulas

-- Writes a formula; `read_equations` adds the number where it has one.
local function read_formula(math)
  if not is_html then
    local written = pandoc.write(pandoc.Pandoc { pandoc.Plain(math) }, 'typst'):gsub('%s+$', '')
    return raw_inline(('#formula(%s, alt: %s)'):format(written, typst_string(math.text)))
  end
  if math.mathtype == 'InlineMath' then return nil end
  return pandoc.Span(pandoc.Span(math, { class = 'equation-body' }), { class = 'equation' })
end

local function is_written_formula(inline)
  return is_html and inline.t == 'Span' and inline.classes:includes 'equation'
    or inline.t == 'RawInline' and inline.text:match '^#formula%(' ~= nil
end

local function add_number(formula, id)
  local number = '(' .. numbers[id] .. ')'
  if is_html then
    formula.identifier = id
    formula.content:insert(pandoc.Span(number, { class = 'equation-number' }))
  else
    formula.text = ('%s, number: "%s")<%s>'):format(formula.text:sub(1, -2), number, id)
  end
end

-- Numbers each formula of a paragraph behind which a `{#eq-x}` stands.
local function read_equations(paragraph)
  local result, is_changed = pandoc.Inlines {}, false
  for _, inline in ipairs(paragraph.content) do
    local id, rest = (inline.t == 'Str' and inline.text or ''):match '^{#(eq%-[^%s}]+)}(.*)$'
    local place = #result
    if id and place > 1 and (result[place].t == 'Space' or result[place].t == 'SoftBreak') then
      place = place - 1
    end
    if id and place > 0 and is_written_formula(result[place]) then
      local formula = result[place]
      count(id, 'eq')
      add_number(formula, id)
      while #result >= place do result:remove() end
      result:insert(formula)
      if rest ~= '' then result:insert(pandoc.Str(rest)) end
      is_changed = true
    else
      result:insert(inline)
    end
  end
  if not is_changed then return nil end
  paragraph.content = result
  return paragraph
end

---------------------------------------------------------------------------- code

local function read_code(code)
  local name = code.attributes.filename
  if not name then return nil end
  code.attributes.filename = nil
  if not is_html then
    return enclose({ raw_inline(('#listing(%s)['):format(typst_string(name))) }, { code }, ']')
  end
  local bar = pandoc.Div(pandoc.Plain(pandoc.Str(name)), { class = 'code-name' })
  return pandoc.Div({ bar, code }, { class = 'code-file' })
end

---------------------------------------------------------------------------- lead-ins

local shown = { BulletList = true, OrderedList = true, CodeBlock = true }

local function is_formula(block)
  return block.t == 'Para' and block.content[1].t == 'Math'
    and block.content[1].mathtype == 'DisplayMath'
end

-- On paper a short paragraph stays on the page of the formula, the list or the code after it.
local function read_blocks(blocks)
  local result = pandoc.Blocks {}
  for position, block in ipairs(blocks) do
    local following = blocks[position + 1]
    local leads = following and block.t == 'Para' and not is_formula(block)
      and (shown[following.t] or is_formula(following))
      and #pandoc.utils.stringify(block) < 600
    result:extend(leads and enclose({ raw_inline '#lead-in[' }, { block }, ']') or { block })
  end
  return result
end

---------------------------------------------------------------------------- cross-references

local function reference(citation)
  local id = citation.id:sub(1, 1):lower() .. citation.id:sub(2)
  local number = numbers[id]
  if not number then
    pandoc.log.warn('@' .. citation.id .. ': nothing with this id has a number')
    return { pandoc.Str('@' .. citation.id) }
  end
  local text = pandoc.Inlines(citation.prefix)
  if #text == 0 and citation.mode ~= 'SuppressAuthor' then
    text:insert(pandoc.Str(names[id] or reference_names[kind_of(id)]))
  end
  if #text > 0 then text:insert(pandoc.Str '\u{a0}') end
  text:insert(pandoc.Str(number))
  local result = pandoc.Inlines { pandoc.Link(text, '#' .. id, '', { class = 'cross-reference' }) }
  result:extend(citation.suffix)
  return result
end

local function read_cite(cite)
  local result, references = pandoc.Inlines {}, 0
  for _, citation in ipairs(cite.citations) do
    if kind_of(citation.id:lower()) then references = references + 1 end
  end
  if references == 0 then return nil end
  if references < #cite.citations then
    pandoc.log.warn('cross-references and citations cannot share brackets: '
      .. pandoc.utils.stringify(cite))
  end
  for position, citation in ipairs(cite.citations) do
    if position > 1 then result:extend { pandoc.Str ',', pandoc.Space() } end
    result:extend(reference(citation))
  end
  return result
end

---------------------------------------------------------------------------- receipts

-- In the PDF a number leads to the row of the experiment that it comes from.
local function read_receipt(span)
  local experiment = span.attributes['data-experiment']
  if is_html or not span.classes:includes 'receipt' or not experiment then return nil end
  local inlines = pandoc.Inlines { raw_inline(('#receipt(%s)['):format(
    typst_string('runs-' .. experiment))) }
  inlines:extend(span.content)
  inlines:insert(raw_inline ']')
  return inlines
end

-- A sign that a person wrote and that looks like the first of a mark: as Typst's string it is none.
local function read_verbatim(span)
  if is_html or not span.classes:includes 'verbatim' then return nil end
  return raw_inline('#' .. typst_string(pandoc.utils.stringify(span)) .. ';')
end

local function finish_span(span)
  check_id(span)
  return read_verbatim(span) or read_receipt(span)
end

-- Each walk goes through the whole document: what can go together does. None asks for every `Str`,
-- of which a report has tens of thousands; marks that are left are found by `render.py`.
function Pandoc(doc)
  doc = doc:walk { Div = drop_other_format, Span = drop_other_format }
  doc = doc:walk { Div = read_div }
  if not is_html then doc = doc:walk { Blocks = read_blocks } end
  doc = doc:walk { Header = read_header, Table = read_table, CodeBlock = read_code,
    Math = read_formula }
  doc = doc:walk { Figure = read_figure, Para = read_equations }
  doc = doc:walk { Image = read_image }
  return doc:walk { Span = finish_span, Div = check_id, Header = check_id, Cite = read_cite }
end
