-- finish ends claimed jobs as done, each for itself. A job that the same lease finished already counts as done.
-- ARGV  6... for each run of jobs with the same lease and worker: token; worker; + if each has a result, - if none has; how many;
--       then their ids, each with its result if it has one
-- returns  ok if all are finished, else ok, then for each job: finished or lost
--          not_found | conflict, bare | conflict, type, T
local refusal = open_queue('job')
if refusal then return refusal end

local ids, tokens, workers, flags, results = {}, {}, {}, {}, {}
local at, n = 6, 0
while at < #ARGV do
  local token, worker, flag, many = unpack(ARGV, at, at + 3)
  local step = flag == '+' and 2 or 1
  at = at + 4
  local past = at + step * many
  while at < past do
    n = n + 1
    ids[n], tokens[n], workers[n], flags[n] = ARGV[at], token, worker, flag
    if step == 2 then results[n] = ARGV[at + 1] end
    at = at + step
  end
end
local claims = leased(ids, tokens)

local answers, lost, done, index, twice = {}, {}, {}, {}, {}
for i = 1, n do
  local id = ids[i]
  if claims[i] and not twice[id] then
    twice[id] = true
    done[#done + 1], index[#index + 1] = id, i
  elseif not claims[i] then
    lost[#lost + 1] = id
    answers[i] = 'lost'
  end
end
if #lost > 0 then
  local k = 0
  local outcomes = outcomes_of(lost)
  for i = 1, n do
    if answers[i] then
      k = k + 1
      local token = outcomes[k] and string.match(outcomes[k], '^finished\n%d+\n(%S*)\n')
      if token == tokens[i] then answers[i] = nil end
    end
  end
end

if #done > 0 then
  start()
  local texts, failures = call('HMGET', RECORDS, unpack(done)), nil
  if call('EXISTS', CANCELLED) == 1 then failures = call('HMGET', CANCELLED, unpack(done)) end
  local tellings, leases, outcomes, special, heads, over = telling(), {}, {}, {}, {}, {}
  local awaited = call('EXISTS', WAITS) == 1
  for k, id in ipairs(done) do
    local i = index[k]
    local token, worker = tokens[i], workers[i]
    local owner = owner_of(texts[k])
    local attempt = (failures and failures[k] or 0) + 1
    local head = heads[token]
    if not head then
      head = 'finished\n' .. now .. '\n' .. token .. '\n'
      heads[token], leases[claims[i]] = head, true
    end
    if not simple(texts[k]) then special[#special + 1] = {id = id, r = parse(texts[k])} end
    tellings.add('finish', id, owner, worker, '')
    outcomes[2 * k - 1] = id
    outcomes[2 * k] = head .. attempt .. '\n' .. flags[i] .. '\n' .. owner .. '\n' .. worker .. '\n' .. (results[i] or '')
    if flags[i] == '+' then message('job.finish:' .. name, id .. '\0' .. results[i]) end
    if awaited then over[k] = {id = id, done = true} end
  end
  call('ZREM', CLAIMED, unpack(done))
  if failures then call('HDEL', CANCELLED, unpack(done)) end
  call('ZREM', PUBLISHED, unpack(done))
  call('INCRBY', FINISHES, #done)
  call('HDEL', ITEMS, unpack(done))
  call('HDEL', RECORDS, unpack(done))
  keep_outcomes(outcomes)
  tellings.all()
  for _, job in ipairs(special) do
    free_unique(job.id, job.r)
    leave_group(job.id, job.r, tellings)
  end
  if awaited then dependents(over, tellings) end
  tellings.all()
  drop_leases(leases)
  finish_queue()
end
if not next(answers) then return {'ok'} end
local answer = {'ok'}
for i = 1, n do
  answer[i + 1] = answers[i] or 'finished'
end
return answer
