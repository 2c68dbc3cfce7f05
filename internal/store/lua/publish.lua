-- publish writes one item of a feed, new or in place of another, and drops the oldest beyond max_length.
-- ARGV  5 id   6 body   7 SHA-1 of the body   8 If-Match   9 If-None-Match   10 the contents that admit this body
-- returns  ok, revision, 1 if it is new, time of its first publish in microseconds
--          stale, present revision | not_found | conflict, bare | conflict, type, T | content, what the feed declares
local id, body, digest, match, none, contents = unpack(ARGV, 5, 10)
local DROPS = 1000 -- at most so many in one call

open()
local refusal = absent()
if refusal then return refusal end
if feed.type ~= 'feed' then return {'conflict', 'type', feed.type} end
if feed.content ~= '' and not among(contents, feed.content) then return {'content', feed.content} end
local placed = call('ZSCORE', IDS, id)
call('HEXISTS', ITEMS, id)

if match ~= '' or none ~= '' then
  compare(id)
  commit()
  local last = said(id)
  local present = last and last.revision or ''
  if not holds(match, none, present) then return {'stale', present} end
end

begin()
if feed.max_length > 0 then
  local excess = math.min(call('ZCARD', IDS) + (placed and 0 or 1) - feed.max_length, DROPS)
  local oldest = excess > 0 and call('ZRANGE', IDS, 0, excess) or {}
  for _, old in ipairs(oldest) do
    if old ~= id and excess > 0 then
      tell(old, false)
      call('ZREM', IDS, old)
      call('HDEL', ITEMS, old)
      message('feed.retract:' .. name, old)
      excess = excess - 1
    end
  end
end

local last = said(id)
local published = last and last.published or placed and micros(placed) or now
append(last and 'edit' or 'publish', id, body)
remember(id, digest, published)
call('ZADD', IDS, score(), id)
call('INCR', PUBLISHES)
call('HSET', ITEMS, id, body)
commit()
message((placed and 'feed.edit:' or 'feed.publish:') .. name, id .. '\0' .. body)
emit()
return {'ok', revision, placed and 0 or 1, published}
