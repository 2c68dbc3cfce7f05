-- extend makes a lease end at another time, and notes how far one of its jobs is.
-- ARGV  6 token   7 milliseconds from now on, or ''   8 id of a job that must be claimed by it, or ''   9 what to note, or ''
-- returns  ok, end of the lease in milliseconds, then the ids of its jobs that somebody asked to give up
--          lost | lease, the longest in milliseconds | not_found | conflict, bare | conflict, type, T
local token, lease, id, progress = unpack(ARGV, 6, 9)

local refusal = open_queue()
if refusal then return refusal end
lease = tonumber(lease) or queue.lease
if lease > queue.max_lease then return {'lease', whole(queue.max_lease)} end
local claim, secret = string.match(token, '^(%d+)%.(%w+)$')
local kept = claim and call('HGET', LEASES, claim)
local known, holder, worker = string.match(kept or '', '^(%w+) %d+ (%S+) (.*)$')
if not known or known ~= secret then return {'lost'} end
if id ~= '' and not leased({id}, {token})[1] then return {'lost'} end

start()
local ends = whole(math.floor(now / 1000) + lease)
call('HSET', LEASES, claim, table.concat({secret, ends, holder, worker}, ' '))
call('ZADD', EXPIRES, ends, claim)
timer(ends)
if progress ~= '' then
  local r = parse(call('HGET', RECORDS, id))
  r.r = progress
  call('HSET', RECORDS, id, format_record(r))
end
finish_queue()
local answer = {'ok', ends}
if feed.type == 'job' then
  local at = score_of(claim)
  local ids = call('ZRANGEBYSCORE', CLAIMED, at, at, 'LIMIT', 0, PART)
  local texts = #ids > 0 and call('HMGET', RECORDS, unpack(ids)) or {}
  for i, job in ipairs(ids) do
    if texts[i] and string.find(texts[i], '\nc', 1, true) then answer[#answer + 1] = job end
  end
end
return answer
