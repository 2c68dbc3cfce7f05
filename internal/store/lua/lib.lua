-- The part that all scripts of one feed share. It is put before each of them, after micros.lua.
--
-- KEYS  1 feeds            2 feed.config:F     3 feed.ids:F       4 feed.items:F    5 feed.publishes:F
--       6 thoonk.feeds     7 thoonk.meta:F     8 thoonk.last:F    9 thoonk.history:F
--      10 thoonk.log      11 thoonk.order:F   12 thoonk.adopter
--      13 thoonk.place    14 to 25 those of a queue, which joblib.lua names
-- ARGV  1 F   2 actor   3 instance   4 bound on the entries of the log; a script's own follow
--
-- Scripts do not roll back. So each first reads whatever it will write: a key of a wrong type fails here, where
-- nothing is written yet. The first write is an INCR of thoonk.place, which a full or read-only Redis refuses.

local FEEDS, CONFIG, IDS, ITEMS, PUBLISHES, KNOWN, META, LAST, HISTORY, LOG, ORDER, ADOPTER, PLACE = unpack(KEYS, 1, 13)
local name, actor, instance, log_max = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local call = redis.call

local LOG_BODY = 1024    -- bytes; the log leaves out a longer body
local GRACE = 5000000    -- microseconds that another client has between SADD feeds and HSET feed.config
local HISTORY_COUNT, HISTORY_BYTES = 1000, 16777216

local now                -- of Redis, microseconds since 1970, a string
local feed               -- what open() read
local number             -- of the feed's last change
local total, base        -- bytes of all changes of this life, and of those that the history no longer has
local length             -- of the history, in entries
local revision = ''      -- of the feed's last change
local changed = false    -- whether append() or ended() was called
local messages = {}      -- for the contract's channels: channel, payload, ...

local function count(text, otherwise)
  local n = tonumber(text or '')
  if n and n > 0 then return math.floor(n) end
  return otherwise
end

local function leading(text)
  return tonumber(string.match(text, '^%d+'))
end

local function whole(n)
  return string.format('%.0f', n)
end

-- whole_number fails as a wrong type does if the key holds what INCR cannot count on.
local function whole_number(key)
  local n = call('GET', key) or '0'
  if not string.match(n, '^%d+$') or #n > 18 then call('LLEN', key) end
end

-- open reads what is known of the feed. feed.life is
--   none   not in feeds
--   bare   in feeds and without a config: another client is just making it
--   new    there, and the log has not told of this life: feed.config has no mark of ours, or a strange one
--   known  there, and the log tells of it
local function open()
  local time = call('TIME')
  now = time[1] .. string.format('%06d', tonumber(time[2]))
  local c = call('HMGET', CONFIG, 'type', 'max_length', 'content', 'history', 'history_bytes', 'thoonk.birth', 'schema', 'stamp')
  local m = call('HMGET', META, 'birth', 'revision', 'total', 'base', 'config', 'configured', 'bare')
  feed = {
    type = c[1] or 'feed', max_length = count(c[2], 0), content = c[3] or '',
    history = count(c[4], HISTORY_COUNT), history_bytes = count(c[5], HISTORY_BYTES), sorted = c[1] == 'sorted_feed',
    schema = c[7], stamp = c[8], told = m[1], digest = m[5], configured = m[6] or '', bare = m[7],
  }
  revision = m[2] or ''
  number = leading(m[2] or '0')
  total, base = tonumber(m[3] or '0'), tonumber(m[4] or '0')
  length = call('XLEN', HISTORY)

  -- Read only to fail early if they are not what the contract, or we, made them.
  call('XLEN', LOG)
  call('HLEN', LAST)
  call('ZSCORE', KNOWN, '')
  if feed.sorted then call('LLEN', ORDER) end
  whole_number(PUBLISHES)

  if call('SISMEMBER', FEEDS, name) == 0 then
    feed.life = 'none'
  elseif c[6] and c[6] == m[1] then
    feed.life = 'known'
  elseif not c[1] and not c[6] and call('EXISTS', CONFIG) == 0 then
    feed.life = 'bare'
  else
    feed.life = 'new'
  end
  if feed.life ~= 'known' then feed.configured, feed.digest = '', nil end
end

-- absent returns the answer for a script that needs the feed and cannot have it, or nil.
local function absent()
  if feed.life == 'none' then return {'not_found'} end
  if feed.life ~= 'bare' then return nil end
  if not feed.bare then
    call('HSET', META, 'bare', now)
    return {'conflict', 'bare'}
  end
  if now - feed.bare < GRACE then return {'conflict', 'bare'} end
  return nil
end

-- stamp gives the next n changes their revisions; revision is then the last one's.
local function stamp(n)
  changed = true
  number = number + n
  revision = whole(number) .. '-' .. now
