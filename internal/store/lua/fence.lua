-- The part that all scripts share which only the holder of a lease may run. It is put before each of them, and they
-- begin with  if fenced() then return {'fenced'} end
-- KEYS  1 thoonk.lease:NAME
-- ARGV  1 the caller's fencing token
local function fenced()
  return redis.call('GET', KEYS[1]) ~= ARGV[1]
end
