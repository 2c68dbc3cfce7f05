-- giveback gives claimed jobs back or puts them aside, each for itself.
-- ARGV  6... for each job: cancel or stall; id; token; error; milliseconds until it is tried again, '' for the
--       queue's backoff; worker
-- returns  ok, then for each job: queued, held, stalled, retracted or lost; when it is due in microseconds or ''
--          not_found | conflict, bare | conflict, type, T
local FIELDS = 6

local refusal = open_queue('job')
if refusal then return refusal end

local jobs, ids, tokens = {}, {}, {}
for i = 6, #ARGV, FIELDS do
  local verb, id, token, err, delay, worker = unpack(ARGV, i, i + FIELDS - 1)
  jobs[#jobs + 1] = {verb = verb, id = id, error = err, delay = delay, who = worker, reason = ''}
  ids[#ids + 1], tokens[#tokens + 1] = id, token
end
local claims = leased(ids, tokens)
local ours, our_ids, twice = {}, {}, {}
for i, job in ipairs(jobs) do
  job.claim = claims[i]
  if job.claim and not twice[job.id] then
    twice[job.id] = true
    ours[#ours + 1], our_ids[#our_ids + 1] = job, job.id
  end
end
if #ours > 0 then
  start()
  for i, text in ipairs(call('HMGET', RECORDS, unpack(our_ids))) do
    ours[i].text = text or 'o'
  end
  local tellings = telling()
  give_back(ours, tellings)
  tellings.all()
  finish_queue()
end
local answer = {'ok'}
for i, job in ipairs(jobs) do
  answer[2 * i], answer[2 * i + 1] = job.state or 'lost', job.due or ''
end
return answer
