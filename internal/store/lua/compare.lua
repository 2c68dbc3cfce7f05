-- compare tells, item by item, what Redis says where the log's last word differs: of bodies, or of places in a sorted
-- feed, whose items are then given in their order. It stops after reading 1 MiB.
-- ARGV  5 bodies or places   6... ids
-- returns  ok, ids looked at, entries told | not_found | conflict, bare | conflict, type, T
open()
local refusal = absent()
if refusal then return refusal end
if feed.type ~= 'feed' and not feed.sorted then return {'conflict', 'type', feed.type} end
local places = ARGV[5] == 'places'
if places and not feed.sorted then return {'conflict', 'type', feed.type} end

local read, told, looked = 0, 0, 0
for i = 6, #ARGV do
  local size, new = compare(ARGV[i])
  read = read + size
  looked = looked + 1
  told = told + (new and 1 or 0) + (places and align(ARGV[i]) and 1 or 0)
  if read > 1048576 then break end
end
commit()
return {'ok', looked, told}
