-- peekitems reads what stands at the head of a queue of type queue, and changes nothing, but that it begins to tell of one that another client made.
-- ARGV  6 how many   7 bound on the bytes of the bodies
-- returns  ok, content, length, leased items, then id and body of each
--          not_found | conflict, bare | conflict, type, T
local limit, most = tonumber(ARGV[6]), tonumber(ARGV[7])
local refusal = open_queue('queue')
if refusal then return refusal end
local answer = {'ok', feed.content, queue.length, call('HLEN', HELD)}
local ids = call('LRANGE', IDS, -limit, -1)
for i = #ids, 1, -1 do
  local body = call('HGET', ITEMS, ids[i])
  if body then
    if #answer > 4 and most < #body then break end
    most = most - #body
    answer[#answer + 1], answer[#answer + 2] = ids[i], body
  end
end
return answer
