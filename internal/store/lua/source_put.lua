-- source_put declares a source. One that has become another, in its kind, address or feed, begins anew.
-- KEYS  1 thoonk.sources   2 thoonk.source.states   3 thoonk.source.due   4 thoonk.source.seen:NAME
-- ARGV  1 name   2 life of the declaration that was read before, '' if there was none   3 life now   4 record
--       5 when it is due, milliseconds since 1970, '' if never
-- returns  ok | changed, if another declaration has come between
local SOURCES, STATES, DUE, SEEN = unpack(KEYS)
local name, before, life, record, due = unpack(ARGV)
local call = redis.call

local old = call('HGET', SOURCES, name)
if (old and string.match(old, '^%S+') or '') ~= before then return 'changed' end
call('HLEN', STATES)
call('ZCARD', DUE)
call('HLEN', SEEN)

call('HSET', SOURCES, name, life .. ' ' .. record)
if life ~= before then
  call('HDEL', STATES, name)
  call('UNLINK', SEEN)
end
if due == '' then call('ZREM', DUE, name) else call('ZADD', DUE, due, name) end
return 'ok'
