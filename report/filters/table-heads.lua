-- Says in the page which cells of a table head a column or a row: a screen reader repeats them at
-- the others. Both engines run it; on paper it changes nothing.

if not FORMAT:match 'html' then return {} end

local function head(cell, scope)
  cell.attr.attributes.scope = scope
  return cell
end

function Table(tbl)
  for _, row in ipairs(tbl.head.rows) do
    row.cells = row.cells:map(function(cell) return head(cell, 'col') end)
  end
  for _, body in ipairs(tbl.bodies) do
    body.row_head_columns = 1
    for _, row in ipairs(body.body) do
      if row.cells[1] then row.cells[1] = head(row.cells[1], 'row') end
    end
  end
  return tbl
end
