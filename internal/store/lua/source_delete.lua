-- source_delete forgets a source with all that is known of it.
-- KEYS  1 thoonk.sources   2 thoonk.source.states   3 thoonk.source.due   4 thoonk.source.seen:NAME   5 thoonk.source.callbacks
-- ARGV  1 name   2 the secret part of its callback, or ''
-- returns  how many there were: 0 or 1
local SOURCES, STATES, DUE, SEEN, CALLBACKS = unpack(KEYS)
local call = redis.call
call('HLEN', STATES)
call('ZCARD', DUE)
call('HLEN', SEEN)
call('HLEN', CALLBACKS)
local there = call('HDEL', SOURCES, ARGV[1])
call('HDEL', STATES, ARGV[1])
call('ZREM', DUE, ARGV[1])
call('UNLINK', SEEN)
if ARGV[2] ~= '' then call('HDEL', CALLBACKS, ARGV[2]) end
return there
