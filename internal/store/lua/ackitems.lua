-- ackitems confirms leased items of a queue, each for itself, or gives them back.
-- ARGV  6... for each item: ack or back; id; token; who
-- returns  ok, then for each item: finished, queued or lost; ''
--          not_found | conflict, bare | conflict, type, T
local FIELDS = 4

local refusal = open_queue('queue')
if refusal then return refusal end
local items, ids, tokens = {}, {}, {}
for i = 6, #ARGV, FIELDS do
  local verb, id, token, who = unpack(ARGV, i, i + FIELDS - 1)
  items[#items + 1] = {verb = verb, id = id, who = who}
  ids[#ids + 1], tokens[#tokens + 1] = id, token
end
local claims = leased(ids, tokens)

local done, back, leases, twice, any = {}, {}, {}, {}, false
for i, item in ipairs(items) do
  if claims[i] and not twice[item.id] then
    twice[item.id], any, leases[claims[i]] = true, true, true
    item.state = item.verb == 'back' and 'queued' or 'finished'
    if item.verb == 'back' then back[#back + 1] = item.id else done[#done + 1] = item.id end
  end
end
if any then
  start()
  local tellings = telling()
  for _, item in ipairs(items) do
    if item.state == 'finished' then tellings.add('finish', item.id, '', item.who, '') end
  end
  if #done > 0 then
    call('HDEL', HELD, unpack(done))
    call('ZREM', DUE, unpack(done))
  end
  for _, item in ipairs(items) do
    if item.state == 'queued' then restore({item.id}, tellings, item.who, '') end
  end
  tellings.all()
  drop_leases(leases)
  finish_queue()
end
local answer = {'ok'}
for i, item in ipairs(items) do
  answer[2 * i], answer[2 * i + 1] = item.state or 'lost', ''
end
return answer