end

-- next_place counts the changes in the log and returns the place of the last of the next n. Where the count was lost the
-- log itself says it.
local function next_place(n)
  local place = call('INCRBY', PLACE, n)
  local top = place == n and call('XREVRANGE', LOG, '+', '-', 'COUNT', 1)
  if top and top[1] then
    place = leading(top[1][1]) + n
    call('SET', PLACE, whole(place))
  end
  return place
end

-- log appends an entry to the log; one of kind delete stands there alone, since the history goes with the feed.
local function log(kind, id, body, note, position)
  call('XADD', LOG, 'MAXLEN', '~', log_max, whole(next_place(1)) .. '-' .. now,
    'feed', name, 'revision', revision, 'kind', kind, 'id', id, 'body', #body <= LOG_BODY and body or '',
    'size', #body, 'content', feed.content, 'actor', actor, 'note', note, 'position', position)
end

-- append tells one change: it gets the next revision, and an entry in the log and in the history. There, offset is the
-- sum of the bytes of all changes before it.
-- position is as on the channel feed.position.
local function append(kind, id, body, note, position)
  stamp(1)
  note, position = note or '', position or ''
  log(kind, id, body, note, position)
  call('XADD', HISTORY, revision, 'kind', kind, 'id', id, 'body', body, 'content', feed.content, 'actor', actor,
    'offset', whole(total), 'note', note, 'position', position)
  total, length = total + #id + #body + #actor, length + 1
end

local function forget()
  call('UNLINK', META, LAST, ORDER, HISTORY, unpack(KEYS, 14, 25))
  number, total, base, length, revision = 0, 0, 0, 0, ''
end

-- digest_of is the SHA-1 of a config: field, value, ... without the fields of ours.
local function digest_of(config)
  local fields, values = {}, {}
  for i = 1, #config, 2 do
    if string.sub(config[i], 1, 7) ~= 'thoonk.' then
      fields[#fields + 1] = config[i]
      values[config[i]] = config[i + 1]
    end
  end
  table.sort(fields)
  for i, field in ipairs(fields) do
    fields[i] = redis.sha1hex(field) .. redis.sha1hex(values[field])
  end
  return redis.sha1hex(table.concat(fields))
end

-- declared remembers that the last change told this config.
local function declared(digest)
  feed.configured, feed.digest = revision, digest
  call('HSET', META, 'configured', revision, 'config', digest)
end

-- ended tells the end of the life that the log knows, if there is one.
local function ended()
  if feed.told then
    stamp(1)
    log('delete', '', '', '', '')
  end
  forget()
end

-- begin makes sure that the log tells of this life of the feed. The mark in feed.config ties it to our keys: another
-- client's delete removes the config, so what it leaves behind of ours is never taken for a later feed's.
local function begin()
  if feed.life == 'known' then return end
  ended()
  append('create', '', '')
  call('HSET', CONFIG, 'thoonk.birth', now)
  call('HSET', META, 'birth', now)
  call('ZADD', KNOWN, 0, name)
  feed.told, feed.life = now, 'known'
  declared(digest_of(call('HGETALL', CONFIG)))
end

-- redeclare makes sure that the log tells of this life of the feed and of its present config.
local function redeclare()
  begin()
  local digest = digest_of(call('HGETALL', CONFIG))
  if digest == feed.digest then return end
  append('configure', '', '')
  declared(digest)
end

-- offset_of returns the field offset of an entry of the history.
local function offset_of(entry)
  local fields = entry[2]
  for i = 1, #fields, 2 do
    if fields[i] == 'offset' then return tonumber(fields[i + 1]) end
  end
  return 0
end

-- trim keeps the history within its bounds, and lets it grow a tenth beyond them so as to cut seldom. Of entries that are
-- too large together it reads about as many as it drops.
local function trim()
  if length > feed.history * 1.1 then
    call('XTRIM', HISTORY, 'MAXLEN', feed.history)
    length = feed.history
    base = offset_of(call('XRANGE', HISTORY, '-', '+', 'COUNT', 1)[1])
  end
  if total - base <= feed.history_bytes * 1.1 then return end
  while total - base > feed.history_bytes do
    local many = math.ceil((1 - feed.history_bytes / (total - base)) * length)
    local oldest = call('XRANGE', HISTORY, '-', '+', 'COUNT', math.min(many, 32) + 1)
    if #oldest < 2 then return end
    local first = 1
    repeat first = first + 1 until first == #oldest or total - offset_of(oldest[first]) <= feed.history_bytes
    length = length - call('XTRIM', HISTORY, 'MINID', oldest[first][1])
    base = offset_of(oldest[first])
  end
end

-- commit ends what append began, if it was called at all.
local function commit()
  if not changed then return end
  trim()
  call('HSET', META, 'revision', revision, 'total', whole(total), 'base', whole(base))
end

local function message(channel, payload)
  messages[#messages + 1] = channel
  messages[#messages + 1] = payload
end

-- emit speaks to the contract's listeners. The marker before tells the adopter how many messages are our own.
local function emit()
  call('PUBLISH', 'thoonk.own', #messages / 2)
  for i = 1, #messages, 2 do
    call('PUBLISH', messages[i], messages[i + 1])
  end
end

-- score is the present time as the contract writes it, in milliseconds, with the microseconds behind the point: two
-- items of one millisecond keep their order.
local function score()
  return string.sub(now, 1, -4) .. '.' .. string.sub(now, -3)
end

-- word is what Redis says of an item: its body, or false. Looking an id up in the list of a sorted feed would take as
-- long as the list is.
local function word(id)
  if not feed.sorted and not call('ZSCORE', IDS, id) then return false end
  return call('HGET', ITEMS, id)
end

-- said is what the log said last of an item in this life of the feed, or nil.
local function said(id)
  if feed.life == 'new' or feed.life == 'bare' then return nil end
  local value = call('HGET', LAST, id)
  if not value then return nil end
  local rev, digest, published = string.match(value, '^(%S+) (%S+) (%S+)$')
  return {revision = rev, digest = digest, published = published}
end

local function remember(id, digest, published)
  call('HSET', LAST, id, revision .. ' ' .. digest .. ' ' .. published)
end

-- position_text writes a place as the channel feed.position does.
local function position_text(where, ref)
  if where == 'first' then return 'begin:' end
  if where == 'before' then return ':' .. ref end
  if where == 'after' then return ref .. ':' end
  return ':end'
end

-- put_into puts an id into a list at a place. It goes to the end where the reference is not in the list.
local function put_into(list, id, where, ref)
  if where == 'first' then
    call('LPUSH', list, id)
  elseif where == 'last' or call('LINSERT', list, where, ref, id) < 1 then
    call('RPUSH', list, id)
  end
end

-- stands is where an item of a sorted feed stands in Redis, told by the item before it that the log knows.
local function stands(id)
  local i = call('LPOS', IDS, id)
  if not i then return 'last', '' end
  while i > 0 do
    i = i - 1
    local before = call('LINDEX', IDS, i)
    if call('LPOS', ORDER, before) then return 'after', before end
  end
  return 'first', ''
end

-- tell appends a word about an item, a body or false, and makes it the last one.
local function tell(id, body, digest, note)
  local before = said(id)
  if not body then
    append('retract', id, '', note)
    call('HDEL', LAST, id)
    if feed.sorted then call('LREM', ORDER, 1, id) end
  elseif before or not feed.sorted then
    append(before and 'edit' or 'publish', id, body, note)
    remember(id, digest, before and before.published or not feed.sorted and micros(call('ZSCORE', IDS, id)) or now)
  else
    local where, ref = stands(id)
    append('publish', id, body, note, position_text(where, ref))
    remember(id, digest, now)
    put_into(ORDER, id, where, ref)
  end
end

-- align tells where an item of a sorted feed stands in Redis if the log has another item before it. Where several items
-- were moved, aligning those that were is not always enough: see misplaced in order.go.
local function align(id)
  local told = call('LPOS', ORDER, id)
  if not told or not call('LPOS', IDS, id) then return false end
  local where, ref = stands(id)
  local before = told > 0 and call('LINDEX', ORDER, told - 1) or false
  if before == (where == 'after' and ref) then return false end
  append('position', id, '', '', position_text(where, ref))
  local last = said(id)
  remember(id, last.digest, last.published)
  call('LREM', ORDER, 1, id)
  put_into(ORDER, id, where, ref)
  return true
end

-- compare tells what Redis says of an item if the log's last word differs. It returns the size of what it read, and
-- whether it told.
local function compare(id)
  local real, last = word(id), said(id)
  local digest = real and redis.sha1hex(real)
  if digest == (last and last.digest or false) then return real and #real or 0, false end
  begin()
  tell(id, real, digest)
  return real and #real or 0, true
end

local function among(list, value)
  return value ~= '' and string.find(' ' .. list .. ' ', ' ' .. value .. ' ', 1, true) ~= nil
end

-- holds checks If-Match and If-None-Match, each '', '*' or revisions with spaces between, against the present
-- revision, which is '' where there is nothing.
local function holds(match, none, present)
  if match == '*' and present == '' then return false end
  if match ~= '' and match ~= '*' and not among(match, present) then return false end
  if none == '*' and present ~= '' then return false end
  return not among(none, present)
end
