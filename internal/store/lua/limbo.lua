-- limbo restores jobs that are in no state: their client died between taking and claiming them. One that is only now found so may
-- be on its way into one; so it is noted, and restored if it is found so again a good while later.
-- ARGV  6 milliseconds between the two   7... ids
-- returns  ok, jobs restored
--          not_found | conflict, bare | conflict, type, T
local refusal = open_queue('job')
if refusal then return refusal end
local between = tonumber(ARGV[6]) * 1000
local APART = 1e16 -- keeps the times of these marks in thoonk.seen from those of claims
start()
local tellings, restored = telling(), 0
for i = 7, #ARGV do
  local id = ARGV[i]
  local mark = '\n' .. id -- no id has a line break
  local there = call('HEXISTS', ITEMS, id) == 0 or call('ZSCORE', CLAIMED, id) or call('SISMEMBER', STALLED, id) == 1
    or call('HEXISTS', HELD, id) == 1 or call('LPOS', IDS, id)
  local first = call('ZSCORE', SEEN, mark)
  if there then
    call('ZREM', SEEN, mark)
  elseif not first then
    call('ZADD', SEEN, whole(now + APART), mark)
  elseif tonumber(first) - APART + between <= tonumber(now) then
    call('ZREM', SEEN, mark)
    call('RPUSH', IDS, id)
    tellings.add('cancel', id, owner_of(call('HGET', RECORDS, id)), '', 'lost')
    restored = restored + 1
  end
end
tellings.all()
finish_queue()
return {'ok', restored}
