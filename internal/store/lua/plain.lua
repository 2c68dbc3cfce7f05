-- plain does what is asked for most: it publishes on a feed of type feed that the log knows, with no idempotency key, no
-- condition, no bound on the number of items, no schema, and no history to trim. For anything else it answers nil, with nothing
-- written, and what follows does it: write.lua, which says what KEYS and ARGV are and what is returned.
-- It stands before lib.lua and does without it: a script is run as a whole, so each function costs its making, even where
-- it is not called; and calls of Redis are what the rest of the time goes into, so there are no more than it takes. The first
-- write is the INCRBY of feed.publishes, which fails if that is no number, or Redis is full or read-only.
local function plain()
  local call, format, match, sub = redis.call, string.format, string.match, string.sub
  local feeds, config, ids, items, publishes, _, meta, last, history, log, _, _, place = unpack(KEYS, 1, 13)
  local name, actor, log_max, once = ARGV[1], ARGV[2], ARGV[4], ARGV[5]
  local FIRST, FIELDS, LOG_BODY, HISTORY_COUNT, HISTORY_BYTES = 7, 10, 1024, 1000, 16777216
  if once ~= '' or ARGV[6] ~= '' then return nil end
  local grows = 0
  for i = FIRST, #ARGV, FIELDS do
    if ARGV[i] ~= 'publish' or ARGV[i + 5] ~= '' or ARGV[i + 6] ~= '' or ARGV[i + 8] ~= '' then return nil end
    grows = grows + #ARGV[i + 1] + #ARGV[i + 2] + #ARGV[i + 3] + #actor
  end

  local c = call('HMGET', config, 'type', 'max_length', 'content', 'history', 'history_bytes', 'thoonk.birth', 'schema', 'stamp')
  local m = call('HMGET', meta, 'birth', 'revision', 'total', 'base')
  if not m[3] or not c[6] or c[6] ~= m[1] or c[1] and c[1] ~= 'feed' or c[2] or c[7] or c[8] or call('SISMEMBER', feeds, name) == 0 then return nil end
  local content = c[3] or ''
  for i = FIRST + 7, content ~= '' and #ARGV or 0, FIELDS do
    if not string.find(' ' .. ARGV[i] .. ' ', ' ' .. content .. ' ', 1, true) then return nil end
  end
  local number, total = tonumber(match(m[2], '^%d+')), tonumber(m[3])
  local length = call('XLEN', history) + (#ARGV - FIRST + 1) / FIELDS
  if length > (tonumber(c[4]) or HISTORY_COUNT) * 1.1 then return nil end
  if total + grows - m[4] > (tonumber(c[5]) or HISTORY_BYTES) * 1.1 then return nil end

  -- A key of a wrong type fails here, where nothing is written yet.
  local wanted = {}
  for i = FIRST + 1, #ARGV, FIELDS do
    wanted[#wanted + 1] = ARGV[i] ~= '' and ARGV[i] or ARGV[i + 1]
  end
  local n = #wanted
  local said, scores = call('HMGET', last, unpack(wanted)), call('ZMSCORE', ids, unpack(wanted))
  call('HLEN', items)
  call('XLEN', log)
  call('INCRBY', publishes, n)
  local at = call('INCRBY', place, n) - n
  if at == 0 then -- the count was lost
    call('DEL', place)
    call('DECRBY', publishes, n)
    return nil
  end

  local time = call('TIME')
  local now, revision = time[1] .. format('%06d', time[2]), nil
  local answer, messages = {'ok'}, {}
  local zadd, hset, remember = {}, {}, {}
  local again = {} -- the time of the first publish of what this batch wrote already
  for k = 1, n do
    if k > 1 then now = format('%d', now + 1) end -- each has a time of its own, and so a place in the order
    local id, body, digest = wanted[k], ARGV[FIRST + FIELDS * (k - 1) + 3], ARGV[FIRST + FIELDS * (k - 1) + 4]
    local known = again[id] or said[k]
    local kind, first = 'publish', now
    if known then kind, first = 'edit', match(known, '%S+$') end
    local channel, new = 'feed.publish:', '1'
    if again[id] or scores[k] then
      channel, new = 'feed.edit:', '0'
      if not known then first = micros(scores[k]) end
    end
    again[id] = first

    number = number + 1
    revision = format('%d-%s', number, now)
    call('XADD', log, 'MAXLEN', '~', log_max, format('%d-%s', at + k, now), 'feed', name, 'revision', revision,
      'kind', kind, 'id', id, 'body', #body <= LOG_BODY and body or '', 'size', #body, 'content', content, 'actor', actor)
    call('XADD', history, revision, 'kind', kind, 'id', id, 'body', body, 'content', content, 'actor', actor,
      'offset', format('%d', total))
    total = total + #id + #body + #actor
    local j = 2 * k
    zadd[j - 1], zadd[j] = sub(now, 1, -4) .. '.' .. sub(now, -3), id
    hset[j - 1], hset[j] = id, body
    remember[j - 1], remember[j] = id, revision .. ' ' .. digest .. ' ' .. first
    messages[j - 1], messages[j] = channel .. name, id .. '\0' .. body
    j = 4 * k - 2
    answer[j], answer[j + 1], answer[j + 2], answer[j + 3] = id, revision, new, first
  end
  call('ZADD', ids, unpack(zadd))
  call('HSET', items, unpack(hset))
  call('HSET', last, unpack(remember))
  call('HSET', meta, 'revision', revision, 'total', format('%d', total))
  call('PUBLISH', 'thoonk.own', n)
  for i = 1, 2 * n, 2 do
    call('PUBLISH', messages[i], messages[i + 1])
  end
  return answer
end

local done = plain()
if done then return done end

