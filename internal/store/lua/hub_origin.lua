-- hub_origin keeps what is known of a topic that is hosted elsewhere, or has it fetched.
-- KEYS  1 thoonk.hub.origins   2 thoonk.hub.fetch   3 thoonk.hub.taken   4 thoonk.hub.dirty
-- ARGV  1 put, fetch or finish   2 the topic   3 of put and finish: its record   4 of put: how many topics may be kept; of
--       finish: the worker's token   5 of finish: when to fetch it again, milliseconds since 1970, or ''
-- returns  ok | limited | fenced
local ORIGINS, FETCH, TAKEN, DIRTY = unpack(KEYS)
local verb, topic, record, third, at = unpack(ARGV)
local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local there = call('HEXISTS', ORIGINS, topic) == 1

if verb == 'put' then
  if not there and call('HLEN', ORIGINS) >= tonumber(third) then return {'limited'} end
  call('HSET', ORIGINS, topic, record)
  return {'ok'}
end
if verb == 'fetch' then
  if not there then return {'ok'} end
  if call('HEXISTS', TAKEN, topic) == 1 then call('SADD', DIRTY, topic) else call('ZADD', FETCH, now, topic) end
  return {'ok'}
end
if call('HGET', TAKEN, topic) ~= third then return {'fenced'} end
call('HDEL', TAKEN, topic)
if there then call('HSET', ORIGINS, topic, record) end
if call('SREM', DIRTY, topic) == 1 then
  call('ZADD', FETCH, now, topic)
elseif at ~= '' then
  call('ZADD', FETCH, at, topic)
end
return {'ok'}
