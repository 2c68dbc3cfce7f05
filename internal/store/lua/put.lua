-- put declares a feed: made if it is not there, configured if it is and the declaration differs.
-- KEYS  28 thoonk.affiliations:F   29 thoonk.affiliated:JID of the owner   30 thoonk.webhooks
-- ARGV  6 type   7 If-Match   8 If-None-Match   9 JID that owns the feed if it is made, or ''   then field, value, ... of the config, without the type
-- returns  ok, revision of the declaration, 1 if it was made, birth in microseconds
--          stale, present revision | conflict, bare | conflict, type, T | reused
local kind, match, none, owner = unpack(ARGV, 6, 9)

open()
local made = feed.life == 'none'
local refusal = not made and absent() or recorded()
if refusal then return refusal end
if not made and feed.type ~= kind then return {'conflict', 'type', feed.type} end
if kind == 'feed' then
  call('ZCARD', IDS)
else
  call('LLEN', IDS)
end
call('HLEN', ITEMS)
call('HLEN', KEYS[28])
call('SCARD', KEYS[29])
call('SCARD', KEYS[30])

local config, given = {'type', kind}, {type = true}
for i = 10, #ARGV, 2 do
  config[#config + 1] = ARGV[i]
  config[#config + 1] = ARGV[i + 1]
  given[ARGV[i]] = true
end
local digest = digest_of(config)

if not made then
  redeclare()
  commit()
end
if not holds(match, none, feed.configured) then return {'stale', feed.configured} end
if not made and digest == feed.digest then return record({'ok', feed.configured, '0', feed.told}) end

feed.content = ''
for i = 1, #config, 2 do
  if config[i] == 'content' then feed.content = config[i + 1] end
end
if made then
  ended()
  append('create', '', '')
  call('SADD', FEEDS, name)
  call('HSET', CONFIG, 'thoonk.birth', now, unpack(config))
  call('HSET', META, 'birth', now)
  call('ZADD', KNOWN, 0, name)
  feed.told = now
  call('DEL', KEYS[28])
  if owner ~= '' then
    call('HSET', KEYS[28], '/birth', now, owner, 'owner')
    call('SADD', KEYS[29], name)
  end
  message('newfeed', name .. '\0' .. instance)
else
  append('configure', '', '')
  for _, field in ipairs(call('HKEYS', CONFIG)) do
    if not given[field] and string.sub(field, 1, 7) ~= 'thoonk.' then call('HDEL', CONFIG, field) end
  end
  call('HSET', CONFIG, unpack(config))
end
call(given.webhook and 'SADD' or 'SREM', KEYS[30], name)
declared(digest)
commit()
message('conffeed', name .. '\0' .. instance)
emit()
return record({'ok', feed.configured, made and '1' or '0', feed.told})
