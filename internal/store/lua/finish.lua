-- finish ends claimed jobs as done, each for itself. A job that the same lease finished already counts as done.
-- ARGV  6... for each job: id; token; +, or - if there is no result; result; worker
-- returns  ok, then for each job: finished or lost, ''
--          not_found | conflict, bare | conflict, type, T
local FIELDS = 5

local refusal = open_queue('job')
if refusal then return refusal end

local jobs, ids, tokens = {}, {}, {}
for i = 6, #ARGV, FIELDS do
  local id, token, flag, result, worker = unpack(ARGV, i, i + FIELDS - 1)
  jobs[#jobs + 1] = {id = id, token = token, flag = flag, result = result, worker = worker}
  ids[#ids + 1], tokens[#tokens + 1] = id, token
end
local claims = leased(ids, tokens)

local done, done_ids, twice = {}, {}, {}
for i, job in ipairs(jobs) do
  job.claim = claims[i]
  if job.claim and not twice[job.id] then
    twice[job.id] = true
    done[#done + 1], done_ids[#done_ids + 1] = job, job.id
  else
    local outcome = call('HGET', RESULTS, job.id)
    local same = outcome and string.match(outcome, '^finished\n%d+\n(%S+)\n') == job.token
    job.answer = (same or twice[job.id] and job.claim) and 'finished' or 'lost'
  end
end

local answer = {'ok'}
if #done > 0 then
  start()
  local texts, failures = call('HMGET', RECORDS, unpack(done_ids)), call('HMGET', CANCELLED, unpack(done_ids))
  local tellings, special, leases = telling(), {}, {}
  for i, job in ipairs(done) do
    job.answer, job.state = 'finished', 'finished'
    job.owner, job.attempt = owner_of(texts[i]), (failures[i] or 0) + 1
    leases[job.claim] = true
    if not simple(texts[i]) then special[#special + 1] = {id = job.id, r = parse(texts[i]), done = true} end
    tellings.add('finish', job.id, job.owner, job.worker, '')
    if job.flag == '+' then message('job.finish:' .. name, job.id .. '\0' .. job.result) end
  end
  call('ZREM', CLAIMED, unpack(done_ids))
  call('HDEL', CANCELLED, unpack(done_ids))
  call('ZREM', PUBLISHED, unpack(done_ids))
  call('INCRBY', FINISHES, #done)
  call('HDEL', ITEMS, unpack(done_ids))
  call('HDEL', RECORDS, unpack(done_ids))
  keep_outcomes(done)
  tellings.all()
  for _, s in ipairs(special) do
    free_unique(s.id, s.r)
    leave_group(s.id, s.r, tellings)
  end
  for _, job in ipairs(done) do
    job.done = true
  end
  dependents(done, tellings)
  tellings.all()
  drop_leases(leases)
  finish_queue()
end
for i, job in ipairs(jobs) do
  answer[2 * i], answer[2 * i + 1] = job.answer, ''
end
return answer
