-- The part that the scripts share which look at jobs in any state. It stands behind joblib.lua.
local LOOK, LOOK_BYTES = 1000, 1048576 -- jobs and bytes of payloads that one call looks at

-- look finds out where jobs stand. Each of them has id, state ('' if there is no such job), payload, text (its record), failures,
-- published, claimed, due, and outcome.
local function look(ids)
  local jobs = {}
  if #ids == 0 then return jobs end
  local items, held, texts = call('HMGET', ITEMS, unpack(ids)), call('HMGET', HELD, unpack(ids)), call('HMGET', RECORDS, unpack(ids))
  local claimed, stalled, due = call('ZMSCORE', CLAIMED, unpack(ids)), call('SMISMEMBER', STALLED, unpack(ids)), call('ZMSCORE', DUE, unpack(ids))
  local failures, published = call('HMGET', CANCELLED, unpack(ids)), call('ZMSCORE', PUBLISHED, unpack(ids))
  local outcomes = outcomes_of(ids)
  for i, id in ipairs(ids) do
    local job = {
      id = id, state = '', payload = items[i] or held[i] or '', text = texts[i] or '', failures = failures[i] or '',
      published = published[i] or '', claimed = claimed[i] or '', due = due[i] or '', outcome = '',
    }
    if claimed[i] then
      job.state = 'claimed'
    elseif stalled[i] == 1 then
      job.state = 'stalled'
    elseif items[i] then
      job.state = 'queued'
    elseif held[i] then
      job.state = 'held'
    elseif outcomes[i] then
      job.outcome = outcomes[i]
      job.state = string.match(outcomes[i], '^%l+')
    end
    jobs[i] = job
  end
  return jobs
end

-- scan returns about n members of a set, or fields of a hash, from a cursor on, and the cursor after them.
local function scan(command, key, cursor, n)
  local ids, step = {}, command == 'HSCAN' and 2 or 1
  repeat
    local reply = call(command, key, cursor, 'COUNT', 1)
    cursor = reply[1]
    for i = 1, #reply[2], step do
      ids[#ids + 1] = reply[2][i]
    end
  until cursor == '0' or #ids >= n
  return ids, cursor
end

-- some returns up to n jobs of a state from a place on, and the place to go on from, nil after the last job. Where jobs have an order, a
-- page may end after any of them: places is then the number of those before the page, otherwise nil.
local function some(state, place, n)
  if state == 'stalled' then
    local ids, cursor = scan('SSCAN', STALLED, place, n)
    return ids, cursor ~= '0' and cursor or nil
  end
  if state == 'finished' or state == 'retracted' then
    local older = string.sub(place, 1, 1) == '1'
    local ids, cursor = scan('HSCAN', older and OLDER or RESULTS, place == '0' and '0' or string.sub(place, 2), n)
    if cursor ~= '0' then return ids, (older and '1' or '2') .. cursor end
    return ids, not older and '10' or nil
  end
  local from, ids = tonumber(place), {}
  if state == 'queued' then
    local backwards = from < queue.length and call('LRANGE', IDS, -from - n, -from - 1) or {}
    for i = #backwards, 1, -1 do
      ids[#ids + 1] = backwards[i]
    end
  else
    ids = call('ZRANGE', state == 'claimed' and CLAIMED or DUE, from, from + n - 1)
  end
  return ids, #ids == n and whole(from + n) or nil, from
end

local function matches(job, submitter, group)
  if job.state == '' then return false end
  if submitter ~= '' then
    local owner = job.outcome ~= '' and string.match(job.outcome, '^[^\n]*\n[^\n]*\n[^\n]*\n[^\n]*\n[^\n]*\n([^\n]*)') or owner_of(job.text)
    if owner ~= submitter then return false end
  end
  return group == '' or parse(job.text).g == group
end

-- choose returns the jobs that a filter is about, and the place to go on from, '' if that was all. Its fields are those of ARGV
-- from first on: ids or state; state; submitter or ''; group or ''; limit; place or ''; the ids.
local function choose(first)
  local mode, state, submitter, group, limit, place = unpack(ARGV, first, first + 5)
  local chosen, bytes = {}, 0
  if mode == 'ids' then
    for _, job in ipairs(look({unpack(ARGV, first + 6)})) do
      if matches(job, submitter, group) then chosen[#chosen + 1] = job end
    end
    return chosen, ''
  end
  limit = tonumber(limit)
  local looked = 0
  if place == '' then place = '0' end
  repeat
    local ids, following, from = some(state, place, math.min(limit - #chosen, 100))
    looked = looked + #ids
    for i, job in ipairs(look(ids)) do
      if job.state == state and matches(job, submitter, group) then
        chosen[#chosen + 1] = job
        bytes = bytes + #job.payload + #job.outcome
        if from and bytes > LOOK_BYTES and i < #ids then
          following = whole(from + i)
          break
        end
      end
    end
    place = following
  until not place or #chosen >= limit or looked >= LOOK or bytes > LOOK_BYTES
  return chosen, place or ''
end
