-- write does operations on the items of one feed, all or none.
-- KEYS  27 feed.idincr:F
-- ARGV  6 what the bodies were held to, as unchecked() has it   7... for each operation: publish, edit, retract or position; id, '' to have one made; the id to take if one is
--       made and the feed is not sorted, and of a retract what its note says; body; its SHA-1; If-Match; If-None-Match; the contents that admit this body;
--       first, last, before, after or ''; the id that before and after refer to
-- returns  ok, then for each operation: id, revision, 1 if it is new, time of its first publish in microseconds
--          at, index, and one of: stale, present revision | not_found, item | not_found, ref, id | conflict, unsorted
--                                 | content, what the feed declares
--          not_found | conflict, bare | conflict, type, T | reused | checks, schema, stamp
local IDINCR = KEYS[27]
local FIELDS = 10
local DROPS = 1000 -- at most so many for one publish

local operations = {}
for i = 7, #ARGV, FIELDS do
  local kind, id, spare, body, digest, match, none, contents, where, ref = unpack(ARGV, i, i + FIELDS - 1)
  operations[#operations + 1] = {
    kind = kind, id = id, spare = spare, body = body, digest = digest, match = match, none = none,
    contents = contents, where = where, ref = ref,
  }
end

local there = {} -- whether an item is there after the operations checked so far

local function present(id)
  if feed.sorted then return call('HEXISTS', ITEMS, id) == 1 end
  return call('ZSCORE', IDS, id) and true or call('HEXISTS', ITEMS, id) == 1
end

local function exists(id)
  if there[id] == nil then there[id] = present(id) end
  return there[id]
end

-- fault returns why an operation cannot be done, or nil.
local function fault(op)
  local placed = op.where == 'before' or op.where == 'after'
  if (op.where ~= '' or op.kind == 'position') and not feed.sorted then return {'conflict', 'unsorted'} end
  if op.match ~= '' or op.none ~= '' then
    compare(op.id)
    local last = said(op.id)
    local now_is = last and last.revision or ''
    if now_is == '' and op.kind ~= 'publish' then return {'not_found', 'item'} end
    if not holds(op.match, op.none, now_is) then return {'stale', now_is} end
  end
  if op.kind ~= 'publish' and not exists(op.id) then return {'not_found', 'item'} end
  if placed and not exists(op.ref) then return {'not_found', 'ref', op.ref} end
  if (op.kind == 'publish' or op.kind == 'edit') and feed.content ~= '' and not among(op.contents, feed.content) then
    return {'content', feed.content}
  end
  if op.id ~= '' then there[op.id] = op.kind ~= 'retract' end
  return nil
end

-- reserve keeps old clients, who take the next number for an id, from taking one that was given.
local function reserve(id)
  if string.match(id, '^[1-9]%d*$') and #id < 16 and tonumber(id) > tonumber(call('GET', IDINCR) or '0') then
    call('SET', IDINCR, id)
  end
end

-- make returns an id that no item has.
local function make(op)
  if not feed.sorted then return op.spare end
  local id
  repeat id = whole(call('INCR', IDINCR)) until call('HEXISTS', ITEMS, id) == 0
  return id
end

-- stands_at reports whether an item of a sorted feed stands at that place already.
local function stands_at(id, where, ref)
  if ref == id then return true end
  local i = call('LPOS', IDS, id)
  if not i then return false end
  return where == 'first' and i == 0
    or where == 'last' and i == call('LLEN', IDS) - 1
    or where == 'after' and i > 0 and call('LINDEX', IDS, i - 1) == ref
    or where == 'before' and call('LINDEX', IDS, i + 1) == ref
end

-- place puts an item of a sorted feed where it belongs, in Redis and in the order that the log tells.
local function place(id, where, ref)
  call('LREM', IDS, 1, id)
  call('LREM', ORDER, 1, id)
  put_into(IDS, id, where, ref)
  put_into(ORDER, id, where, ref)
end

