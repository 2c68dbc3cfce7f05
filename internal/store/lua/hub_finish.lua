-- hub_finish writes what a worker did with subscriptions that it took, each if it still is the worker's.
-- KEYS  1 thoonk.hub.taken   2 thoonk.hub.dirty   3 thoonk.hub.due   4 thoonk.hub.later   5 thoonk.hub.subs   6 thoonk.hub.states
-- ARGV  1 the worker's token, then five of each subscription: id, generation of the state that it began with, its state
--       now, hold, idle, again or later, and milliseconds since 1970 of later
-- returns  the ids that are not the worker's any more, or that somebody intervened in: the worker is to let go of them
local TAKEN, DIRTY, DUE, LATER, SUBS, STATES = unpack(KEYS)
local call, token = redis.call, ARGV[1]
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lost = {}
call('ZCARD', DUE)
call('ZCARD', LATER)
call('SCARD', DIRTY)
call('HLEN', SUBS)
call('HLEN', STATES)

-- keep notes how far a worker came beside what a person wanted meanwhile, unless that was to begin elsewhere.
local function keep(id, there, state)
  local pattern = '^(%d+) (%S+) (%S+) (%d+) (.*)$'
  local generation, _, flags, failures = string.match(there, pattern)
  local _, cursor, _, _, rest = string.match(state, pattern)
  if string.find(flags, 'r', 1, true) then return end
  call('HSET', STATES, id, table.concat({generation, cursor, flags, failures, rest}, ' '))
end

for i = 2, #ARGV, 5 do
  local id, generation, state, verdict, at = unpack(ARGV, i, i + 4)
  if call('HGET', TAKEN, id) ~= token then
    lost[#lost + 1] = id
  else
    local there = call('HGET', STATES, id)
    if there and string.match(there, '^%d+') == generation then
      call('HSET', STATES, id, state)
    else
      lost[#lost + 1] = id
      verdict = 'again'
      if there then keep(id, there, state) end
    end
    if verdict ~= 'hold' then
      call('HDEL', TAKEN, id)
      local dirty = call('SREM', DIRTY, id) == 1
      if not there or call('HEXISTS', SUBS, id) == 0 then
        call('HDEL', STATES, id)
      elseif verdict == 'later' then
        call('ZADD', LATER, at, id)
      elseif dirty or verdict == 'again' then
        call('ZADD', DUE, now, id)
      end
    end
  end
end
return lost
