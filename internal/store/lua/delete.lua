-- delete removes a feed of any type, with every key of the contract and of ours.
-- KEYS  13... the further keys that the contract has for other types
-- ARGV  5 If-Match   6 If-None-Match
-- returns  ok | stale, present revision | not_found | conflict, bare
local match, none = unpack(ARGV, 5, 6)

open()
local refusal = absent()
if refusal then return refusal end
redeclare()
if not holds(match, none, feed.configured) then
  commit()
  return {'stale', feed.configured}
end

ended()
call('SREM', FEEDS, name)
call('UNLINK', CONFIG, IDS, ITEMS, PUBLISHES, unpack(KEYS, 13))
call('ZREM', KNOWN, name)
message('delfeed', name .. '\0' .. instance)
emit()
return {'ok'}
