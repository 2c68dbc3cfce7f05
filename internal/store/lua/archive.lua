-- archive reads a page of a stretch of a history. The numbers of its changes are contiguous, so a stretch is two numbers, and
-- nothing has to be counted.
-- KEYS  1 thoonk.history:F
-- ARGV  1 and 2 the stretch begins after this change, and ends before that one   3 and 4 it is of changes from and to these
--       times, in microseconds   5 and 6 the page begins after this change, or ends before that one, '' each for none
--       7 changes to leave out   8 forward or backward   9 limit   10 bytes, beyond which the page ends
-- returns  numbers of the stretch's first and last change, numbers of the first and last change that the page may have, then entries
--          as XRANGE does, at least one if there are any, in the order in which they were read; or {'gone', id of what is not
--          in the history}
local HISTORY = KEYS[1]
local call = redis.call
local PIECE = 8 -- entries read at once

local function whole(n)
  return string.format('%.0f', n)
end

local function parts(id)
  local n, s = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(n), s
end

local function size(entry) -- in changes
  local fields = entry[2]
  for i = 1, #fields, 2 do
    if fields[i] == 'run' then return tonumber(fields[i + 1]) or 1 end
  end
  return 1
end

-- at returns the entry that holds the change with this number, or else the next one, or nil.
local function at(n)
  return call('XRANGE', HISTORY, whole(n), '+', 'COUNT', 1)[1]
end

local function number_of(id)
  local n, stamp = parts(id)
  local entry = at(n)
  if not entry then return nil end
  local last, s = parts(entry[1])
  if s ~= stamp or last - size(entry) >= n then return nil end
  return n
end

local ends = {call('XRANGE', HISTORY, '-', '+', 'COUNT', 1)[1], call('XREVRANGE', HISTORY, '+', '-', 'COUNT', 1)[1]}
local lo, hi = 1, 0
if ends[1] then
  lo, hi = parts(ends[1][1]) - size(ends[1]) + 1, parts(ends[2][1])
end
for i = 1, 6 do
  local id = ARGV[i]
  if id ~= '' and (i < 3 or i > 4) and not number_of(id) then return {'gone', id} end
end

-- since returns the number of the first change at or after a moment. Where the clock was set back it is one of those.
local function since(moment)
  local from, to = lo, hi + 1
  while from < to do
    local middle = math.floor((from + to) / 2)
    local last, stamp = parts(at(middle)[1])
    if tonumber(stamp) >= moment then to = middle else from = last + 1 end
  end
  return from
end

local first, last = lo, hi
if ARGV[3] ~= '' then first = since(tonumber(ARGV[3])) end
if ARGV[4] ~= '' then last = since(tonumber(ARGV[4]) + 1) - 1 end
if ARGV[1] ~= '' then first = math.max(first, number_of(ARGV[1]) + 1) end
if ARGV[2] ~= '' then last = math.min(last, number_of(ARGV[2]) - 1) end

local from, to = first, last
if ARGV[5] ~= '' then from = math.max(from, number_of(ARGV[5]) + 1)
elseif ARGV[6] ~= '' then to = math.min(to, number_of(ARGV[6]) - 1)
else from = from + tonumber(ARGV[7]) end

local left, bytes, backward = tonumber(ARGV[9]), tonumber(ARGV[10]), ARGV[8] == 'backward'
local answer = {whole(first), whole(last), whole(from), whole(to)}

-- take adds an entry, and reports whether the page has room for more.
local function take(entry)
  local n = parts(entry[1])
  answer[#answer + 1] = entry
  for _, field in ipairs(entry[2]) do
    bytes = bytes - #field
  end
  left = left - (math.min(n, to) - math.max(n - size(entry) + 1, from) + 1)
  return left > 0 and bytes > 0
end

if from > to or left < 1 then return answer end
local command, start, stop = 'XRANGE', whole(from), at(to)[1]
if backward then command, start, stop = 'XREVRANGE', stop, whole(from) end
while true do
  local piece = call(command, HISTORY, start, stop, 'COUNT', math.min(PIECE, left))
  for _, entry in ipairs(piece) do
    if not take(entry) then return answer end
  end
  if #piece == 0 then return answer end
  start = '(' .. piece[#piece][1]
end
