-- nodesubscribe makes or changes a subscription of a JID to a node, or to a pattern. Its member, in the zset of the node,
-- whose scores are all 0, has the fields JID, SubID, time of its making in microseconds, life of the feed ('' of a pattern),
-- time of its end in milliseconds or '', 'pending' or '', domain, options; between them stands a byte 0.
-- KEYS  26 thoonk.nodesubs:NODE   27 thoonk.nodepending:NODE, a set of JID, SubID
--       28 thoonk.nodesof:JID, of the bare JID, a set of NODE, JID, SubID   29 thoonk.nodes, a zset   30 thoonk.nodepatterns, a set
--       31 thoonk.nodeends, a zset: NODE, JID, SubID by the time of the end
-- ARGV  5 node or pattern   6 JID   7 SubID   8 pending or ''   9 end or ''   10 domain   11 options
--       12 bound on the subscriptions of the bare JID
-- returns  ok, time of its making | not_found | conflict, bare | limited
local SUBS, PENDING, OF, NODES, PATTERNS, ENDS = unpack(KEYS, 26, 31)
local kind, jid, id, pending, ends, domain, options, bound = unpack(ARGV, 5, 12)

local life = ''
if kind == 'node' then
  open()
  local refusal = absent()
  if refusal then return refusal end
else
  local time = call('TIME')
  now = time[1] .. string.format('%06d', tonumber(time[2]))
end
call('ZCARD', SUBS)
call('SCARD', PENDING)
call('ZCARD', NODES)
call('SCARD', PATTERNS)
call('ZCARD', ENDS)

local key = jid .. '\0' .. id
local full = name .. '\0' .. key
local before = call('ZRANGEBYLEX', SUBS, '[' .. key .. '\0', '(' .. key .. '\1', 'LIMIT', 0, 1)[1]
if call('SISMEMBER', OF, full) == 0 and call('SCARD', OF) >= tonumber(bound) then return {'limited'} end

if kind == 'node' then
  redeclare()
  commit()
  life = feed.told
end
local made = now
if before then
  local created, old = string.match(string.sub(before, #key + 2), '^(%d+)%z(%d*)%z')
  if old == life then made = created end
  call('ZREM', SUBS, before)
end
call('ZADD', SUBS, 0, table.concat({jid, id, made, life, ends, pending, domain, options}, '\0'))
call(pending == '' and 'SREM' or 'SADD', PENDING, key)
call('SADD', OF, full)
call('ZADD', NODES, 0, name)
if kind == 'pattern' then call('SADD', PATTERNS, name) end
if ends == '' then
  call('ZREM', ENDS, full)
else
  call('ZADD', ENDS, ends, full)
end
return {'ok', made}
