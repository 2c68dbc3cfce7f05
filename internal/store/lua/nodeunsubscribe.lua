-- nodeunsubscribe removes subscriptions to one node or pattern.
-- KEYS  1 thoonk.nodesubs:NODE   2 thoonk.nodepending:NODE   3 thoonk.nodes   4 thoonk.nodepatterns   5 thoonk.nodeends
--       6... thoonk.nodesof:JID of each, of the bare JID
-- ARGV  1 NODE   then JID, SubID of each
-- returns  how many were there
local call = redis.call
local SUBS, PENDING, NODES, PATTERNS, ENDS = unpack(KEYS)
local node = ARGV[1]
local removed = 0
for i = 2, #ARGV, 2 do
  local key = ARGV[i] .. '\0' .. ARGV[i + 1]
  removed = removed + call('ZREMRANGEBYLEX', SUBS, '[' .. key .. '\0', '(' .. key .. '\1')
  call('SREM', PENDING, key)
  call('ZREM', ENDS, node .. '\0' .. key)
  call('SREM', KEYS[6 + (i - 2) / 2], node .. '\0' .. key)
end
if call('ZCARD', SUBS) == 0 then
  call('ZREM', NODES, node)
  call('SREM', PATTERNS, node)
end
return removed
