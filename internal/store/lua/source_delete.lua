-- source_delete forgets a source with all that is known of it.
-- KEYS  1 thoonk.sources   2 thoonk.source.states   3 thoonk.source.due   4 thoonk.source.seen:NAME   5 thoonk.source.callbacks
--       6 thoonk.once:K, for the idempotency key K; not touched if there is none
-- ARGV  1 name   2 what stands there, as it was read when the preconditions were looked at; '?' if they do not hold
--       3 the secret part of its callback, or ''   4 hash of the request, '' if there is no idempotency key
-- returns  ok | changed, if something else stands there | reused
local SOURCES, STATES, DUE, SEEN, CALLBACKS, ONCE = unpack(KEYS)
local name, before, callback, once_hash = unpack(ARGV)
local ONCE_KEPT = 86400000 -- milliseconds, as in once.lua
local call = redis.call

local done = once_hash ~= '' and call('HGET', ONCE, 'hash')
if done then return {done == once_hash and 'ok' or 'reused'} end
if call('HGET', SOURCES, name) ~= before then return {'changed'} end
call('HLEN', STATES)
call('ZCARD', DUE)
call('HLEN', SEEN)
call('HLEN', CALLBACKS)

call('HDEL', SOURCES, name)
call('HDEL', STATES, name)
call('ZREM', DUE, name)
call('UNLINK', SEEN)
if callback ~= '' then call('HDEL', CALLBACKS, callback) end
if once_hash ~= '' then
  call('HSET', ONCE, 'hash', once_hash, 'answer', 'ok\n')
  call('PEXPIRE', ONCE, ONCE_KEPT)
end
return {'ok'}
