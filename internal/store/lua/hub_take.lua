-- hub_take gives a worker what is due. Before it stands fence.lua: the lease is the worker's own, so that what a dead worker
-- took is found.
-- KEYS  2 thoonk.hub.taken, then three of each queue: the queue, the records of its members, a second hash of them
-- ARGV  2, ... how many to take of each queue
-- returns  ok, milliseconds until the next is due or -1, and of each queue a list: id, record, second, ...
--          fenced
if fenced() then return {'fenced'} end
local call, TAKEN, token = redis.call, KEYS[2], ARGV[1]
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local next_due = -1
local answer = {'ok', 0}

for q = 1, #ARGV - 1 do
  local queue, records, seconds = KEYS[3 * q], KEYS[3 * q + 1], KEYS[3 * q + 2]
  local list = {}
  local limit = tonumber(ARGV[q + 1])
  local due = limit > 0 and call('ZRANGEBYSCORE', queue, '-inf', now, 'LIMIT', 0, limit) or {}
  for _, id in ipairs(due) do
    call('ZREM', queue, id)
    local record = call('HGET', records, id)
    if record then
      call('HSET', TAKEN, id, token)
      list[#list + 1] = id
      list[#list + 1] = record
      list[#list + 1] = call('HGET', seconds, id) or ''
    end
  end
  answer[#answer + 1] = list
  local first = call('ZRANGE', queue, 0, 0, 'WITHSCORES')
  if first[2] then
    local wait = math.max(0, first[2] - now)
    if next_due < 0 or wait < next_due then next_due = wait end
  end
end
answer[2] = math.floor(next_due)
return answer
