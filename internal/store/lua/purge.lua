-- purge retracts the first items of a feed, as many as one call may.
-- ARGV  5 that bound
-- returns  ok, number of items that are left
--          not_found | conflict, bare | conflict, type, T
local BOUND = tonumber(ARGV[5])

open()
local refusal = absent()
if refusal then return refusal end
if not feed.sorted and feed.type ~= 'feed' then return {'conflict', 'type', feed.type} end
local length = call(feed.sorted and 'LLEN' or 'ZCARD', IDS)
call('HLEN', ITEMS)
if length == 0 then return {'ok', 0} end

begin()
local ids = call(feed.sorted and 'LRANGE' or 'ZRANGE', IDS, 0, BOUND - 1)
local left = length - #ids
for i, id in ipairs(ids) do
  if i > 1 then now = whole(now + 1) end
  tell(id, false, nil, i == #ids and left == 0 and 'purged' or 'purging')
  if feed.sorted then
    call('LREM', IDS, 1, id)
  else
    call('ZREM', IDS, id)
  end
  call('HDEL', ITEMS, id)
  message('feed.retract:' .. name, id)
end
commit()
emit()
return {'ok', left}
