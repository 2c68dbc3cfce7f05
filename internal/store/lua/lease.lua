-- lease takes, keeps or gives back the right to adopt foreign writes.
-- KEYS  1 thoonk.adopter   2 thoonk.fence
-- ARGV  1 take, keep or drop   2 the caller's token, '' if it has none   3 milliseconds until it lapses
-- returns  the token that the caller holds now, or '' if another process holds the lease
local verb, token, lapse = ARGV[1], ARGV[2], ARGV[3]
local holder = redis.call('GET', KEYS[1])

if verb == 'take' and not holder then
  token = string.format('%.0f', redis.call('INCR', KEYS[2]))
  redis.call('SET', KEYS[1], token, 'PX', lapse)
  return token
end
if not holder or holder ~= token then return '' end
if verb == 'drop' then
  redis.call('DEL', KEYS[1])
else
  redis.call('PEXPIRE', KEYS[1], lapse)
end
return token
