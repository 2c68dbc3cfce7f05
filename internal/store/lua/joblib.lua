-- The part that the scripts of queues share, of type job and of type queue. It stands behind lib.lua and once.lua.
-- Everything is done for many jobs at once, with commands that take many.
--
-- KEYS 14 thoonk.jobs:F     hash: job → record, see parse
--      15 thoonk.held:F     hash: job → payload, of jobs that wait and that no other client may see;
--                           of a queue: item → body, while it is leased
--      16 thoonk.due:F      zset: held job → when it is due, microseconds, +inf where no time is known;
--                           of a queue: leased item → claim
--      17 thoonk.leases:F   hash: claim, in microseconds → secret, end in milliseconds, holder or -, worker
--      18 thoonk.expires:F  zset: claim → end in milliseconds
--      19 thoonk.ended:F    hash: job that is over → outcome, see keep_outcomes
--      20 thoonk.older:F    hash: the same of those that were over before
--      21 thoonk.unique:F   hash: unique key → until when in microseconds, or 0, job
--      22 thoonk.waits:F    hash: job → the jobs that wait for it, with line breaks between
--      23 thoonk.groups:F   zset, all scores 0: r, group, line break, job, of the claimed jobs of a group;
--                           p, group, line break, order, job, of those that are held until one of these is free
--      24 thoonk.rates:F    zset: group, or '' for the queue → when its rate is unused again, in microseconds (GCRA)
--      25 thoonk.seen:F     zset: job that another client claimed → when that was first seen, in microseconds;
--                           line break, job in no state → the same, with an offset (limbo.lua)
--      28 feed.published:F  29 feed.claimed:F  30 feed.cancelled:F  31 feed.stalled:F  32 feed.finishes:F
--      33 thoonk.timers
--
-- A claim, one for each caller that claims, is known by its time in microseconds, which no other claim of the queue has. That
-- very time is the score of its jobs in feed.claimed, in milliseconds with three decimals. No claim of ours has a whole
-- millisecond, which is what other clients write.
local RECORDS, HELD, DUE, LEASES, EXPIRES, RESULTS, OLDER, UNIQUE, WAITS, GROUPS, RATES, SEEN = unpack(KEYS, 14, 25)
local PUBLISHED, CLAIMED, CANCELLED, STALLED, FINISHES, TIMERS = unpack(KEYS, 28, 33)

local RUN = 100   -- changes in one entry of the log
local PART = 1000 -- arguments of one command
local OUTCOME_BYTES = 67108864 -- of outcomes that are kept, before they become the older ones
local DEFAULT_LEASE, DEFAULT_MAX_LEASE, DEFAULT_FOREIGN_LEASE = 30000, 3600000, 600000
local DEFAULT_ATTEMPTS, DEFAULT_KEEP, DEFAULT_KEPT = 10, 86400000, 10000
local BRIEFLY = 10000 -- milliseconds for which outcomes are kept where none are: who waits for one has to read it, maybe in a next call

local queue                   -- what open_queue() read
local due_next                -- the earliest time in milliseconds that this call added to thoonk.timers

-- start is the first write of every script that changes something: one that a full or read-only Redis refuses, as it does not refuse RPOP.
local function start()
  call('INCRBY', PLACE, 0)
  begin()
end

