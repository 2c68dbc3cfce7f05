-- unclaim takes a claim back, as if it had not been made: its caller went away before it had its jobs. They go back to where they
-- were taken, and it counts as no attempt.
-- ARGV  6 token of the claim
-- returns  ok, jobs put back
--          not_found | conflict, bare | conflict, type, T
local refusal = open_queue('job')
if refusal then return refusal end
local claim, secret = string.match(ARGV[6], '^(%d+)%.(%w+)$')
local lease = claim and call('HGET', LEASES, claim)
if not lease or string.match(lease, '^%w+') ~= secret then return {'ok', 0} end

start()
local at = score_of(claim)
local ids = call('ZRANGEBYSCORE', CLAIMED, at, at)
local jobs = {}
for i, id in ipairs(ids) do
  local text = call('HGET', RECORDS, id) or 'o'
  local r = parse(text)
  jobs[i] = {id = id, r = r, text = text, high = r.p and 1 or 0, at = tonumber(call('ZSCORE', PUBLISHED, id) or '0')}
end
-- As far as it can be told: those in front come first, and then the oldest.
table.sort(jobs, function(a, b)
  if a.high ~= b.high then return a.high < b.high end
  return a.at > b.at or a.at == b.at and a.id > b.id
end)
local tellings = telling()
for _, job in ipairs(jobs) do
  call('ZREM', CLAIMED, job.id)
  call('RPUSH', IDS, job.id)
  leave_group(job.id, job.r, tellings)
  tellings.add('cancel', job.id, owner_of(job.text), '', 'unclaimed')
end
drop_leases({[claim] = true})
tellings.all()
finish_queue()
return {'ok', #ids}
