-- watch looks for what other clients did to a queue, where it is likely to be, and tells it.
-- ARGV  6 cursor of the search for jobs that are over, 0 to begin one if there are any
-- returns  ok, changes told, cursor to go on with or 0, 1 if there may be more at once,
--          how many jobs are in no state, or less than that
--          not_found | conflict, bare | conflict, type, T
local MOST = 500

local refusal = open_queue('job')
if refusal then return refusal end
local candidates, seen, more = {}, {}, 0

local function add(id)
  if not seen[id] then
    seen[id] = true
    candidates[#candidates + 1] = id
  end
end

-- Jobs that we were not told of are the newest.
local from = 0
repeat
  local newest, unknown = call('ZREVRANGE', PUBLISHED, from, from + MOST - 1), 0
  if #newest == 0 then break end
  for i, text in ipairs(call('HMGET', RECORDS, unpack(newest))) do
    if not text then unknown = unknown + 1 end
    -- One that was stalled, says its record, was put back.
    if not text or string.find(text, '\nn', 1, true) then add(newest[i]) end
  end
  from = from + MOST
until unknown == 0 or #candidates >= MOST

-- Claims of other clients, those that we know of and those that we do not.
local known = call('ZRANGEBYSCORE', SEEN, '-inf', now, 'LIMIT', 0, 2 * MOST)
if #known > 0 then
  local claimed = call('ZMSCORE', CLAIMED, unpack(known))
  for i, text in ipairs(call('HMGET', RECORDS, unpack(known))) do
    if not claimed[i] or not text or parse(text).f ~= claimed[i] then add(known[i]) end
    seen[known[i]] = true
  end
end
local claims = call('ZREVRANGE', CLAIMED, 0, 2 * MOST - 1, 'WITHSCORES')
for i = 1, #claims, 2 do
  -- Ours have no whole milliseconds.
  if not seen[claims[i]] and (tonumber(claims[i + 1]) % 1 == 0 or foreign_claim(claims[i + 1])) then add(claims[i]) end
end

-- Jobs that others wait for, and those that take up their group's room.
for _, id in ipairs(call('HKEYS', WAITS)) do
  if #candidates >= 2 * MOST then break end
  if call('HEXISTS', ITEMS, id) == 0 then add(id) end
end
for _, member in ipairs(call('ZRANGEBYLEX', GROUPS, '[r', '(s', 'LIMIT', 0, 2 * MOST)) do
  local id = string.match(member, '\n(.*)$')
  if not call('ZSCORE', CLAIMED, id) then
    add(id)
    call('ZREM', GROUPS, member)
  end
end

-- Jobs that are over have a record and nothing else.
local unknown = 0
for _, id in ipairs(candidates) do
  if call('HEXISTS', RECORDS, id) == 0 then unknown = unknown + 1 end
end
local cursor = ARGV[6]
local excess = call('HLEN', RECORDS) + unknown - call('HLEN', ITEMS) - call('HLEN', HELD)
if excess > 0 or cursor ~= '0' then
  local page = call('HSCAN', RECORDS, cursor, 'COUNT', MOST)
  cursor = page[1]
  for i = 1, #page[2], 2 do
    local id = page[2][i]
    if call('HEXISTS', ITEMS, id) == 0 and call('HEXISTS', HELD, id) == 0 then add(id) end
  end
end
if #candidates >= MOST then more = 1 end

local s = settling()
if #candidates > 0 then
  start()
  for i = 1, math.min(#candidates, 4 * MOST) do
    s.look(candidates[i])
  end
  s.finish()
end
local lost = call('HLEN', ITEMS) - call('LLEN', IDS) - call('ZCARD', CLAIMED) - call('SCARD', STALLED)
return {'ok', s.told, cursor, more, lost}