local function drop_oldest(id, placed)
  local excess = math.min(call('ZCARD', IDS) + (placed and 0 or 1) - feed.max_length, DROPS)
  if feed.max_length == 0 or excess <= 0 then return end
  for _, old in ipairs(call('ZRANGE', IDS, 0, excess)) do
    if old ~= id and excess > 0 then
      tell(old, false)
      call('ZREM', IDS, old)
      call('HDEL', ITEMS, old)
      message('feed.retract:' .. name, old)
      excess = excess - 1
    end
  end
end

local function publish_plain(op)
  local placed = call('ZSCORE', IDS, op.id)
  drop_oldest(op.id, placed)
  local last = said(op.id)
  local published = last and last.published or placed and micros(placed) or now
  append(last and 'edit' or 'publish', op.id, op.body)
  remember(op.id, op.digest, published)
  call('ZADD', IDS, score(), op.id)
  message((placed and 'feed.edit:' or 'feed.publish:') .. name, op.id .. '\0' .. op.body)
  return not placed, published
end

local function publish_sorted(op)
  local known = call('HEXISTS', ITEMS, op.id) == 1
  if known then compare(op.id) end
  if op.ref ~= '' then compare(op.ref) end -- the log has to know what it is told a place by
  local last = said(op.id)
  local published = last and last.published or now
  local where, position = op.where, ''
  if where == '' and not known then where = 'last' end
  if where ~= '' and not stands_at(op.id, where, op.ref) then position = position_text(where, op.ref) end
  append(last and 'edit' or 'publish', op.id, op.body, '', position)
  remember(op.id, op.digest, published)
  message('feed.publish:' .. name, op.id .. '\0' .. op.body)
  if position ~= '' then
    place(op.id, where, op.ref)
    message('feed.position:' .. name, op.id .. '\0' .. position)
  end
  if not known then reserve(op.id) end
  return not known, published
end

local function publish(op)
  if op.id == '' then op.id = make(op) end
  local new, published
  if feed.sorted then
    new, published = publish_sorted(op)
  else
    new, published = publish_plain(op)
  end
  call('INCR', PUBLISHES)
  call('HSET', ITEMS, op.id, op.body)
  return revision, new and '1' or '0', published
end

local function retract(op)
  if not present(op.id) then return revision, '0', '0' end -- dropped by max_length since the batch began
  tell(op.id, false, nil, op.spare)
  if feed.sorted then
    call('LREM', IDS, 1, op.id)
  else
    call('ZREM', IDS, op.id)
  end
  call('HDEL', ITEMS, op.id)
  message('feed.retract:' .. name, op.id)
  return revision, '0', '0'
end

local function move(op)
  compare(op.id)
  if op.ref ~= '' then compare(op.ref) end
  local last = said(op.id)
  if stands_at(op.id, op.where, op.ref) then return last.revision, '0', last.published end
  local position = position_text(op.where, op.ref)
  append('position', op.id, '', '', position)
  remember(op.id, last.digest, last.published)
  place(op.id, op.where, op.ref)
  message('feed.position:' .. name, op.id .. '\0' .. position)
  return revision, '0', last.published
end

local perform = {publish = publish, edit = publish, retract = retract, position = move}

open()
local refusal = absent() or recorded()
if refusal then return refusal end
if not feed.sorted and feed.type ~= 'feed' then return {'conflict', 'type', feed.type} end
refusal = unchecked(ARGV[6])
if refusal then return refusal end
call(feed.sorted and 'LLEN' or 'ZCARD', IDS)
call('HLEN', ITEMS)
if feed.sorted then whole_number(IDINCR) end

for i, op in ipairs(operations) do
  local why = fault(op)
  if why then
    commit() -- of what was adopted on the way
    return {'at', i - 1, unpack(why)}
  end
end

begin()
local answer = {'ok'}
for i, op in ipairs(operations) do
  if i > 1 then now = whole(now + 1) end -- each has a time of its own, and so a place in the order
  local rev, new, published = perform[op.kind](op)
  for _, v in ipairs({op.id, rev, new, published}) do
    answer[#answer + 1] = v
  end
end
commit()
if #messages > 0 then emit() end
return record(answer)
