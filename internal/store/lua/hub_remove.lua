-- hub_remove ends a subscription. A worker that has it finds that out when it reports.
-- KEYS  1 thoonk.hub.subs   2 thoonk.hub.states   3 thoonk.hub.ends   4 thoonk.hub.due   5 thoonk.hub.later   6 thoonk.hub.taken
--       7 thoonk.hub.dirty   8 the set of the topic's subscriptions   9 thoonk.hub.patterns   10 thoonk.hub.refresh
--       11 thoonk.hub.attempts:ID   12 thoonk.hub.intents
-- ARGV  1 id   2 who wants it, or '' for us   3 the pattern, or ''   4 if its lease ended by then, milliseconds since 1970, or ''
--       5 id of the intent, or ''   6 its nonce
-- returns  ok, 1 if it was there | forbidden | superseded
local SUBS, STATES, ENDS, DUE, LATER, TAKEN, DIRTY, TOPIC, PATTERNS, REFRESH, ATTEMPTS, INTENTS = unpack(KEYS)
local id, owner, pattern, ended, intent, nonce = unpack(ARGV)
local call = redis.call

if intent ~= '' then
  local asked = call('HGET', INTENTS, intent)
  if not asked or string.match(asked, '^%S+') ~= nonce then return {'superseded'} end
end
local old = call('HGET', SUBS, id)
if not old then return {'ok', 0} end
if owner ~= '' and cjson.decode(old).p ~= owner then return {'forbidden'} end
if ended ~= '' and (tonumber(call('ZSCORE', ENDS, id) or '0') > tonumber(ended)) then return {'ok', 0} end

call('HDEL', SUBS, id)
call('HDEL', STATES, id)
for _, key in ipairs({ENDS, DUE, LATER, REFRESH}) do call('ZREM', key, id) end
call('SREM', DIRTY, id)
call('SREM', TOPIC, id)
if pattern ~= '' and call('EXISTS', TOPIC) == 0 then call('SREM', PATTERNS, pattern) end
call('DEL', ATTEMPTS)
call('HDEL', TAKEN, id)
return {'ok', 1}
