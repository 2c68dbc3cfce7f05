-- items reads items of a feed and changes nothing: a page of them in their order, or those with given ids.
-- ARGV  5 asc, desc or ids   6 limit   7 bound on the bytes of the bodies, beyond which the page ends early
--       8 score, or in a sorted feed index-number of its last change, and 9 id of the last item of the page before, or '' and '';
--       with '' and an id, that item has to be there   10 items to skip where both are ''   11 told: in the order that the log has told, of
--       a sorted feed
--       for ids: 8... the ids
-- returns  ok, type, content, revision of the feed, items in the feed, what 8 and 9 of the next page are with a space between
--          or '' if that is all, place of the page's first item, 1 if its order is the log's, then id, body, last word, score or ''
--          of each
--          not_found | not_found, item | conflict, bare | conflict, type, T | cursor
local mode, limit, most = ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])

open()
local refusal = absent()
if refusal then return refusal end
if feed.type ~= 'feed' and not feed.sorted then return {'conflict', 'type', feed.type} end
if mode ~= 'ids' and ARGV[8] ~= '' then
  local score = not feed.sorted and tonumber(ARGV[8])
  if feed.sorted and not string.match(ARGV[8], '^%d+%-%d+$') or not feed.sorted and (not score or score ~= score) then return {'cursor'} end
end

call('HLEN', ITEMS) -- fails for a wrong type even if there is no item to read

local skip = mode ~= 'ids' and tonumber(ARGV[10]) or 0

-- start is the place of the first item after the one named, even if that was moved or removed since: items of its
-- very score may then come twice, but none is left out.
local function start(after_score, after_id)
  if after_id == '' then return skip end
  local there = call('ZSCORE', IDS, after_id)
  if not there and after_score == '' then return nil end
  if after_score == '' or there == after_score then
    return call(mode == 'asc' and 'ZRANK' or 'ZREVRANK', IDS, after_id) + 1
  end
  if mode == 'asc' then return call('ZCOUNT', IDS, '-inf', '(' .. after_score) end
  return call('ZCOUNT', IDS, '(' .. after_score, '+inf')
end

-- changed_at is the number of the item's last change.
local function changed_at(id)
  return string.match(call('HGET', LAST, id) or '', '^%d+') or '0'
end

-- start_sorted is the same for a sorted feed, in either of its lists: where the item was removed, or changed and is elsewhere, its
-- former place counts.
local function start_sorted(list, after, after_id)
  if after_id == '' then return skip end
  local index, number = string.match(after, '^(%d+)%-(%d+)$')
  local i = call('LPOS', list, after_id)
  if not i then return tonumber(index) end
  if mode == 'desc' then i = call('LLEN', list) - 1 - i end
  if index and tonumber(index) ~= i and changed_at(after_id) ~= number then return tonumber(index) end
  return i + 1
end

local function range_sorted(list, first)
  if mode == 'asc' then return call('LRANGE', list, first, first + limit) end
  local ids, length = {}, call('LLEN', list)
  if first >= length then return ids end
  local backwards = call('LRANGE', list, math.max(0, length - 1 - first - limit), length - 1 - first)
  for i = #backwards, 1, -1 do
    ids[#ids + 1] = backwards[i]
  end
  return ids
end

local function same(these, those)
  for i = 1, math.max(#these, #those) do
    if these[i] ~= those[i] then return 0 end
  end
  return 1
end

local ids, first = {}, 0
local more, ordered = false, 1
if mode == 'ids' then
  ids = {unpack(ARGV, 8)}
else
  if feed.sorted then
    local list = ARGV[11] == 'told' and ORDER or IDS
    first = start_sorted(list, ARGV[8], ARGV[9])
    if not first then return {'not_found', 'item'} end
    ids = range_sorted(list, first)
    ordered = same(ids, range_sorted(ORDER, first))
  else
    first = start(ARGV[8], ARGV[9])
    if not first then return {'not_found', 'item'} end
    ids = call(mode == 'asc' and 'ZRANGE' or 'ZREVRANGE', IDS, first, first + limit)
  end
  if #ids > limit then
    more = true
    ids[#ids] = nil
  end
end

local answer = {'ok', feed.type, feed.content, revision, call(feed.sorted and 'LLEN' or 'ZCARD', IDS), '', first, ordered}
local read, last, last_at = 0, nil, nil
for i, id in ipairs(ids) do
  local placed = feed.sorted or call('ZSCORE', IDS, id)
  local body = placed and call('HGET', ITEMS, id)
  if body then
    if read > 0 and read + #body > most then
      more = true
      break
    end
    read = read + #body
    local n = #answer
    answer[n + 1], answer[n + 2], answer[n + 3], answer[n + 4] = id, body, call('HGET', LAST, id) or '', feed.sorted and '' or placed
  end
  if placed then
    last, last_at = id, feed.sorted and first + i - 1 or placed
  end
end
if more and last then answer[6] = (feed.sorted and whole(last_at) .. '-' .. changed_at(last) or last_at) .. ' ' .. last end
return answer
