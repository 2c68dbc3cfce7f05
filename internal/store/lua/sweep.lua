-- sweep gives back the jobs whose leases are over, or whose holders are gone, puts due jobs into their queue, and forgets old
-- outcomes. It does so much in a call, and no more.
-- ARGV  6... holders that are gone: a process, a stroke, and the stream, or nothing for all streams of the process
-- returns  ok, when to sweep again in milliseconds or ''; jobs given back; jobs that were due
--          not_found | conflict, bare | conflict, type, T
local MOST = 500

local refusal = open_queue()
if refusal then
  if refusal[1] == 'not_found' or refusal[2] == 'type' then call('ZREM', TIMERS, name) end
  return refusal
end
local now_ms = math.floor(now / 1000)
local of_queue = feed.type == 'queue'

-- over are the claims that end: claim → reason.
local over, any, again = {}, false, false
for _, claim in ipairs(call('ZRANGEBYSCORE', EXPIRES, '-inf', now_ms, 'LIMIT', 0, MOST)) do
  over[claim], any = 'the lease ended', true
end
if #ARGV > 5 then
  local leases = call('HGETALL', LEASES)
  for i = 1, #leases, 2 do
    local holder = string.match(leases[i + 1], '^%w+ %d+ (%S+)')
    for k = 6, #ARGV do
      local gone = ARGV[k]
      if holder == gone or string.sub(gone, -1) == '/' and string.sub(holder, 1, #gone) == gone then
        over[leases[i]], any = 'the worker went away', true
      end
    end
  end
end

local back, claims = {}, {}
for claim, reason in pairs(over) do
  if #back >= MOST then
    again = true
  else
    local at = of_queue and claim or score_of(claim)
    local ids = call('ZRANGEBYSCORE', of_queue and DUE or CLAIMED, at, at, 'LIMIT', 0, PART)
    for _, id in ipairs(ids) do
      back[#back + 1] = {verb = 'cancel', id = id, claim = claim, who = '', reason = reason, error = '', delay = ''}
    end
    claims[claim] = true
  end
end
-- Claims of other clients last for so long after they were seen.
local foreign, foreign_until = {}, now - queue.foreign_lease * 1000
if not of_queue then
  for _, id in ipairs(call('ZRANGEBYSCORE', SEEN, '-inf', whole(foreign_until), 'LIMIT', 0, MOST)) do
    local claimed = call('ZSCORE', CLAIMED, id)
    if claimed and call('HEXISTS', LEASES, claim_of(claimed)) == 0 then
      back[#back + 1] = {verb = 'cancel', id = id, who = '', reason = 'the lease ended', error = '', delay = ''}
    end
    foreign[#foreign + 1], any = id, true
  end
end
local due = of_queue and {} or call('ZRANGEBYSCORE', DUE, '-inf', now, 'LIMIT', 0, MOST)

if any or #due > 0 then
  start()
  local tellings = telling()
  table.sort(back, function(a, b) return (a.claim or '') < (b.claim or '') end)
  local ids = {}
  for i, job in ipairs(back) do
    ids[i] = job.id
  end
  if of_queue then
    for _, job in ipairs(back) do
      restore({job.id}, tellings, '', job.reason)
    end
  elseif #back > 0 then
    for i, text in ipairs(call('HMGET', RECORDS, unpack(ids))) do
      back[i].text = text or 'o'
    end
    give_back(back, tellings)
  end
  if #foreign > 0 then call('ZREM', SEEN, unpack(foreign)) end
  drop_leases(claims)
  for _, id in ipairs(due) do
    unpark(id, parse(call('HGET', RECORDS, id)))
  end
  promote(due, tellings)
  tellings.all()
  finish_queue()
end

local next_at
local function earliest(key, scale, later)
  local at = finite(call('ZRANGE', key, 0, 0, 'WITHSCORES')[2])
  at = at and at / scale + (later or 0)
  if at and (not next_at or at < next_at) then next_at = at end
end
due_next = nil
if not of_queue then
  forget_outcomes(0, 0)
  if call('EXISTS', UNIQUE) == 1 then
    clean_unique(500)
    timer(now_ms + 60000)
  end
  if call('EXISTS', GROUPS) == 1 then
    local tellings = telling()
    if free_groups(tellings) then timer(now_ms + 1000) end
    tellings.all()
    finish_queue()
  end
end
next_at = due_next
earliest(EXPIRES, 1)
if not of_queue then
  earliest(DUE, 1000)
  earliest(SEEN, 1000, queue.foreign_lease)
end
if again then next_at = now_ms end
if next_at then
  call('ZADD', TIMERS, whole(math.ceil(next_at)), name)
else
  call('ZREM', TIMERS, name)
end
return {'ok', next_at and whole(math.ceil(next_at)) or '', #back, #due}
