-- The part that lets a schedule put its job, once for each time that it is due. It stands before submit.lua, or skip.lua, and makes
-- their first write also set the time when the schedule is due next.
-- KEYS  the last two: thoonk.schedules:F, thoonk.recurring
-- ARGV  the last seven: schedule; when it is due, in milliseconds, as thoonk.recurring says; the due time that is run, or '' for
--       none; when it is due next, or ''; the job; why none is put, or ''; 1 to take back a run that was counted before
-- returns  early, milliseconds until it is due | passed: another process was faster, or the schedule is gone
local SCHEDULES, RECURRING = KEYS[#KEYS - 1], KEYS[#KEYS]
local fire = {}
for i = 7, 1, -1 do
  fire[i] = table.remove(ARGV)
end
local scheduled, awaited_due, run_due, next_due, run_job, run_fault, uncount = unpack(fire, 1, 7)
local member = name .. '\n' .. scheduled

do
  local refusal = open_queue('job')
  if refusal then
    if refusal[1] == 'not_found' or refusal[2] == 'type' then
      call('ZREM', RECURRING, member)
      call('DEL', SCHEDULES)
    end
    return refusal
  end
  local kept = call('HMGET', SCHEDULES, '\nbirth', scheduled)
  if not kept[2] or kept[1] ~= feed.told or feed.life ~= 'known' then
    call('ZREM', RECURRING, member)
    if kept[1] and kept[1] ~= feed.told then call('DEL', SCHEDULES) end
    return {'passed'}
  end
  if call('ZSCORE', RECURRING, member) ~= awaited_due then return {'passed'} end
  if run_due ~= '' and uncount == '' then
    local early = tonumber(run_due) - math.floor(now / 1000)
    if early > 0 then return {'early', early} end
  end
end

local plain_start = start
start = function()
  plain_start()
  if next_due == '' then
    call('ZREM', RECURRING, member)
  else
    call('ZADD', RECURRING, next_due, member)
  end
  if run_due ~= '' then call('HSET', SCHEDULES, '\n' .. scheduled, table.concat({run_due, run_job, run_fault}, '\n')) end
  if run_job ~= '' then call('HINCRBY', SCHEDULES, '\r' .. scheduled, 1) end
  if uncount ~= '' then call('HINCRBY', SCHEDULES, '\r' .. scheduled, -1) end
end
