-- schedules reads the schedules of a queue, or one of them; or removes one.
-- KEYS  the last two: thoonk.schedules:F, thoonk.recurring
-- ARGV  6 read or remove   7 name, or '' for all
-- returns  ok, then for each schedule: name, recurrence and the rest of its declaration, its last run or '', runs, when it is
--          due next in milliseconds or ''
--          not_found | not_found, schedule | conflict, bare | conflict, type, T
local SCHEDULES, RECURRING = KEYS[#KEYS - 1], KEYS[#KEYS]
local verb, wanted = ARGV[6], ARGV[7]

local refusal = open_queue('job')
if refusal then return refusal end
local answer, names = {'ok'}, {}
if feed.life == 'known' and call('HGET', SCHEDULES, '\nbirth') == feed.told then
  if wanted == '' then
    for _, field in ipairs(call('HKEYS', SCHEDULES)) do
      if not string.find(field, '^%c') then names[#names + 1] = field end
    end
    table.sort(names)
  elseif call('HEXISTS', SCHEDULES, wanted) == 1 then
    names = {wanted}
  end
end
if wanted ~= '' and #names == 0 then return {'not_found', 'schedule'} end
for _, scheduled in ipairs(names) do
  local text = call('HMGET', SCHEDULES, scheduled, '\n' .. scheduled, '\r' .. scheduled)
  for _, v in ipairs({scheduled, text[1], text[2] or '', text[3] or '0', call('ZSCORE', RECURRING, name .. '\n' .. scheduled) or ''}) do
    answer[#answer + 1] = v
  end
  if verb == 'remove' then
    call('ZREM', RECURRING, name .. '\n' .. scheduled)
    call('HDEL', SCHEDULES, scheduled, '\n' .. scheduled, '\r' .. scheduled)
  end
end
return answer
