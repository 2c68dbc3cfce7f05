-- jobs reads jobs of a queue and changes nothing, but that it begins to tell of one that another client made.
-- ARGV  6... the filter, as choose() in joblook.lua has it
-- returns  ok, content of the queue, most attempts, place to go on from or '', then for each job: id, state, payload, record,
--          failures, score of feed.published, score of feed.claimed, its lease or '', score of thoonk.due, outcome
--          not_found | conflict, bare | conflict, type, T
local refusal = open_queue('job')
if refusal then return refusal end
local chosen, place = choose(6)
local answer = {'ok', feed.content, whole(queue.attempts), place}
local claims = {}
for _, job in ipairs(chosen) do
  if job.claimed ~= '' then claims[#claims + 1] = claim_of(job.claimed) end
end
local leases = {}
if #claims > 0 then
  for i, lease in ipairs(call('HMGET', LEASES, unpack(claims))) do
    leases[claims[i]] = lease
  end
end
for _, job in ipairs(chosen) do
  local lease = job.claimed ~= '' and leases[claim_of(job.claimed)] or ''
  for _, v in ipairs({job.id, job.state, job.payload, job.text, job.failures, job.published, job.claimed, lease, job.due, job.outcome}) do
    answer[#answer + 1] = v
  end
end
return answer
