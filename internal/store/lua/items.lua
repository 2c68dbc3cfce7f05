-- items reads items of a feed and changes nothing: a page of them in their order, or those with given ids.
-- ARGV  5 asc, desc or ids   6 limit   7 bound on the bytes of the bodies, beyond which the page ends early
--       8 score and 9 id of the last item of the page before, or '' and ''; for ids: 8... the ids
-- returns  ok, content, revision of the feed, items in the feed, score and id to go on after or '' if that is all,
--          then id, body, last word, score of each
--          not_found | conflict, bare | conflict, type, T
local mode, limit, most = ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])

open()
local refusal = absent()
if refusal then return refusal end
if feed.type ~= 'feed' then return {'conflict', 'type', feed.type} end

call('HLEN', ITEMS) -- fails for a wrong type even if there is no item to read

-- start is the place of the first item after the one named, even if that was moved or removed since: items of its
-- very score may then come twice, but none is left out.
local function start(after_score, after_id)
  if after_id == '' then return 0 end
  if call('ZSCORE', IDS, after_id) == after_score then
    return call(mode == 'asc' and 'ZRANK' or 'ZREVRANK', IDS, after_id) + 1
  end
  if mode == 'asc' then return call('ZCOUNT', IDS, '-inf', '(' .. after_score) end
  return call('ZCOUNT', IDS, '(' .. after_score, '+inf')
end

local ids = {}
local more = false
if mode == 'ids' then
  ids = {unpack(ARGV, 8)}
else
  local first = start(ARGV[8], ARGV[9])
  ids = call(mode == 'asc' and 'ZRANGE' or 'ZREVRANGE', IDS, first, first + limit)
  if #ids > limit then
    more = true
    ids[#ids] = nil
  end
end

local answer = {'ok', feed.content, revision, call('ZCARD', IDS), ''}
local read, last = 0, ''
for _, id in ipairs(ids) do
  local placed = call('ZSCORE', IDS, id)
  local body = placed and call('HGET', ITEMS, id)
  if body then
    if read > 0 and read + #body > most then
      more = true
      break
    end
    read = read + #body
    local n = #answer
    answer[n + 1], answer[n + 2], answer[n + 3], answer[n + 4] = id, body, call('HGET', LAST, id) or '', placed
  end
  if placed then last = placed .. ' ' .. id end
end
if more then answer[5] = last end
return answer
