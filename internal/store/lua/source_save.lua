-- source_save writes what whoever works a source learned. Before it stands fence.lua.
-- KEYS  1 the lease of the source   2 thoonk.sources   3 thoonk.source.states   4 thoonk.source.due
--       5 thoonk.source.seen:NAME   6 thoonk.source.callbacks
-- ARGV  1 the fencing token   2 name   3 life   4 state   5 when it is due, milliseconds since 1970, '' if never
--       6 the secret part of its callback, or ''   then id, value, … of entries; an empty value forgets one
-- returns  ok | fenced | gone
if fenced() then return 'fenced' end
local _, SOURCES, STATES, DUE, SEEN, CALLBACKS = unpack(KEYS)
local _, name, life, state, due, callback = unpack(ARGV, 1, 6)
local call = redis.call

local now = call('HGET', SOURCES, name)
if not now or string.match(now, '^%S+') ~= life then return 'gone' end
call('HLEN', STATES)
call('ZCARD', DUE)
call('HLEN', SEEN)
call('HLEN', CALLBACKS)

call('HSET', STATES, name, life .. ' ' .. state)
if due == '' then
  call('ZREM', DUE, name)
elseif call('ZSCORE', DUE, name) ~= '0' then -- somebody asked for a look meanwhile
  call('ZADD', DUE, due, name)
end
if callback ~= '' then call('HSET', CALLBACKS, callback, name) end
for i = 7, #ARGV, 2 do
  if ARGV[i + 1] == '' then
    call('HDEL', SEEN, ARGV[i])
  else
    call('HSET', SEEN, ARGV[i], ARGV[i + 1])
  end
end
return 'ok'
