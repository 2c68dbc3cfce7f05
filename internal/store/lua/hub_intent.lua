-- hub_intent keeps a request until its callback was asked, in place of an earlier one of the same kind, or says what
-- came of it.
-- KEYS  1 thoonk.hub.intents   2 thoonk.hub.asking   3 thoonk.hub.taken   4 thoonk.hub.dirty
-- ARGV  1 put, done or retry   2 id   3 nonce   4 record of put and retry   5 of retry: when, milliseconds since 1970
--       6 of put: how many may wait; of the others: the worker's token
-- returns  ok | limited | fenced
local INTENTS, ASKING, TAKEN, DIRTY = unpack(KEYS)
local verb, id, nonce, record, at, token = unpack(ARGV)
local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

if verb == 'put' then
  if call('HEXISTS', INTENTS, id) == 0 and call('HLEN', INTENTS) >= tonumber(token) then return {'limited'} end
  call('HSET', INTENTS, id, nonce .. ' ' .. record)
  if call('HEXISTS', TAKEN, id) == 1 then call('SADD', DIRTY, id) else call('ZADD', ASKING, now, id) end
  return {'ok'}
end
if call('HGET', TAKEN, id) ~= token then return {'fenced'} end
call('HDEL', TAKEN, id)
call('SREM', DIRTY, id)
local asked = call('HGET', INTENTS, id)
if asked and string.match(asked, '^%S+') ~= nonce then
  call('ZADD', ASKING, now, id)
elseif verb == 'done' then
  call('HDEL', INTENTS, id)
elseif asked then
  call('HSET', INTENTS, id, nonce .. ' ' .. record)
  call('ZADD', ASKING, at, id)
end
return {'ok'}
