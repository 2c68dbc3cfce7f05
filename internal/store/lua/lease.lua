-- lease takes, keeps or gives back the right to do something that one process at a time may do.
-- KEYS  1 the lease: thoonk.lease:NAME, or thoonk.adopter
-- ARGV  1 take, seize (which takes it from whoever has it), keep or drop   2 the caller's fencing token
--       3 milliseconds until the lease lapses
-- returns  1 if the caller holds the lease, or held it until it dropped it; 0 if not
local verb, token, lapse = ARGV[1], ARGV[2], ARGV[3]
local holder = redis.call('GET', KEYS[1])

if verb == 'seize' or not holder and verb == 'take' then
  redis.call('SET', KEYS[1], token, 'PX', lapse)
  return 1
end
if holder ~= token then return 0 end
if verb == 'drop' then
  redis.call('DEL', KEYS[1])
else
  redis.call('PEXPIRE', KEYS[1], lapse)
end
return 1
