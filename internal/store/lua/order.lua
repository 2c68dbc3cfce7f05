-- order reads which items a sorted feed has, in the order that the log has told, and changes nothing.
-- returns  ok, revision of the feed, ids | not_found | conflict, bare | conflict, type, T
open()
local refusal = absent()
if refusal then return refusal end
if not feed.sorted then return {'conflict', 'type', feed.type} end
return {'ok', revision, call('LRANGE', ORDER, 0, -1)}
