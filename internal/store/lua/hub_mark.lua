-- hub_mark says that subscriptions have something to deliver. Before it stands fence.lua: who reads the log for the hub
-- alone may. One that waits for a retry goes on waiting; one that a worker has is looked at again after.
-- KEYS  2 thoonk.hub.place   3 thoonk.hub.due   4 thoonk.hub.later   5 thoonk.hub.taken   6 thoonk.hub.dirty
-- ARGV  2 the place in the log up to which all is marked with this, or ''   3, ... ids
-- returns  ok, how many are newly due | fenced
if fenced() then return {'fenced'} end
local call = redis.call
local _, PLACE, DUE, LATER, TAKEN, DIRTY = unpack(KEYS)
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local marked = 0
for i = 3, #ARGV do
  local id = ARGV[i]
  if call('HEXISTS', TAKEN, id) == 1 then
    call('SADD', DIRTY, id)
  elseif not call('ZSCORE', LATER, id) then
    marked = marked + call('ZADD', DUE, 'NX', now, id)
  end
end
if ARGV[2] ~= '' then call('SET', PLACE, ARGV[2]) end
return {'ok', marked}
