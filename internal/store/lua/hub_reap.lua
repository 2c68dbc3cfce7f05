-- hub_reap gives back what a worker took whose lease lapsed.
-- KEYS  1 the worker's lease   2 thoonk.hub.taken   3 thoonk.hub.dirty   4 thoonk.hub.workers
--       5 thoonk.hub.subs   6 thoonk.hub.due   7 thoonk.hub.intents   8 thoonk.hub.asking   9 thoonk.hub.origins   10 thoonk.hub.fetch
-- ARGV  1 the worker's token   2 its name   3 1 if there is no more than this   4, ... ids that it took
-- returns  1 if the worker is dead, 0 if not
local LEASE, TAKEN, DIRTY, WORKERS = unpack(KEYS, 1, 4)
local call, token = redis.call, ARGV[1]
if call('GET', LEASE) == token then return 0 end
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 4, #ARGV do
  local id = ARGV[i]
  if call('HGET', TAKEN, id) == token then
    call('HDEL', TAKEN, id)
    call('SREM', DIRTY, id)
    for k = 5, 9, 2 do
      if call('HEXISTS', KEYS[k], id) == 1 then call('ZADD', KEYS[k + 1], now, id) end
    end
  end
end
if ARGV[3] == '1' then call('SREM', WORKERS, ARGV[2]) end
return 1
