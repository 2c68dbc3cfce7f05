-- The part that looks at single jobs of a queue and tells what other clients did to them. It stands behind joblib.lua.
-- A record says in f which claim of another client was told, by its score, and thoonk.seen since when we know of it.

-- foreign_claim reports whether a score of feed.claimed is another client's.
local function foreign_claim(claimed)
  return claimed and call('HEXISTS', LEASES, claim_of(claimed)) == 0
end

-- settling tells of jobs one by one, and does the rest for all of them in the end.
local function settling()
  local s = {tellings = telling(), over = {}, outcomes = {}, records = {}, told = 0}

  local function tell_of(kind, id, r, reason)
    s.told = s.told + 1
    s.tellings.add(kind, id, r.o or '', '', reason or '')
  end

  -- ended notes that a job is in no key any more that another client would leave it in.
  local function ended(id, r, result)
    tell_of('finish', id, r, result and '' or 'unknown')
    s.over[#s.over + 1] = {id = id, r = r, done = true}
    s.outcomes[#s.outcomes + 1] = id
    s.outcomes[#s.outcomes + 1] = table.concat({'finished', now, '', '0', result and '+' or '?', r.o or '', '', result or ''}, '\n')
  end

  -- learn replaces what was not known of a job that was settled before its result was heard of.
  local function learn(id, result)
    local outcome = outcomes_of({id})[1]
    local head, tail = string.match(outcome or '', '^(finished\n%d+\n\n%d+\n)%?(\n[^\n]*\n[^\n]*\n)$')
    if head then call('HSET', RESULTS, id, head .. '+' .. tail .. result) end
  end

  -- look compares one job with what was told of it. result is what another client said that it finished it with, if it did.
  function s.look(id, result)
    if call('HEXISTS', HELD, id) == 1 then return end
    local text = call('HGET', RECORDS, id)
    if call('HEXISTS', ITEMS, id) == 0 then
      call('ZREM', SEEN, id)
      if text then
        ended(id, parse(text), result)
      elseif result then
        learn(id, result)
      end
      return
    end
    local r = parse(text or 'o')
    if not text then tell_of('submit', id, r) end
    local claimed = call('ZSCORE', CLAIMED, id)
    if foreign_claim(claimed) then
      if r.f ~= claimed then
        tell_of('claim', id, r)
        r.f = claimed
        call('ZADD', SEEN, now, id)
        timer(now / 1000 + queue.foreign_lease)
      end
    elseif claimed then
      r.f = nil
    elseif call('SISMEMBER', STALLED, id) == 1 then
      if not r.n and not r.e then
        tell_of('stall', id, r)
        r.n = '0'
      end
      r.f = nil
    elseif r.n then
      tell_of('retry', id, r)
      r.n = nil
    elseif r.f then
      tell_of('cancel', id, r)
      r.f = nil
    end
    if not r.f then call('ZREM', SEEN, id) end
    local after = format_record(r)
    if after ~= text then s.records[#s.records + 1], s.records[#s.records + 2] = id, after end
  end

  function s.finish()
    for i = 1, #s.records, PART do
      call('HSET', RECORDS, unpack(s.records, i, math.min(i + PART - 1, #s.records)))
    end
    if #s.over > 0 then
      local ids = {}
      for i, job in ipairs(s.over) do
        ids[i] = job.id
      end
      call('HDEL', RECORDS, unpack(ids))
      keep_outcomes(s.outcomes)
      s.tellings.all()
      ended_jobs(s.over, s.tellings)
    end
    s.tellings.all()
    finish_queue()
  end
  return s
end
