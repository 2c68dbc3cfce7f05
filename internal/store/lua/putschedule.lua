-- putschedule declares a schedule of a queue.
-- KEYS  the last two: thoonk.schedules:F, thoonk.recurring
-- ARGV  6 name   7 its recurrence, as a text without line breaks   8 the rest of the declaration   9 when it is due next in
--       milliseconds, or '' for never   10 how many a queue may have   11 what the payload was held to, as unchecked() has it
-- returns  ok, 1 if it was not there, when it is due next or ''
--          schedules | not_found | conflict, bare | conflict, type, T | checks, schema, stamp
local SCHEDULES, RECURRING = KEYS[#KEYS - 1], KEYS[#KEYS]
local scheduled, recurrence, rest, next_due, most = unpack(ARGV, 6, 10)
local member = name .. '\n' .. scheduled

local refusal = open_queue('job') or unchecked(ARGV[11])
if refusal then return refusal end
call('ZCARD', RECURRING)
local birth = call('HGET', SCHEDULES, '\nbirth')
local current = birth and birth == feed.told and feed.life == 'known' -- or they are an earlier queue's of that name
local before = current and call('HGET', SCHEDULES, scheduled)
if current and not before then
  local there = 0
  for _, field in ipairs(call('HKEYS', SCHEDULES)) do
    if not string.find(field, '^%c') then there = there + 1 end
  end
  if there >= tonumber(most) then return {'schedules'} end
end

start()
if not current then
  call('UNLINK', SCHEDULES)
  call('HSET', SCHEDULES, '\nbirth', feed.told)
end
call('HSET', SCHEDULES, scheduled, recurrence .. '\n' .. rest)
local due = before and string.match(before, '^[^\n]*') == recurrence and call('ZSCORE', RECURRING, member)
if next_due == '' then
  call('ZREM', RECURRING, member)
  due = ''
elseif not due then
  call('ZADD', RECURRING, next_due, member)
  due = next_due
end
finish_queue()
return {'ok', before and '0' or '1', due}
