-- retract takes jobs back, whatever their state, or asks the workers of claimed ones to give them up.
-- ARGV  6 ask, or ''   7... the filter, as choose() in joblook.lua has it
-- returns  ok, place to go on from or '', then for each job that matched: id, retracted, claimed if its worker was asked,
--          or finished if it is over
--          not_found | conflict, bare | conflict, type, T
local ask = ARGV[6]
local refusal = open_queue('job')
if refusal then return refusal end
local chosen, place = choose(7)
local gone, asked, records, claims = {}, {}, {}, {}
for _, job in ipairs(chosen) do
  job.answer = job.state
  if job.state == 'claimed' and ask ~= '' then
    asked[#asked + 1] = job
  elseif job.state ~= 'finished' and job.state ~= 'retracted' then
    job.r, job.by, job.queued, job.answer = parse(job.text), actor, job.state == 'queued', 'retracted'
    job.attempt = tonumber(job.failures) or 0
    gone[#gone + 1] = job
    if job.claimed ~= '' then claims[claim_of(job.claimed)] = true end
  end
end
if #gone + #asked > 0 then
  start()
  local tellings = telling()
  for _, job in ipairs(asked) do
    local r = parse(job.text)
    if not r.c then
      r.c = actor
      records[#records + 1], records[#records + 2] = job.id, format_record(r)
      tellings.add('askcancel', job.id, r.o or '', actor, '')
    end
  end
  if #records > 0 then call('HSET', RECORDS, unpack(records)) end
  if #gone > 0 then
    retracted(gone, tellings)
    drop_leases(claims)
    local removed = 0
    for _, job in ipairs(gone) do
      if job.state ~= 'stalled' then removed = removed + 1 end
    end
    if place ~= '' and ARGV[8] == 'stalled' then
      place = '0' -- a scan of a set that shrinks may leave some out, not with every Redis, but with one in memory
    elseif place ~= '' then
      place = whole(math.max(0, tonumber(place) - removed)) -- those behind move up
    end
  end
  tellings.all()
  finish_queue()
end
local answer = {'ok', place}
for _, job in ipairs(chosen) do
  answer[#answer + 1], answer[#answer + 2] = job.id, job.answer
end
return answer
