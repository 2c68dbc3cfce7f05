-- settle compares the feed itself with what the log tells of it: that it is there, since when, and its config. The
-- difference is told. It announces nothing to the contract's listeners: they heard, or will hear, the other client.
-- ARGV  5 newfeed, if that was heard: then the config is complete even if it is empty
-- returns  ok, revision of the last change, of the declaration, birth, field, value, ... of the config
--          not_found | conflict, bare
open()
if feed.life == 'none' then
  if feed.told then
    ended()
    call('ZREM', KNOWN, name)
  end
  return {'not_found'}
end
local refusal = ARGV[5] ~= 'newfeed' and absent()
if refusal then return refusal end

redeclare()
commit()

local answer = {'ok', revision, feed.configured, feed.told}
for _, v in ipairs(call('HGETALL', CONFIG)) do
  answer[#answer + 1] = v
end
return answer
