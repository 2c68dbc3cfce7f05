-- history reads entries of a stream from one of them on, that one included, up to a bound on their bytes.
-- KEYS  1 thoonk.history:F
-- ARGV  1 id of the entry to begin with, or -   2 limit   3 bytes, beyond which the page ends
-- returns  entries as XRANGE does, at least two if there are
local from, left, bytes = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local PIECE = 8 -- entries read at once

local entries = {}
while left > 0 and (bytes > 0 or #entries < 2) do
  local piece = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', math.min(PIECE, left))
  for _, entry in ipairs(piece) do
    if bytes <= 0 and #entries >= 2 then return entries end
    entries[#entries + 1] = entry
    for _, field in ipairs(entry[2]) do
      bytes = bytes - #field
    end
  end
  if #piece < math.min(PIECE, left) then break end
  left = left - #piece
  from = '(' .. piece[#piece][1]
end
return entries
