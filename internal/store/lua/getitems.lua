-- getitems takes items out of a queue of type queue. What is to be confirmed is in no key of the contract until it is, or until it
-- goes back: no other client takes it meanwhile.
-- ARGV  6 how many   7 1 if they are to be confirmed   8 lease in milliseconds or ''   9 secret of its token   10 holder or -
-- returns  ok, content, token or '', end of the lease in milliseconds or '', '', empty or paused, then id and body of each item
--          lease, the longest in milliseconds | not_found | conflict, bare | conflict, type, T
local wanted, confirm, lease, secret, holder = unpack(ARGV, 6, 10)
wanted = tonumber(wanted)

local refusal = open_queue('queue')
if refusal then return refusal end
lease = tonumber(lease) or queue.lease
if lease > queue.max_lease then return {'lease', whole(queue.max_lease)} end
if queue.paused then return {'ok', feed.content, '', '', 'paused'} end
if queue.length == 0 then return {'ok', feed.content, '', '', 'empty'} end

start()
local taken, owners, bodies, refused = {}, {}, {}, {}
local looked, exhausted = 0, false
while #taken < wanted and not exhausted and looked < wanted + PART do
  local ids = call('RPOP', IDS, wanted - #taken)
  exhausted = not ids or #ids == 0
  if not exhausted then
    looked = looked + #ids
    local found = call('HMGET', ITEMS, unpack(ids))
    for i, id in ipairs(ids) do
      if found[i] and not lawful(id) then
        refused[#refused + 1] = id
      elseif found[i] then
        local n = #taken + 1
        taken[n], bodies[n], owners[n] = id, found[i], ''
      end
    end
  end
end
put_back(refused)

local token, ends = '', ''
if #taken > 0 then
  if confirm == '1' then
    local claim = next_claim()
    ends = whole(math.floor(now / 1000) + lease)
    token = claim .. '.' .. secret
    local held, due = {}, {}
    for i, id in ipairs(taken) do
      held[2 * i - 1], held[2 * i] = id, bodies[i]
      due[2 * i - 1], due[2 * i] = claim, id
    end
    call('HSET', HELD, unpack(held))
    call('ZADD', DUE, unpack(due))
    call('HSET', LEASES, claim, table.concat({secret, ends, holder, actor}, ' '))
    call('ZADD', EXPIRES, ends, claim)
    call('HSET', META, 'claimed', claim)
    timer(ends)
    tell_jobs('claim', taken, owners, actor, '')
  else
    tell_jobs('finish', taken, owners, actor, '')
  end
  call('HDEL', ITEMS, unpack(taken))
end
finish_queue()
local answer = {'ok', feed.content, token, ends, #taken < wanted and 'empty' or ''}
for i, id in ipairs(taken) do
  answer[#answer + 1], answer[#answer + 2] = id, bodies[i]
end
return answer
