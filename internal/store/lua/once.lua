-- The part that all scripts share which do what a caller asked for. It stands between lib.lua and each of them.
-- KEYS  26 thoonk.once:K, for the idempotency key K; not touched if there is none
-- ARGV  5 hash of what is to be written, '' if there is no idempotency key
local ONCE, once_hash = KEYS[26], ARGV[5]
local ONCE_KEPT = 86400000 -- milliseconds

-- recorded returns the answer to the same write if it was done already, or reused if the key stood for another one.
local function recorded()
  if once_hash == '' then return nil end
  local done = call('HMGET', ONCE, 'hash', 'answer')
  if not done[1] then return nil end
  if done[1] ~= once_hash then return {'reused'} end
  local answer = {}
  for field in string.gmatch(done[2], '([^\n]*)\n') do
    answer[#answer + 1] = field
  end
  return answer
end

-- record keeps an answer, whose fields are texts without line breaks, and returns it.
local function record(answer)
  if once_hash ~= '' then
    call('HSET', ONCE, 'hash', once_hash, 'answer', table.concat(answer, '\n') .. '\n')
    call('PEXPIRE', ONCE, ONCE_KEPT)
  end
  return answer
end

-- outdated reports whether the feed is declared in another way by now than at that revision: in the log, or by another client whose
-- change the log has not told of yet.
local function outdated(declaration)
  return feed.life ~= 'known' or feed.configured ~= declaration or digest_of(call('HGETALL', CONFIG)) ~= feed.digest
end

-- unchecked returns the refusal of bodies that were held to something else than what the feed declares, which it names;
-- or nil. The text says what they were held to: the digest of schema and stamps, '' if it was nothing, and after a space, if it
-- matters to the caller, the revision of the whole declaration.
local function unchecked(text)
  local digest, declaration = string.match(text, '^(%S*) ?(%S*)$')
  if declaration ~= '' and outdated(declaration) then return {'stale', feed.configured} end
  local schema, stamp = feed.schema or '', feed.stamp or ''
  local declares = ''
  if schema ~= '' or stamp ~= '' then declares = redis.sha1hex(schema .. '\0' .. stamp) end
  return digest ~= declares and {'checks', schema, stamp} or nil
end
