-- source_put declares a source. One that has become another, in its kind, address or feed, begins anew.
-- KEYS  1 thoonk.sources   2 thoonk.source.states   3 thoonk.source.due   4 thoonk.source.seen:NAME   5 thoonk.source.callbacks
--       6 thoonk.once:K, for the idempotency key K; not touched if there is none
-- ARGV  1 name   2 what stands there, as it was read when the preconditions were looked at, '' for nothing; '?' if they do not hold
--       3 life now   4 record   5 the number of its revision, which this call makes; '' if the record has it already
--       6 when it is due, milliseconds since 1970, '' if never   7 the secret part of the callback of the one before, or ''
--       8 hash of what is to be written, '' if there is no idempotency key
-- returns  ok, 1 if it was made, what stands there now | changed, if something else stands there | reused
local SOURCES, STATES, DUE, SEEN, CALLBACKS, ONCE = unpack(KEYS)
local name, before, life, record, number, due, callback, once_hash = unpack(ARGV)
local ONCE_KEPT = 86400000 -- milliseconds, as in once.lua
local call = redis.call

local done = once_hash ~= '' and call('HMGET', ONCE, 'hash', 'answer') or {}
if done[1] then
  if done[1] ~= once_hash then return {'reused'} end
  local made, stood = string.match(done[2], '^ok\n([01])\n(.*)\n$')
  return {'ok', made, stood}
end
if (call('HGET', SOURCES, name) or '') ~= before then return {'changed'} end
call('HLEN', STATES)
call('ZCARD', DUE)
call('HLEN', SEEN)
call('HLEN', CALLBACKS)

if number ~= '' then
  local time = call('TIME')
  local revision = number .. '-' .. time[1] .. string.format('%06d', tonumber(time[2]))
  record = '{"revision":"' .. revision .. '",' .. string.sub(record, 2)
end
local made, stands = before == '' and '1' or '0', life .. ' ' .. record
call('HSET', SOURCES, name, stands)
if life ~= string.match(before, '^%S+') then
  call('HDEL', STATES, name)
  call('UNLINK', SEEN)
  if callback ~= '' then call('HDEL', CALLBACKS, callback) end
end
if due == '' then call('ZREM', DUE, name) else call('ZADD', DUE, due, name) end
if once_hash ~= '' then
  call('HSET', ONCE, 'hash', once_hash, 'answer', 'ok\n' .. made .. '\n' .. stands .. '\n')
  call('PEXPIRE', ONCE, ONCE_KEPT)
end
return {'ok', made, stands}
