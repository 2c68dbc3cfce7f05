-- former looks in the history for the last body that an item had before a change of its feed.
-- KEYS  1 thoonk.history:F
-- ARGV  1 id   2 revision of that change   3 so many entries are looked at
-- returns  the body, or false
local id, last, left = ARGV[1], '(' .. ARGV[2], tonumber(ARGV[3])
while left > 0 do
  local entries = redis.call('XREVRANGE', KEYS[1], last, '-', 'COUNT', math.min(left, 50))
  if #entries == 0 then return false end
  for _, entry in ipairs(entries) do
    local field = {}
    for i = 1, #entry[2], 2 do field[entry[2][i]] = entry[2][i + 1] end
    if field.id == id and (field.kind == 'publish' or field.kind == 'edit') then return field.body end
  end
  last, left = '(' .. entries[#entries][1], left - #entries
end
return false
