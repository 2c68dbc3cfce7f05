-- micros reads a score, which the Python client writes in seconds.
local function micros(text)
  local n = tonumber((string.gsub(text or '', '+', ''))) or 0 -- 1e+12: not every Lua reads the sign
  if n < 1e11 then n = n * 1000 end
  if n < 0 or n > 9e12 then n = 0 end
  return string.format('%.0f', math.floor(n * 1000))
end

