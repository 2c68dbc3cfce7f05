-- submit puts jobs into a queue of type job, all or none.
-- ARGV  6 what the payloads were held to, as unchecked() has it   7... for each job: id; payload; record; and, with line breaks between:
--       the contents that admit it; 1 if the caller chose the id; 1 if it goes in front; milliseconds to wait, or ''; time to wait
--       for in microseconds, or ''; unique key; milliseconds that it is kept, or ''; ids of jobs that have to be finished first,
--       with tabs between
-- returns  ok if all are queued now with these ids, and there is no idempotency key, else
--          ok, then for each job: id, queued or held, when it is due in microseconds or '', 1 if it was there already
--          at, index, and one of: content, what the queue declares | exists | unknown, id | retracted, id | crowded, id
--          not_found | conflict, bare | conflict, type, T | reused | checks, schema, stamp
local FIELDS, MOST_WAITING = 4, 65536 -- bytes of the ids that wait for one job

-- options reads the last field of a job. Many jobs have the same.
local read = {}
local function options(text)
  local o = read[text]
  if not o then
    local contents, own, high, delay, at, unique, unique_for, after = string.match(text,
      '^([^\n]*)\n(%d*)\n(%d*)\n(%d*)\n(%d*)\n([^\n]*)\n(%d*)\n([^\n]*)$')
    o = {
      contents = contents, own = own == '1', high = high == '1', delay = delay, at = at, unique = unique, unique_for = unique_for,
      after = after, plain = own == '' and delay == '' and at == '' and unique == '' and after == '',
    }
    read[text] = o
  end
  return o
end

local jobs, chosen, here = {}, {}, {}
local plain = once_hash == ''
for i = 7, #ARGV, FIELDS do
  local o = options(ARGV[i + 3])
  local job = {id = ARGV[i], payload = ARGV[i + 1], record = ARGV[i + 2], o = o}
  plain = plain and (o.plain or o.own and o.delay == '' and o.at == '' and o.unique == '' and o.after == '')
  jobs[#jobs + 1] = job
  if o.own then chosen[#chosen + 1] = job.id end
end

local function is_there(id)
  return call('HEXISTS', ITEMS, id) == 1 or call('HEXISTS', HELD, id) == 1
end

local uniques = {} -- of this call: key → id

-- same returns the job that has the unique key, or nil.
local function same(job)
  if uniques[job.o.unique] then return uniques[job.o.unique] end
  local till, id = string.match(call('HGET', UNIQUE, job.o.unique) or '', '^(%d+) (.*)$')
  if not id then return nil end
  if till ~= '0' then return tonumber(till) > tonumber(now) and id or nil end
  return is_there(id) and id or nil
end

-- waits_for finds those of the jobs before it that are not finished yet, or why it cannot wait for them.
local function waits_for(job)
  local left = {}
  for id in string.gmatch(job.o.after, '[^\t]+') do
    if here[id] or is_there(id) then
      if #(call('HGET', WAITS, id) or '') > MOST_WAITING then return {'crowded', id} end
      left[#left + 1] = id
    else
      local state = string.match(outcomes_of({id})[1] or '', '^%l+')
      if not state then return {'unknown', id} end
      if state ~= 'finished' then return {'retracted', id} end
    end
  end
  job.left = left
  return nil
end

local refusal = open_queue('job') or recorded() or unchecked(ARGV[6])
if refusal then return refusal end

if #chosen > 0 then
  local items, held = call('HMGET', ITEMS, unpack(chosen)), call('HMGET', HELD, unpack(chosen))
  for k, id in ipairs(chosen) do
    here[id] = items[k] or held[k] or nil
  end
end
local seen = {}
for i, job in ipairs(jobs) do
  local o, why = job.o, nil
  if feed.content ~= '' and not among(o.contents, feed.content) then why = {'content', feed.content} end
  if not why and not o.plain then
    if o.unique ~= '' then
      job.existing = same(job)
      if not job.existing then uniques[o.unique] = job.id end
    end
    if not job.existing and o.own and (here[job.id] or seen[job.id]) then why = {'exists'} end
    if not job.existing then seen[job.id] = true end
  end
  if why then return {'at', i - 1, unpack(why)} end
end
for id in pairs(seen) do
  here[id] = true
end
for i, job in ipairs(jobs) do
  if job.o.after ~= '' and not job.existing then
    local why = waits_for(job)
    if why then return {'at', i - 1, unpack(why)} end
  end
end

start()
local answer = {'ok'}
if next(uniques) then clean_unique(2 * #jobs + 10) end
local items, published, records, first, last, held, due = {}, {}, {}, {}, {}, {}, {}
local at_once = score()
local queued, waiting, put = telling(), {}, 0
for _, job in ipairs(jobs) do
  local o, state, till = job.o, 'queued', ''
  if job.existing then
    state = call('HEXISTS', HELD, job.existing) == 1 and 'held' or 'queued'
  else
    put = put + 1
    if o.delay ~= '' then till = whole(now + o.delay * 1000) end
    if o.at ~= '' then till = o.at end
    if till ~= '' and tonumber(till) <= tonumber(now) then till = '' end
    local after = job.left and #job.left > 0
    if after or till ~= '' then
      state = 'held'
      local r = parse(job.record)
      r.h, r.s, r.w = after and 'after' or 'delay', at_once, after and till ~= '' and till or nil
      if after then r.d = table.concat(job.left, '\t') end
      held[#held + 1], held[#held + 2] = job.id, job.payload
      due[#due + 1], due[#due + 2] = after and '+inf' or till, job.id
      records[#records + 1], records[#records + 2] = job.id, format_record(r)
      if after then till = '' else timer(till / 1000) end
      for _, id in ipairs(job.left or {}) do
        waiting[id] = (waiting[id] or call('HGET', WAITS, id) or '') .. job.id .. '\n'
      end
      queued.add('submit', job.id, owner_of(job.record), actor, r.h)
    else
      local n = #items
      items[n + 1], items[n + 2] = job.id, job.payload
      published[n + 1], published[n + 2] = at_once, job.id
      records[#records + 1], records[#records + 2] = job.id, job.record
      if o.high then first[#first + 1] = job.id else last[#last + 1] = job.id end
      queued.add('submit', job.id, owner_of(job.record), actor, '')
    end
    if o.unique ~= '' then
      local kept = o.unique_for == '' and '0' or whole(now + o.unique_for * 1000)
      call('HSET', UNIQUE, o.unique, kept .. ' ' .. job.id)
    end
  end
  local n = plain or #answer
  if not plain then answer[n + 1], answer[n + 2], answer[n + 3], answer[n + 4] = job.existing or job.id, state, till, job.existing and '1' or '0' end
end

if #items > 0 then
  call('HSET', ITEMS, unpack(items))
  call('ZADD', PUBLISHED, unpack(published))
  if #last > 0 then call('LPUSH', IDS, unpack(last)) end
  for i = #first, 1, -1 do
    call('RPUSH', IDS, first[i])
  end
end
if #held > 0 then
  call('HSET', HELD, unpack(held))
  call('ZADD', DUE, unpack(due))
end
if put > 0 then
  call('HSET', RECORDS, unpack(records))
  call('INCRBY', PUBLISHES, put)
end
if next(uniques) then timer(now / 1000 + 60000) end
for id, list in pairs(waiting) do
  call('HSET', WAITS, id, list)
end
if #chosen > 0 then -- an id may be used again
  call('HDEL', RESULTS, unpack(chosen))
  call('HDEL', OLDER, unpack(chosen))
end
queued.all()
finish_queue()
return record(answer)
