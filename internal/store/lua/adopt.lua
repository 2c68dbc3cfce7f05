-- adopt tells a change that another client announced, unless the log's last word already is that. If Redis still
-- says what the log said before, the message was late: Redis's word is told again, as restated.
-- Of the order of a sorted feed only what Redis says now is told: of moves in quick succession, the last.
-- ARGV  5 publish, edit, retract or position   6 id   7 body   8 SHA-1 of the body   9 the adopter's fencing token
-- returns  ok, entries told, 1 if one of them is restated, 1 if the order of a sorted feed may differ now | fenced
local kind, id, body, digest, token = unpack(ARGV, 5, 9)

if call('GET', ADOPTER) ~= token then return {'fenced'} end
open()
if feed.type ~= 'feed' and not feed.sorted or feed.life == 'none' and not feed.told then return {'ok', 0, 0} end
if kind == 'position' then
  if feed.life == 'none' then return {'ok', 0, 0} end
  local _, told = compare(id)
  told = align(id) or told
  commit()
  return {'ok', told and 1 or 0, 0, 1}
end
local real = word(id)
local last = said(id)
local previous = last and last.digest or false
local heard = kind ~= 'retract' and digest
if heard == previous then return {'ok', 0, 0} end

if feed.life ~= 'none' then begin() end
tell(id, heard and body, digest)
local told, restated = 1, 0
local present = real and redis.sha1hex(real)
if present ~= heard and present == previous then
  tell(id, real, present, 'restated')
  told, restated = 2, 1
end
commit()
return {'ok', told, restated, feed.sorted and 1 or 0}
