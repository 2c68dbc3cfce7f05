-- claim takes jobs out of a queue of type job: pop and claim in one, for as many callers as there are.
-- ARGV  6... for each caller: how many; lease in milliseconds or ''; secret of its token; holder or -; worker
-- returns  ok, then for each caller: how many it got, token or '', end of its lease in milliseconds or '',
--          '', empty, paused, rate, concurrency or lease (it asked for a longer one than there is), when to try
--          again in microseconds or '' (of lease: the longest in milliseconds); then for each of its jobs: id, payload, claims before, record
--          not_found | conflict, bare | conflict, type, T
local FIELDS, MOST = 5, 1000
local PIECE, BYTES = 200, 4194304 -- ids taken at once; of payloads in an answer, beyond which there are no more

local refusal = open_queue('job')
if refusal then return refusal end

local callers, wanted = {}, 0
for i = 6, #ARGV, FIELDS do
  local n, lease, secret, holder, worker = unpack(ARGV, i, i + FIELDS - 1)
  local caller = {n = tonumber(n), lease = tonumber(lease) or queue.lease, secret = secret, holder = holder, worker = worker}
  if caller.lease > queue.max_lease then
    caller.wait, caller.till, caller.n = 'lease', whole(queue.max_lease), 0
  end
  callers[#callers + 1] = caller
  wanted = wanted + caller.n
end

-- spare is how many of n the rate leaves now, and when it leaves another one.
local function spare(group, most, per, n)
  if not most then return n, '' end
  local step = per / most
  local unused = tonumber(call('ZSCORE', RATES, group) or '0')
  if unused < tonumber(now) then unused = tonumber(now) end
  local free = math.max(0, math.min(n, math.floor((now + per - unused) / step + 0.000001)))
  return free, whole(math.ceil(unused + (free + 1) * step - per))
end

local function use(group, most, per, n)
  if not most or n == 0 then return end
  local unused = tonumber(call('ZSCORE', RATES, group) or '0')
  if unused < tonumber(now) then unused = tonumber(now) end
  call('ZADD', RATES, whole(unused + n * per / most), group)
  call('ZREMRANGEBYSCORE', RATES, '-inf', now) -- those that are unused again
end

local wait, till = '', ''
local allowed = math.min(wanted, MOST)
if queue.paused then
  allowed, wait = 0, 'paused'
elseif allowed > 0 then
  local left = queue.running and queue.running - call('ZCARD', CLAIMED) or allowed
  if left < allowed then allowed, wait = math.max(0, left), 'concurrency' end
  local free, free_at = spare('', queue.rate, queue.rate_per, allowed)
  if free < allowed then allowed, wait, till = free, 'rate', free_at end
end

local tellings = telling()
local grouped = queue.group_running or queue.group_rate
local running, rates, parked = {}, {}, {}

local function running_of(group)
  running[group] = running[group] or running_in(group)
  return running[group]
end

-- park reports whether a job has to wait for its group, and holds it then.
local function park(job)
  local g = job.r.g
  if queue.group_running and running_of(g) >= queue.group_running then
    job.due = ''
    call('ZADD', GROUPS, 0, 'p' .. g .. '\n' .. string.format('%016.0f', now + #parked) .. ' ' .. job.id)
  elseif queue.group_rate then
    rates[g] = rates[g] or {used = 0, spare(g, queue.group_rate, queue.group_rate_per, MOST)}
    local rate = rates[g]
    if rate.used < rate[1] then
      rate.used = rate.used + 1
    else
      job.due = rate[2]
    end
  end
  if not job.due then
    if queue.group_running then running[g] = running[g] + 1 end
    call('ZADD', GROUPS, 0, 'r' .. g .. '\n' .. job.id)
    return false
  end
  job.r.h = 'group'
  parked[#parked + 1] = job
  return true
end

local taken, bodies, said, refused = {}, {}, {}, {} -- said are the records
local strange = {} -- record of what another client put and nobody told of yet, and its id before it
local attempts
local twice = {} -- of those taken: the index of each that was claimed already

-- claimed_already finds jobs that were in the list although they are claimed, or twice. An old client's maintenance leaves such, where
-- another one is just claiming. They are their first claim's.
local function claimed_already(claimed)
  local bad, seen = {}, {}
  for k, at in ipairs(call('ZMSCORE', CLAIMED, unpack(taken))) do
    bad[k] = seen[taken[k]] or tonumber(at) ~= tonumber(claimed[2 * k - 1])
    seen[taken[k]] = true
  end
  return bad
end

local exhausted, full, bytes = queue.length == 0, false, 0
local over = {} -- ids that were taken and would make the answer too large
if allowed > 0 and not exhausted then
  start()
  local looked = 0
  while #taken < allowed and not exhausted and not full and looked < MOST + allowed do
    local ids = call('RPOP', IDS, math.min(allowed - #taken, PIECE))
    if not ids or #ids == 0 then
      exhausted = true
    else
      looked = looked + #ids
      local payloads, texts = call('HMGET', ITEMS, unpack(ids)), call('HMGET', RECORDS, unpack(ids))
      local fine = all_plain(ids)
      for i, id in ipairs(ids) do
        local payload, text = payloads[i], texts[i] or 'o'
        if full then
          over[#over + 1] = id
        elseif payload and not fine and not lawful(id) then
          refused[#refused + 1] = id
        elseif payload then -- without one it was taken back by a client that left it in the list
          local group = grouped and not simple(text) and parse(text)
          if not group or not group.g or not park({id = id, payload = payload, text = text, r = group}) then
            local n = #taken + 1
            taken[n], bodies[n], said[n] = id, payload, text
            bytes = bytes + #payload
            full = bytes >= BYTES
            if not texts[i] then strange[#strange + 1], strange[#strange + 2] = id, text end
          end
        end
      end
    end
  end
  for i = #over, 1, -1 do
    call('RPUSH', IDS, over[i])
  end
  hold(parked)
  put_back(refused)
end
if #taken < allowed and not full then wait, till = 'empty', '' end

if #taken > 0 then
  local claim, first = nil, 1
  local failures = call('EXISTS', CANCELLED) == 1 and call('HMGET', CANCELLED, unpack(taken)) or {}
  local claimed, leases, expires = {}, {}, {}
  for i = 1, #strange, 2 do
    tellings.add('submit', strange[i], '', '', '')
  end
  if #strange > 0 then call('HSET', RECORDS, unpack(strange)) end
  for _, caller in ipairs(callers) do
    local got = math.min(caller.n, #taken - first + 1)
    if got > 0 then
      claim = next_claim(claim)
      local at = score_of(claim)
      caller.claim, caller.first, caller.got = claim, first, got
      for k = first, first + got - 1 do
        claimed[2 * k - 1], claimed[2 * k] = at, taken[k]
      end
      first = first + got
    end
  end
  attempts = failures
  if call('ZADD', CLAIMED, 'NX', unpack(claimed)) < #taken then twice = claimed_already(claimed) end
  for _, caller in ipairs(callers) do
    local told, owners_told = tellings.group('claim', caller.worker, '')
    local before = #told
    for k = caller.first or 1, (caller.first or 1) + (caller.got or 0) - 1 do
      if not twice[k] then told[#told + 1], owners_told[#owners_told + 1] = taken[k], owner_of(said[k]) end
    end
    caller.had = #told - before
    if caller.had > 0 then
      local own, ends = caller.claim, whole(math.floor(now / 1000) + caller.lease)
      caller.token, caller.ends = own .. '.' .. caller.secret, ends
      leases[#leases + 1], leases[#leases + 2] = own, table.concat({caller.secret, ends, caller.holder, caller.worker}, ' ')
      expires[#expires + 1], expires[#expires + 2] = ends, own
      timer(ends)
    end
    if caller.had < (caller.got or 0) then caller.wait, caller.till = 'empty', now end -- there may be others: try again
  end
  if #leases > 0 then
    call('HSET', LEASES, unpack(leases))
    call('ZADD', EXPIRES, unpack(expires))
  end
  call('HSET', META, 'claimed', claim)
  use('', queue.rate, queue.rate_per, #taken)
  for group, rate in pairs(rates) do
    use(group, queue.group_rate, queue.group_rate_per, rate.used)
  end
end
tellings.all()
finish_queue()

if wait == 'empty' then
  local next_due = finite(call('ZRANGE', DUE, 0, 0, 'WITHSCORES')[2])
  if next_due then till = whole(next_due) end
end
local answer = {'ok'}
for _, caller in ipairs(callers) do
  local n, got = #answer, caller.got or 0
  local short = got < caller.n
  answer[n + 1], answer[n + 2], answer[n + 3] = caller.had or 0, caller.token or '', caller.ends or ''
  answer[n + 4], answer[n + 5] = caller.wait or short and wait or '', caller.till or short and till or ''
  n = n + 5
  for k = caller.first or 1, (caller.first or 1) + got - 1 do
    if not twice[k] then
      answer[n + 1], answer[n + 2], answer[n + 3], answer[n + 4] = taken[k], bodies[k], attempts[k] or '0', said[k]
      n = n + 4
    end
  end
end
return answer
