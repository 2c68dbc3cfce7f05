-- settlejobs tells what other clients did to jobs, and settles what depends on those that are over.
-- ARGV  6 + and the result that another client finished the only job with, or ''   7... ids
-- returns  ok, changes told
--          not_found | conflict, bare | conflict, type, T
local refusal = open_queue('job')
if refusal then return refusal end
start()
local s = settling()
local result = ARGV[6] ~= '' and string.sub(ARGV[6], 2) or nil
for i = 7, #ARGV do
  s.look(ARGV[i], result)
end
s.finish()
return {'ok', s.told}
