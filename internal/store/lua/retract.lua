-- retract removes one item of a feed.
-- ARGV  5 id   6 If-Match   7 If-None-Match
-- returns  ok, revision
--          stale, present revision | not_found | not_found, item | conflict, bare | conflict, type, T
local id, match, none = unpack(ARGV, 5, 7)

open()
local refusal = absent()
if refusal then return refusal end
if feed.type ~= 'feed' then return {'conflict', 'type', feed.type} end
local placed = call('ZSCORE', IDS, id)
local stored = call('HEXISTS', ITEMS, id) == 1

if match ~= '' or none ~= '' then
  compare(id)
  commit()
  local last = said(id)
  local present = last and last.revision or ''
  if present == '' then return {'not_found', 'item'} end
  if not holds(match, none, present) then return {'stale', present} end
end
if not placed and not stored then return {'not_found', 'item'} end

begin()
tell(id, false)
call('ZREM', IDS, id)
call('HDEL', ITEMS, id)
commit()
message('feed.retract:' .. name, id)
emit()
return {'ok', revision}
