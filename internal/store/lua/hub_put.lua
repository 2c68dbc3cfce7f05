-- hub_put makes or renews a subscription that its callback confirmed.
-- KEYS  1 thoonk.hub.subs   2 thoonk.hub.states   3 thoonk.hub.ends   4 thoonk.hub.due   5 thoonk.hub.later   6 thoonk.hub.taken
--       7 thoonk.hub.dirty   8 the set of the topic's subscriptions   9 thoonk.hub.patterns   10 thoonk.hub.refresh
--       11 thoonk.meta:F or, of a pattern, thoonk.log   12 thoonk.hub.intents
-- ARGV  1 id   2 record   3 its end, milliseconds since 1970   4 who alone may renew it   5 the pattern, or ''
--       6 when to ask for a refresh, milliseconds since 1970, or ''   7 id of the intent, or ''   8 its nonce
-- returns  ok, 1 if it is new | forbidden | superseded
local SUBS, STATES, ENDS, DUE, LATER, TAKEN, DIRTY, TOPIC, PATTERNS, REFRESH, SOURCE, INTENTS = unpack(KEYS)
local id, record, ends, owner, pattern, refresh, intent, nonce = unpack(ARGV)
local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

if intent ~= '' then
  local asked = call('HGET', INTENTS, intent)
  if not asked or string.match(asked, '^%S+') ~= nonce then return {'superseded'} end
end
local old = call('HGET', SUBS, id)
if old and cjson.decode(old).p ~= owner then return {'forbidden'} end
local cursor = '0-0'
if not old and pattern == '' then
  cursor = call('HGET', SOURCE, 'revision') or cursor
elseif not old then
  local top = call('XREVRANGE', SOURCE, '+', '-', 'COUNT', 1)
  if top[1] then cursor = top[1][1] end
end
for _, key in ipairs({DUE, LATER, ENDS, REFRESH}) do call('ZCARD', key) end
for _, key in ipairs({DIRTY, TOPIC, PATTERNS}) do call('SCARD', key) end
call('HLEN', TAKEN)

call('HSET', SUBS, id, record)
if not old then call('HSET', STATES, id, '1 ' .. cursor .. ' - 0 0 0 0 0 0 ') end
call('ZADD', ENDS, ends, id)
call('SADD', TOPIC, id)
if pattern ~= '' then call('SADD', PATTERNS, pattern) end
if refresh ~= '' then call('ZADD', REFRESH, refresh, id) else call('ZREM', REFRESH, id) end
-- Who renews is there: what waits for a retry is tried now.
call('ZREM', LATER, id)
if call('HEXISTS', TAKEN, id) == 1 then call('SADD', DIRTY, id) else call('ZADD', DUE, 'NX', now, id) end
return {'ok', old and 0 or 1}
