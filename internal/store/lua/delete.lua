-- delete removes a feed of any type, with every key of the contract and of ours.
-- KEYS  27... the further keys that the contract has for other types, and those that we have beside lib.lua's
-- ARGV  6 If-Match   7 If-None-Match
-- returns  ok | stale, present revision | not_found | conflict, bare | reused
local match, none = unpack(ARGV, 6, 7)

open()
local refusal = recorded() or absent() -- once done, the feed is not there
if refusal then return refusal end
redeclare()
if not holds(match, none, feed.configured) then
  commit()
  return {'stale', feed.configured}
end

ended()
call('SREM', FEEDS, name)
call('UNLINK', CONFIG, IDS, ITEMS, PUBLISHES, unpack(KEYS, 27))
call('ZREM', KNOWN, name)
message('delfeed', name .. '\0' .. instance)
emit()
return record({'ok'})
