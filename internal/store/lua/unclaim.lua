-- unclaim takes a claim back, as if it had not been made: its caller went away before it had its jobs. They go back to where they
-- were taken, and it counts as no attempt.
-- ARGV  6 token of the claim
-- returns  ok, jobs put back
--          not_found | conflict, bare | conflict, type, T
local refusal = open_queue('job')
if refusal then return refusal end
local claim, secret = split_token(ARGV[6])
local lease = claim and call('HGET', LEASES, claim)
if not lease or string.match(lease, '^%w+') ~= secret then return {'ok', 0} end

start()
local at = score_of(claim)
local ids = call('ZRANGEBYSCORE', CLAIMED, at, at)
local published = {}
for i, id in ipairs(ids) do
  published[i] = {id = id, at = tonumber(call('ZSCORE', PUBLISHED, id) or '0')}
end
-- The oldest is the next to be claimed, as it was; those of one time keep the order in which they would be claimed.
table.sort(published, function(a, b) return a.at > b.at or a.at == b.at and a.id > b.id end)
local tellings = telling()
for _, job in ipairs(published) do
  local text = call('HGET', RECORDS, job.id)
  call('ZREM', CLAIMED, job.id)
  call('RPUSH', IDS, job.id)
  leave_group(job.id, parse(text), tellings)
  tellings.add('cancel', job.id, owner_of(text), '', 'unclaimed')
end
drop_leases({[claim] = true})
tellings.all()
finish_queue()
return {'ok', #ids}
