-- putitems puts items into a queue of type queue, all or none. Beside the item nothing is kept of it: an old client that takes it
-- would leave that behind.
-- ARGV  6 what the bodies were held to, as unchecked() has it   7... for each item: id; 1 if the caller chose it; body; the contents that
--       admit it; 1 if it goes in front; submitter
-- returns  ok, the ids
--          at, index, and one of: content, what the queue declares | exists
--          not_found | conflict, bare | conflict, type, T | reused | checks, schema, stamp
local FIELDS = 6

local refusal = open_queue('queue') or recorded() or unchecked(ARGV[6])
if refusal then return refusal end

local answer, ids, items, owners, first, last, seen = {'ok'}, {}, {}, {}, {}, {}, {}
for i = 7, #ARGV, FIELDS do
  local id, own, body, contents, high, owner = unpack(ARGV, i, i + FIELDS - 1)
  local why
  if feed.content ~= '' and not among(contents, feed.content) then why = {'content', feed.content} end
  if own == '1' and not why and (seen[id] or call('HEXISTS', ITEMS, id) == 1 or call('HEXISTS', HELD, id) == 1) then why = {'exists'} end
  if why then return {'at', (i - 7) / FIELDS, unpack(why)} end
  seen[id] = true
  ids[#ids + 1], owners[#owners + 1], answer[#answer + 1] = id, owner, id
  items[#items + 1], items[#items + 2] = id, body
  if high == '1' then first[#first + 1] = id else last[#last + 1] = id end
end

start()
call('HSET', ITEMS, unpack(items))
if #last > 0 then call('LPUSH', IDS, unpack(last)) end
for i = #first, 1, -1 do
  call('RPUSH', IDS, first[i])
end
call('INCRBY', PUBLISHES, #ids)
tell_jobs('submit', ids, owners, actor, '')
finish_queue()
return record(answer)
