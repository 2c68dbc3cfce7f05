-- plain does what is asked for most: it publishes on a feed of type feed that the log knows, with no idempotency key, no
-- condition, no bound on the number of items, and no history to trim. For anything else it answers nil, with nothing
-- written, and what follows does it: write.lua, which says what KEYS and ARGV are and what is returned.
-- It stands before lib.lua and does without it: a script is run as a whole, so each function costs its making, even where
-- it is not called; and calls of Redis are what the rest of the time goes into, so there are no more than it takes.
local function plain()
  local call, format, sub, find = redis.call, string.format, string.sub, string.find
  local feeds, config, ids, items, publishes, _, meta, last, history, log, _, _, place = unpack(KEYS, 1, 13)
  local name, actor, log_max, once = ARGV[1], ARGV[2], ARGV[4], ARGV[5]
  local FIRST, FIELDS, LOG_BODY, HISTORY_COUNT, HISTORY_BYTES = 6, 10, 1024, 1000, 16777216
  if once ~= '' then return nil end
  local grows = 0
  for i = FIRST, #ARGV, FIELDS do
    if ARGV[i] ~= 'publish' or ARGV[i + 5] ~= '' or ARGV[i + 6] ~= '' or ARGV[i + 8] ~= '' then return nil end
    grows = grows + #ARGV[i + 1] + #ARGV[i + 2] + #ARGV[i + 3] + #actor
  end

  local c = call('HMGET', config, 'type', 'max_length', 'content', 'history', 'history_bytes', 'thoonk.birth')
  local m = call('HMGET', meta, 'birth', 'revision', 'total', 'base')
  if not c[6] or c[6] ~= m[1] or c[1] and c[1] ~= 'feed' or c[2] or call('SISMEMBER', feeds, name) == 0 then return nil end
  local content = c[3] or ''
  for i = FIRST + 7, content ~= '' and #ARGV or 0, FIELDS do
    if not find(' ' .. ARGV[i] .. ' ', ' ' .. content .. ' ', 1, true) then return nil end
  end
  local number, total = tonumber(string.match(m[2], '^%d+')), tonumber(m[3])
  local length = call('XLEN', history) + (#ARGV - FIRST + 1) / FIELDS
  if length > (tonumber(c[4]) or HISTORY_COUNT) * 1.1 then return nil end
  if total + grows - m[4] > (tonumber(c[5]) or HISTORY_BYTES) * 1.1 then return nil end

  -- A key of a wrong type fails here, where nothing is written yet: these are read only for that.
  call('HLEN', items)
  call('ZCARD', ids)
  call('HLEN', last)
  call('XLEN', log)
  local published = call('GET', publishes)
  if published and (#published > 15 or find(published, '%D')) then return nil end

  local at = call('INCR', place)
  if at == 1 then -- the count was lost
    call('DEL', place)
    return nil
  end
  local time = call('TIME')
  local now = time[1] .. format('%06d', time[2])
  local revision
  local answer, messages = {'ok'}, {}
  for i = FIRST + 1, #ARGV, FIELDS do
    if i > FIRST + 1 then
      now = format('%d', now + 1) -- each has a time of its own, and so a place in the order
      at = call('INCR', place)
    end
    local id, spare, body, digest = unpack(ARGV, i, i + 3)
    if id == '' then id = spare end
    local said = call('HGET', last, id)
    local kind, first = 'publish', now
    if said then kind, first = 'edit', string.match(said, '%S+$') end
    local channel, new = 'feed.publish:', '1'
    local score = sub(now, 1, -4) .. '.' .. sub(now, -3)
    if call('ZADD', ids, 'NX', score, id) == 0 then
      channel, new = 'feed.edit:', '0'
      if not said then first = micros(call('ZSCORE', ids, id)) end
      call('ZADD', ids, score, id)
    end

    number = number + 1
    revision = format('%d-%s', number, now)
    call('XADD', log, 'MAXLEN', '~', log_max, format('%d-%s', at, now), 'feed', name, 'revision', revision, 'kind', kind,
      'id', id, 'body', #body <= LOG_BODY and body or '', 'size', #body, 'content', content, 'actor', actor)
    call('XADD', history, revision, 'kind', kind, 'id', id, 'body', body, 'content', content, 'actor', actor,
      'offset', format('%d', total))
    total = total + #id + #body + #actor
    call('HSET', last, id, revision .. ' ' .. digest .. ' ' .. first)
    call('INCR', publishes)
    call('HSET', items, id, body)
    local n = #messages
    messages[n + 1], messages[n + 2] = channel .. name, id .. '\0' .. body
    n = #answer
    answer[n + 1], answer[n + 2], answer[n + 3], answer[n + 4] = id, revision, new, first
  end
  call('HSET', meta, 'revision', revision, 'total', format('%d', total))
  call('PUBLISH', 'thoonk.own', #messages / 2)
  for i = 1, #messages, 2 do
    call('PUBLISH', messages[i], messages[i + 1])
  end
  return answer
end

local done = plain()
if done then return done end

