-- hub_intervene does to a subscription what a person asks for. The generation of its state grows: a worker that has it
-- does not write over this.
-- KEYS  1 thoonk.hub.subs   2 thoonk.hub.states   3 thoonk.hub.due   4 thoonk.hub.later   5 thoonk.hub.taken   6 thoonk.hub.dirty
-- ARGV  1 id   2 pause, resume, redeliver or replay   3 the revision to replay from
-- returns  ok | not_found
local SUBS, STATES, DUE, LATER, TAKEN, DIRTY = unpack(KEYS)
local id, verb, from = unpack(ARGV)
local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local state = call('HGET', STATES, id)
if not state or call('HEXISTS', SUBS, id) == 0 then return {'not_found'} end
local generation, cursor, flags, failures, rest = string.match(state, '^(%d+) (%S+) (%S+) (%d+) (.*)$')
if verb == 'pause' then
  flags = 'p' .. string.gsub(flags, '[-p]', '')
else
  if verb ~= 'redeliver' then flags = string.gsub(flags, 'p', '') end
  flags = string.gsub(flags, 's', '')
  failures = '0'
end
if verb == 'replay' then
  cursor = from
  flags = string.gsub(flags, '[-r]', '') .. 'r' -- until a worker has seen it
end
if flags == '' then flags = '-' end
call('HSET', STATES, id, table.concat({string.format('%.0f', generation + 1), cursor, flags, failures, rest}, ' '))
call('ZREM', LATER, id)
if verb == 'pause' then
  call('ZREM', DUE, id)
elseif call('HEXISTS', TAKEN, id) == 1 then
  call('SADD', DIRTY, id)
else
  call('ZADD', DUE, now, id)
end
return {'ok'}
