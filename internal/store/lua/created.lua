-- created lists ids of a feed's items in the order in which they were first published. It reads what is known of all of
-- them, so there is a bound on how many they may be.
-- ARGV  5 asc or desc   6 limit   7 id that has to be there, after which the page begins, or ''   8 items to skip   9 the bound
-- returns  ok, items in the feed, place of the page's first item, then ids
--          not_found | not_found, item | conflict, bare | conflict, type, T | unordered
local mode, limit, after, skip, bound = ARGV[5], tonumber(ARGV[6]), ARGV[7], tonumber(ARGV[8]), tonumber(ARGV[9])

open()
local refusal = absent()
if refusal then return refusal end
if feed.type ~= 'feed' and not feed.sorted then return {'conflict', 'type', feed.type} end
if call('HLEN', LAST) > bound then return {'unordered'} end

local told, all = call('HGETALL', LAST), {}
for i = 1, #told, 2 do
  all[#all + 1] = {id = told[i], at = tonumber(string.match(told[i + 1], ' (%d+)$') or '0')}
end
table.sort(all, function(a, b)
  if a.at ~= b.at then return (a.at < b.at) == (mode == 'asc') end
  return (a.id < b.id) == (mode == 'asc') and a.id ~= b.id
end)

local first = skip
if after ~= '' then
  first = nil
  for i, item in ipairs(all) do
    if item.id == after then first = i end
  end
  if not first then return {'not_found', 'item'} end
end
local answer = {'ok', #all, first}
for i = first + 1, math.min(first + limit, #all) do
  answer[#answer + 1] = all[i].id
end
return answer
