-- linkplace keeps how far the log has been told over a link. Before it stands fence.lua: who has the link alone may.
-- KEYS  2 thoonk.linkplace:DOMAIN
-- ARGV  2 the place
-- returns  ok | fenced
if fenced() then return {'fenced'} end
redis.call('SET', KEYS[2], ARGV[2])
return {'ok'}
