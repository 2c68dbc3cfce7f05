-- retry puts stalled jobs back into their queue, with all their attempts before them.
-- ARGV  6... the filter, as choose() in joblook.lua has it
-- returns  ok, place to go on from or '', then for each job that matched: id, retried, or the state that it is in
--          not_found | conflict, bare | conflict, type, T
local refusal = open_queue('job')
if refusal then return refusal end
local chosen, place = choose(6)
local answer, ids = {'ok', place}, {}
for _, job in ipairs(chosen) do
  if job.state == 'stalled' then ids[#ids + 1] = job.id end
end
if #ids > 0 then
  start()
  local tellings, records, published, last = telling(), {}, {}, {}
  for _, job in ipairs(chosen) do
    if job.state == 'stalled' then
      local r = parse(job.text)
      r.n, r.c = nil, nil
      records[#records + 1], records[#records + 2] = job.id, format_record(r)
      published[#published + 1], published[#published + 2] = score(), job.id
      last[#last + 1] = job.id
      tellings.add('retry', job.id, r.o or '', actor, '')
    end
  end
  call('SREM', STALLED, unpack(ids))
  call('LPUSH', IDS, unpack(last))
  call('ZADD', PUBLISHED, unpack(published))
  call('HSET', RECORDS, unpack(records))
  tellings.all()
  finish_queue()
  if place ~= '' then place = '0' end -- as in retract.lua
end
answer[2] = place
for _, job in ipairs(chosen) do
  answer[#answer + 1], answer[#answer + 2] = job.id, job.state == 'stalled' and 'retried' or job.state
end
return answer
