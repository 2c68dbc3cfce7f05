-- beat says that a process lives, and asks what the maintenance has to do.
-- KEYS  1 thoonk.holders   2 thoonk.timers
-- ARGV  1 the process
-- returns  1 if it was not known to live before; milliseconds until the next timer or ''; how many queues are due; these;
--          then each process and its last sign of life
local MOST = 100
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local new = redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[1])
local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, MOST)
local following = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. string.format('%.0f', now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
local answer = {new, following[2] and string.format('%.0f', following[2] - now) or '', #due}
for _, queue in ipairs(due) do
  answer[#answer + 1] = queue
end
for _, v in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')) do
  answer[#answer + 1] = v
end
return answer
