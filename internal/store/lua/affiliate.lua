-- affiliate changes what JIDs are to a feed as a node of XEP-0060.
-- KEYS  26 thoonk.affiliations:F, a hash with the life of the feed under "/birth"   27... thoonk.affiliated:JID of each change
-- ARGV  5 bound on the affiliations of a feed   then JID, affiliation or '' for none, of each change
-- returns  ok | not_found | conflict, bare | conflict, owner: nobody would own it any more | many
local HELD, BOUND = KEYS[26], tonumber(ARGV[5])

open()
local refusal = absent()
if refusal then return refusal end
call('HLEN', HELD)
for i = 27, #KEYS do call('SCARD', KEYS[i]) end

redeclare()
commit()
local held = {}
if call('HGET', HELD, '/birth') == feed.told then
  local pairs_held = call('HGETALL', HELD)
  for i = 1, #pairs_held, 2 do held[pairs_held[i]] = pairs_held[i + 1] end
else
  call('DEL', HELD)
end
held['/birth'] = nil

-- sum returns the number of affiliations and of owners.
local function sum()
  local all, owners = 0, 0
  for _, affiliation in pairs(held) do
    all = all + 1
    if affiliation == 'owner' then owners = owners + 1 end
  end
  return all, owners
end

local _, before = sum()
for i = 6, #ARGV, 2 do
  held[ARGV[i]] = ARGV[i + 1] ~= '' and ARGV[i + 1] or nil
end
local all, owners = sum()
if before > 0 and owners == 0 then return {'conflict', 'owner'} end
if all > BOUND then return {'many'} end

call('HSET', HELD, '/birth', feed.told)
for i = 6, #ARGV, 2 do
  local index = KEYS[27 + (i - 6) / 2]
  if ARGV[i + 1] == '' then
    call('HDEL', HELD, ARGV[i])
    call('SREM', index, name)
  else
    call('HSET', HELD, ARGV[i], ARGV[i + 1])
    call('SADD', index, name)
  end
end
return {'ok'}