-- open_queue is open() for a queue of one type, or of either. It returns a refusal or nil, and reads the keys of the
-- contract that may be written.
local function open_queue(kind)
  open()
  local refusal = absent()
  if refusal then return refusal end
  if feed.type ~= (kind or 'job') and (kind or feed.type ~= 'queue') then return {'conflict', 'type', feed.type} end
  local c = call('HMGET', CONFIG, 'lease', 'max_lease', 'foreign_lease', 'max_attempts', 'paused', 'events',
    'results', 'results_count', 'concurrency', 'rate', 'rate_per', 'group_concurrency', 'group_rate', 'group_rate_per')
  queue = {
    lease = count(c[1], DEFAULT_LEASE), max_lease = count(c[2], DEFAULT_MAX_LEASE),
    foreign_lease = count(c[3], DEFAULT_FOREIGN_LEASE), attempts = tonumber(c[4] or '') or DEFAULT_ATTEMPTS,
    paused = c[5] == '1', events = c[6] or '',
    keep = tonumber(c[7] or '') or DEFAULT_KEEP, kept = count(c[8], DEFAULT_KEPT),
    running = count(c[9]), rate = count(c[10]), rate_per = count(c[11], 1000) * 1000,
    group_running = count(c[12]), group_rate = count(c[13]), group_rate_per = count(c[14], 1000) * 1000,
  }
  if queue.keep < 0 then queue.keep = BRIEFLY end
  if not c[1] and queue.lease > queue.max_lease then queue.lease = queue.max_lease end
  queue.length = call('LLEN', IDS)
  call('HLEN', ITEMS)
  if feed.type == 'job' then
    call('ZCARD', PUBLISHED)
    call('ZCARD', CLAIMED)
    call('HLEN', CANCELLED)
    call('SCARD', STALLED)
    whole_number(FINISHES)
  end
  if feed.life ~= 'known' then -- or what we remember would be taken for this life's
    start()
    commit()
  end
  return nil
end

-- parse reads a record: fields with line breaks between, each a letter and its value.
--   o submitter   u unique key   g group   m most attempts   p if it is submitted in front
--   e last error   n attempts that failed before it was stalled   c who asked its worker to give up   r progress
--   of a held job: h why   a count of feed.cancelled   s score of feed.published   d jobs it waits for, with tabs between
--   w when it is due once these are done   f score of another client's claim of it that was told
local function parse(text)
  local r = {}
  for letter, value in string.gmatch(text or '', '(%l)([^\n]*)\n?') do
    r[letter] = value
  end
  return r
end

local LETTERS = {'u', 'g', 'm', 'p', 'e', 'n', 'c', 'r', 'h', 'a', 's', 'd', 'w', 'f'}

local function format_record(r)
  local text = 'o' .. (r.o or '')
  for _, letter in ipairs(LETTERS) do
    if r[letter] then text = text .. '\n' .. letter .. r[letter] end
  end
  return text
end

-- simple reports whether a record says nothing but whose job it is, and owner_of says whose. Many jobs have the same record.
local simple_ones, owners = {}, {}

local function simple(text)
  if not text then return true end
  local known = simple_ones[text]
  if known == nil then
    known = not string.find(text, '\n', 1, true)
    simple_ones[text] = known
  end
  return known
end

local function owner_of(text)
  if not text then return '' end
  local owner = owners[text]
  if not owner then
    owner = string.match(text, '^o([^\n]*)') or ''
    owners[text] = owner
  end
  return owner
end

-- tell_jobs tells of changes of one kind, in entries that each stand for up to RUN of them. owners are the submitters.
local function tell_jobs(kind, ids, owners, who, reason)
  if queue.events == 'none' or queue.events == 'stalled' and kind ~= 'stall' then return end
  local from = 1
  while from <= #ids do
    local to = math.min(from + RUN - 1, #ids)
    local n = to - from + 1
    local packed, owner, mixed = table.concat(ids, '\n', from, to), owners[from], false
    for i = from + 1, to do
      if owners[i] ~= owner then
        mixed = true
        break
      end
    end
    if mixed then owner = table.concat(owners, '\n', from, to) end
    stamp(n)
    call('XADD', LOG, 'MAXLEN', '~', log_max, whole(next_place(n)) .. '-' .. now, 'feed', name, 'revision', revision,
      'kind', kind, 'run', n, 'ids', packed, 'owner', owner, 'actor', who, 'reason', reason)
    call('XADD', HISTORY, revision, 'kind', kind, 'run', n, 'ids', packed, 'owner', owner, 'actor', who,
      'reason', reason, 'offset', whole(total))
    total, length = total + #packed + #owner + #who, length + 1
    from = to + 1
  end
end

-- telling collects changes, so that those of one kind, actor and reason are told together, in the order of their first.
local function telling()
  local t, last = {order = {}}, nil
  -- group returns the ids and submitters of changes that are alike, to be added to.
  function t.group(kind, who, reason)
    if not last or last.kind ~= kind or last.who ~= who or last.reason ~= reason then
      last = nil
      for _, group in ipairs(t.order) do
        if group.kind == kind and group.who == who and group.reason == reason then last = group end
      end
      if not last then
        last = {kind = kind, who = who, reason = reason, ids = {}, owners = {}}
        t.order[#t.order + 1] = last
      end
    end
    return last.ids, last.owners
  end
  function t.add(kind, id, owner, who, reason)
    local ids, of = t.group(kind, who, reason)
    ids[#ids + 1], of[#of + 1] = id, owner
  end
  function t.all()
    for _, g in ipairs(t.order) do
      tell_jobs(g.kind, g.ids, g.owners, g.who, g.reason)
    end
    t.order, last = {}, nil
  end
  return t
end

-- claim_of is the claim that a score of feed.claimed belongs to, as a text.
local function claim_of(claimed)
  return claimed and string.format('%.0f', tonumber(claimed) * 1000)
end

local function score_of(claim)
  return string.sub(claim, 1, -4) .. '.' .. string.sub(claim, -3)
end

-- timer makes the maintenance look at the queue at that time, in milliseconds.
local function timer(at)
  at = tonumber(at)
  if at and (not due_next or at < due_next) then due_next = at end
end

-- finish_queue ends a script that wrote: what was told is committed, the timer set, and the contract's listeners spoken to.
local function finish_queue()
  commit()
  if due_next then call('ZADD', TIMERS, 'LT', whole(math.ceil(due_next)), name) end
  if #messages > 0 then emit() end
end

-- drop_leases removes those of the claims that have no jobs left.
local function drop_leases(claims)
  local set, gone = feed.type == 'queue' and DUE or CLAIMED, {}
  for claim in pairs(claims) do
    local at = feed.type == 'queue' and claim or score_of(claim)
    if call('ZCOUNT', set, at, at) == 0 then gone[#gone + 1] = claim end
  end
  if #gone > 0 then
    call('HDEL', LEASES, unpack(gone))
    call('ZREM', EXPIRES, unpack(gone))
  end
end

-- finite reads a score, and is nil for +inf, which not every Redis writes alike.
local function finite(text)
  local n = tonumber(text or '')
  return n and n < 9e15 and n or nil
end

-- due_at is a time of thoonk.due, in microseconds, as a score.
local function due_at(micro)
  return micro == '' and '+inf' or micro
end

-- hold takes jobs out of all keys of the contract. Each has id, r (its record), payload, and due in microseconds or ''.
-- r.h says why. What the contract keeps of it goes into the record.
local function hold(jobs)
  if #jobs == 0 then return end
  local ids, held, due, records = {}, {}, {}, {}
  for i, job in ipairs(jobs) do
    ids[i] = job.id
    held[2 * i - 1], held[2 * i] = job.id, job.payload
    due[2 * i - 1], due[2 * i] = due_at(job.due), job.id
    if job.due ~= '' then timer(job.due / 1000) end
  end
  local cancelled, published = call('HMGET', CANCELLED, unpack(ids)), call('ZMSCORE', PUBLISHED, unpack(ids))
  for i, job in ipairs(jobs) do
    job.r.a = job.r.a or cancelled[i] or nil
    job.r.s = job.r.s or published[i] or nil
    records[2 * i - 1], records[2 * i] = job.id, format_record(job.r)
  end
  call('HSET', HELD, unpack(held))
  call('ZADD', DUE, unpack(due))
  call('HSET', RECORDS, unpack(records))
  call('HDEL', ITEMS, unpack(ids))
  call('HDEL', CANCELLED, unpack(ids))
  call('ZREM', PUBLISHED, unpack(ids))
end

-- promote puts held jobs into the keys of the contract: at the end of the queue, those submitted in front at its head, and so
-- those that wait for their group only, which were there already.
local function promote(ids, tellings)
  if #ids == 0 then return end
  local payloads, texts = call('HMGET', HELD, unpack(ids)), call('HMGET', RECORDS, unpack(ids))
  local items, published, records, cancelled, first, last = {}, {}, {}, {}, {}, {}
  for i, id in ipairs(ids) do
    if payloads[i] then
      local r = parse(texts[i])
      local n = #items
      items[n + 1], items[n + 2] = id, payloads[i]
      published[n + 1], published[n + 2] = r.s or score(), id
      if r.a and r.a ~= '0' then cancelled[#cancelled + 1], cancelled[#cancelled + 2] = id, r.a end
      if r.p or r.h == 'group' then first[#first + 1] = id else last[#last + 1] = id end
      if r.h ~= 'group' then tellings.add('release', id, r.o or '', '', '') end
      r.h, r.s, r.a, r.d, r.w = nil, nil, nil, nil, nil
      records[n + 1], records[n + 2] = id, format_record(r)
    end
  end
  if #items > 0 then
    call('HSET', ITEMS, unpack(items))
    call('ZADD', PUBLISHED, unpack(published))
    call('HSET', RECORDS, unpack(records))
    if #cancelled > 0 then call('HSET', CANCELLED, unpack(cancelled)) end
    if #last > 0 then call('LPUSH', IDS, unpack(last)) end
    for i = #first, 1, -1 do
      call('RPUSH', IDS, first[i])
    end
  end
  call('HDEL', HELD, unpack(ids))
  call('ZREM', DUE, unpack(ids))
end

local function members_of(letter, group, limit)
  local low, high = '[' .. letter .. group .. '\n', '(' .. letter .. group .. '\v'
  return call('ZRANGEBYLEX', GROUPS, low, high, 'LIMIT', 0, limit)
end

-- leave_group makes room for another job of the group.
local function leave_group(id, r, tellings)
  if not r.g then return end
  call('ZREM', GROUPS, 'r' .. r.g .. '\n' .. id)
  local parked = members_of('p', r.g, 1)[1]
  if parked then
    call('ZREM', GROUPS, parked)
    promote({string.sub(parked, #r.g + 3 + 17)}, tellings)
  end
end

-- unpark forgets that a job is held for its group.
local function unpark(id, r)
  if r.h ~= 'group' then return end
  for _, member in ipairs(members_of('p', r.g, -1)) do
    if string.sub(member, #r.g + 3 + 17) == id then call('ZREM', GROUPS, member) end
  end
end

local function free_unique(id, r)
  if not r.u then return end
  local value = call('HGET', UNIQUE, r.u)
  if value == '0 ' .. id then call('HDEL', UNIQUE, r.u) end
end

-- clean_unique looks at some of the unique keys and forgets those that hold no more: their time is over, or another client ended their
-- job. Looking at more of them than are added keeps them few.
local function clean_unique(some)
  local reply = call('HSCAN', UNIQUE, call('HGET', META, 'unique_cursor') or '0', 'COUNT', some)
  local gone = {}
  for i = 1, #reply[2], 2 do
    local till, id = string.match(reply[2][i + 1], '^(%d+) (.*)$')
    local holds = till ~= '0' and tonumber(till) > tonumber(now)
      or till == '0' and (call('HEXISTS', ITEMS, id) == 1 or call('HEXISTS', HELD, id) == 1)
    if not holds and #gone < PART then gone[#gone + 1] = reply[2][i] end
  end
  if #gone > 0 then call('HDEL', UNIQUE, unpack(gone)) end
  call('HSET', META, 'unique_cursor', reply[1])
end

-- running_in is how many jobs of a group are claimed. One that another client ended meanwhile is not counted.
local function running_in(group)
  local n = call('ZLEXCOUNT', GROUPS, '[r' .. group .. '\n', '(r' .. group .. '\v')
  if not queue.group_running or n < queue.group_running then return n end
  for _, member in ipairs(members_of('r', group, PART)) do
    if not call('ZSCORE', CLAIMED, string.sub(member, #group + 3)) then
      call('ZREM', GROUPS, member)
      n = n - 1
    end
  end
  return n
end

-- free_groups lets jobs go that are held for their group although it has room: its limit was changed, or another client ended one. It
-- returns whether any are held so.
local function free_groups(tellings)
  local low, any = '[p', false
  for _ = 1, 100 do
    local first = call('ZRANGEBYLEX', GROUPS, low, '(q', 'LIMIT', 0, 1)[1]
    if not first then return any end
    any = true
    local group = string.match(first, '^p([^\n]*)\n')
    local room = queue.group_running and queue.group_running - running_in(group) or 100
    local ids = {}
    for i, member in ipairs(room > 0 and members_of('p', group, math.min(room, 100)) or {}) do
      call('ZREM', GROUPS, member)
      ids[i] = string.sub(member, #group + 3 + 17)
    end
    promote(ids, tellings)
    low = '[p' .. group .. '\v'
  end
  return any
end

-- put_aside stalls jobs, each with id, r, and payload where it was held. They are in no other key of the contract but
-- feed.items afterwards.
local function put_aside(jobs)
  if #jobs == 0 then return end
  local ids, records, items = {}, {}, {}
  for i, job in ipairs(jobs) do
    ids[i] = job.id
    local r = job.r
    r.h, r.s, r.a, r.d, r.w, r.c = nil, nil, nil, nil, nil, nil
    records[2 * i - 1], records[2 * i] = job.id, format_record(r)
    if job.payload then items[#items + 1], items[#items + 2] = job.id, job.payload end
  end
  call('SADD', STALLED, unpack(ids))
  if #items > 0 then
    call('HSET', ITEMS, unpack(items))
    call('HDEL', HELD, unpack(ids))
    call('ZREM', DUE, unpack(ids))
  end
  call('HSET', RECORDS, unpack(records))
  call('HDEL', CANCELLED, unpack(ids))
  call('ZREM', PUBLISHED, unpack(ids))
end

-- dependents lets go those that wait for jobs that are over now, each with id and done: whether it was finished. Where one
-- was retracted instead, those that wait for it are stalled.
local function dependents(over, tellings)
  if call('EXISTS', WAITS) == 0 then return end
  local ids = {}
  for i, o in ipairs(over) do
    ids[i] = o.id
  end
  local waits = call('HMGET', WAITS, unpack(ids))
  local ready, stalled, later = {}, {}, {}
  local changed_records = {}
  for i, o in ipairs(over) do
    for id in string.gmatch(waits[i] or '', '[^\n]+') do
      local r = changed_records[id] or parse(call('HGET', RECORDS, id))
      if r.d then
        changed_records[id] = r
        if not o.done then
          r.lost = o.id
        else
          local left = {}
          for d in string.gmatch(r.d, '[^\t]+') do
            if d ~= o.id then left[#left + 1] = d end
          end
          r.d = table.concat(left, '\t')
        end
      end
    end
  end
  for id, r in pairs(changed_records) do
    if r.lost then
      r.e = 'the job ' .. r.lost .. ', which this one waits for, was retracted'
      r.lost = nil
      tellings.add('stall', id, r.o or '', '', 'after')
      stalled[#stalled + 1] = {id = id, r = r, payload = call('HGET', HELD, id) or ''}
    elseif r.d ~= '' then
      later[#later + 1], later[#later + 2] = id, format_record(r)
    elseif r.w and tonumber(r.w) > tonumber(now) then
      local at = r.w
      r.d, r.h, r.w = nil, 'delay', nil
      later[#later + 1], later[#later + 2] = id, format_record(r)
      call('ZADD', DUE, at, id)
      timer(at / 1000)
    else
      ready[#ready + 1] = id
    end
  end
  table.sort(ready) -- pairs has no order of its own, and a replica or a test wants one
  call('HDEL', WAITS, unpack(ids))
  for i = 1, #later, PART do
    call('HSET', RECORDS, unpack(later, i, math.min(i + PART - 1, #later)))
  end
  for i = 1, #stalled, PART do
    put_aside({unpack(stalled, i, math.min(i + PART - 1, #stalled))})
  end
  for i = 1, #ready, PART do
    promote({unpack(ready, i, math.min(i + PART - 1, #ready))}, tellings)
  end
end

-- forget_outcomes drops what has been kept for long enough: when the newer outcomes are too many, or the first of them too old, they
-- become the older ones, which are dropped as a whole. So between once and twice as much is kept, at no cost for each.
local function forget_outcomes(more, bytes)
  local kept = call('HMGET', META, 'results_since', 'older_since', 'results_bytes')
  bytes = bytes + (tonumber(kept[3] or '') or 0)
  local now_ms = math.floor(now / 1000)
  local since, older = tonumber(kept[1] or ''), tonumber(kept[2] or '')
  if since and (now_ms - since >= queue.keep or bytes > OUTCOME_BYTES or call('HLEN', RESULTS) + more > queue.kept) then
    call('UNLINK', OLDER)
    if call('EXISTS', RESULTS) == 1 then call('RENAME', RESULTS, OLDER) end
    since, older, bytes = nil, now_ms, more > 0 and bytes - (tonumber(kept[3] or '') or 0) or 0
  elseif older and now_ms - older >= queue.keep then
    call('UNLINK', OLDER)
    older = nil
  end
  if more > 0 then since = since or now_ms end
  local before = {tonumber(kept[1] or ''), tonumber(kept[2] or '')}
  if more > 0 or since ~= before[1] or older ~= before[2] then
    call('HSET', META, 'results_since', since and whole(since) or '', 'older_since', older and whole(older) or '', 'results_bytes', whole(bytes))
  end
  if since then timer(since + queue.keep) end
  if older then timer(older + queue.keep) end
end

-- keep_outcomes remembers how jobs ended: id, outcome, ... An outcome is, with line breaks between: state, time in microseconds, token,
-- claims in all, + if there is a result, - if there is none or ? if that is not known, submitter, worker, result.
local function keep_outcomes(outcomes)
  if #outcomes == 0 then return end
  local bytes = 0
  for _, text in ipairs(outcomes) do
    bytes = bytes + #text
  end
  forget_outcomes(#outcomes / 2, bytes)
  call('HSET', RESULTS, unpack(outcomes))
end

-- outcomes_of returns what is kept of jobs, false where nothing is.
local function outcomes_of(ids)
  local found, missing, places = call('HMGET', RESULTS, unpack(ids)), {}, {}
  for i, outcome in ipairs(found) do
    if not outcome then
      missing[#missing + 1], places[#places + 1] = ids[i], i
    end
  end
  if #missing > 0 and call('EXISTS', OLDER) == 1 then
    for k, outcome in ipairs(call('HMGET', OLDER, unpack(missing))) do
      found[places[k]] = outcome
    end
  end
  local oldest = now - queue.keep * 1000
  for i, outcome in ipairs(found) do
    if outcome and tonumber(string.match(outcome, '^%l+\n(%d+)')) < oldest then found[i] = false end
  end
  return found
end

-- ended_jobs undoes what jobs that are over kept from others. Each has id, r and done.
local function ended_jobs(jobs, tellings)
  for _, job in ipairs(jobs) do
    free_unique(job.id, job.r)
    unpark(job.id, job.r)
    leave_group(job.id, job.r, tellings)
  end
  dependents(jobs, tellings)
end

-- retracted takes jobs back that are in any key but feed.ids, or in that too where queued is set. Each has id, r, by and attempt.
local function retracted(jobs, tellings)
  local ids, outcomes = {}, {}
  for i, job in ipairs(jobs) do
    ids[i] = job.id
    job.done = false
    outcomes[2 * i - 1] = job.id
    outcomes[2 * i] = table.concat({'retracted', now, '', job.attempt, '-', job.r.o or '', job.by, ''}, '\n')
    tellings.add('retract', job.id, job.r.o or '', job.by, '')
    if job.queued then call('LREM', IDS, -1, job.id) end
  end
  call('HDEL', ITEMS, unpack(ids))
  call('HDEL', CANCELLED, unpack(ids))
  call('ZREM', PUBLISHED, unpack(ids))
  call('SREM', STALLED, unpack(ids))
  call('ZREM', CLAIMED, unpack(ids))
  call('ZREM', SEEN, unpack(ids))
  call('HDEL', HELD, unpack(ids))
  call('ZREM', DUE, unpack(ids))
  call('HDEL', RECORDS, unpack(ids))
  keep_outcomes(outcomes)
  ended_jobs(jobs, tellings)
end

-- leased finds out which jobs are claimed by the leases that callers name, and returns for each its claim, or false.
local function leased(ids, tokens)
  local of_queue = feed.type == 'queue'
  local scores = call('ZMSCORE', of_queue and DUE or CLAIMED, unpack(ids))
  local known, wanted = {}, {} -- by token: its claim, secret, score as a number and as Redis writes it
  for i = 1, #ids do
    local token = tokens[i]
    if known[token] == nil then
      local claim, secret = string.match(token, '^(%d+)%.(%w+)$')
      known[token] = claim and {claim = claim, secret = secret, at = tonumber(of_queue and claim or score_of(claim))} or false
      if claim then wanted[#wanted + 1] = known[token] end
    end
  end
  if #wanted > 0 then
    local claims = {}
    for k, lease in ipairs(wanted) do
      claims[k] = lease.claim
    end
    for k, text in ipairs(call('HMGET', LEASES, unpack(claims))) do
      wanted[k].holds = text and string.match(text, '^%w+') == wanted[k].secret
    end
  end
  local found = {}
  for i = 1, #ids do
    local lease, at = known[tokens[i]], scores[i]
    if lease and at and lease.holds and at ~= lease.text and tonumber(at) == lease.at then lease.text = at end
    found[i] = lease and at and at == lease.text and lease.claim or false
  end
  return found
end

-- backoff is how long a job waits that failed so often, in milliseconds.
local function backoff(id, failures)
  local c = call('HMGET', CONFIG, 'backoff', 'backoff_factor', 'backoff_max', 'backoff_jitter')
  local first = count(c[1], 0)
  if first == 0 then return 0 end
  local wait = first * (tonumber(c[2] or '') or 2) ^ math.min(failures - 1, 100)
  wait = math.min(wait, count(c[3], wait))
  local chance = tonumber(string.sub(redis.sha1hex(id .. now), 1, 8), 16) / 4294967296
  return math.floor(math.min(wait, 315360000000) * (1 - (tonumber(c[4] or '') or 0) * chance))
end

-- give_back ends the claims of jobs without a result. Each has id, verb (cancel or stall), text (its record), claim, who, reason,
-- error, '' for none, and delay in milliseconds or ''. It sets state, and due in microseconds.
local function give_back(jobs, tellings)
  if #jobs == 0 then return end
  local ids, claims = {}, {}
  for i, job in ipairs(jobs) do
    ids[i] = job.id
    if job.claim then claims[job.claim] = true end
  end
  local failures, payloads = call('HMGET', CANCELLED, unpack(ids)), call('HMGET', ITEMS, unpack(ids))
  local back, counts, records, held, stalled, over = {}, {}, {}, {}, {}, {}
  for i, job in ipairs(jobs) do
    local r = parse(job.text)
    local failed = tonumber(failures[i] or '0') + 1
    local most = tonumber(r.m or '') or queue.attempts
    local wait = tonumber(job.delay) or job.reason == '' and backoff(job.id, failed) or 0
    job.r, job.due, job.failed = r, '', failed
    if job.error ~= '' then r.e = job.error end
    if r.c then
      job.state = 'retracted'
      over[#over + 1] = job
    elseif job.verb == 'stall' or most > 0 and failed >= most then
      job.state = 'stalled'
      r.n, r.r = failed, nil
      if job.error == '' and job.reason ~= '' then r.e = job.reason end
      tellings.add('stall', job.id, r.o or '', job.who, job.verb == 'stall' and job.reason or 'attempts')
      stalled[#stalled + 1] = {id = job.id, r = r}
    elseif wait > 0 then
      job.state, job.due = 'held', whole(now + wait * 1000)
      r.h, r.a, r.r = 'backoff', failed, nil
      tellings.add('cancel', job.id, r.o or '', job.who, 'backoff')
      held[#held + 1] = {id = job.id, r = r, payload = payloads[i] or '', due = job.due}
    else
      job.state, r.r = 'queued', nil
      tellings.add('cancel', job.id, r.o or '', job.who, job.reason)
      back[#back + 1] = job.id
      counts[#counts + 1], counts[#counts + 2] = job.id, failed
      local text = format_record(r)
      if text ~= job.text then records[#records + 1], records[#records + 2] = job.id, text end
    end
  end
  call('ZREM', CLAIMED, unpack(ids))
  call('ZREM', SEEN, unpack(ids))
  if #back > 0 then
    call('HSET', CANCELLED, unpack(counts))
    call('LPUSH', IDS, unpack(back))
  end
  if #records > 0 then call('HSET', RECORDS, unpack(records)) end
  hold(held)
  put_aside(stalled)
  for _, job in ipairs(jobs) do
    if job.state ~= 'retracted' then leave_group(job.id, job.r, tellings) end
  end
  if #over > 0 then
    for _, job in ipairs(over) do
      job.by, job.attempt = job.r.c, job.failed
    end
    retracted(over, tellings)
  end
  drop_leases(claims)
end

-- restore puts leased items of a queue back to where they were taken.
local function restore(ids, tellings, who, reason)
  if #ids == 0 then return end
  local bodies = call('HMGET', HELD, unpack(ids))
  local items, back = {}, {}
  for i, id in ipairs(ids) do
    if bodies[i] then
      items[#items + 1], items[#items + 2] = id, bodies[i]
      back[#back + 1] = id
      tellings.add('cancel', id, '', who, reason)
    end
  end
  if #items > 0 then call('HSET', ITEMS, unpack(items)) end
  for i = #back, 1, -1 do
    call('RPUSH', IDS, back[i])
  end
  call('HDEL', HELD, unpack(ids))
  call('ZREM', DUE, unpack(ids))
end

-- all_plain reports whether ids have nothing but printable ASCII, as most have.
local function all_plain(ids)
  if string.find(table.concat(ids), '[%c\127-\255]') then return false end
  for _, id in ipairs(ids) do
    if #id == 0 or #id > 512 then return false end
  end
  return true
end

-- lawful reports whether an id is one that our rules allow: 1 to 512 bytes of UTF-8 and no control characters. Only other
-- clients write others; they are never claimed here.
local function lawful(id)
  if not string.find(id, '[%c\127-\255]') then return #id > 0 and #id <= 512 end
  if #id > 512 or string.find(id, '%c') then return false end
  local i = 1
  while i <= #id do
    local b, b2, b3, b4 = string.byte(id, i, i + 3)
    local n, low, high = 1, 0x80, 0xBF
    if b >= 0xC2 and b <= 0xDF then n = 2
    elseif b >= 0xE0 and b <= 0xEF then n = 3
    elseif b >= 0xF0 and b <= 0xF4 then n = 4
    elseif b >= 0x80 then return false end
    if b == 0xE0 then low = 0xA0 elseif b == 0xED then high = 0x9F
    elseif b == 0xF0 then low = 0x90 elseif b == 0xF4 then high = 0x8F
    elseif b == 0xC2 then low = 0xA0 end -- below stand control characters
    if n > 1 and not (b2 and b2 >= low and b2 <= high) then return false end
    if n > 2 and not (b3 and b3 >= 0x80 and b3 <= 0xBF) then return false end
    if n > 3 and not (b4 and b4 >= 0x80 and b4 <= 0xBF) then return false end
    if b == 0xEF and b2 == 0xBF and b3 >= 0xBE then return false end
    i = i + n
  end
  return true
end

-- put_back leaves ids to other clients that are none for us.
local function put_back(refused)
  if #refused == 0 then return end
  call('LPUSH', IDS, unpack(refused))
  call('HINCRBY', META, 'refused', #refused)
end

-- next_claim is a claim that the queue never had, after the one before in the same call.
local function next_claim(before)
  local n = math.max(tonumber(before or call('HGET', META, 'claimed') or '0') + 1, tonumber(now))
  if n % 1000 == 0 then n = n + 1 end
  return whole(n)
end
