-- Every script's ground: the market's keys, the request, and one reading of a clock that never runs back.
-- KEYS[1] is {<market>}:meta; every other key of the market shares its hash tag and is built by key().
local META = KEYS[1]
local PREFIX = string.sub(META, 1, -5)
-- A missing id is a bug and throws here, among the checks, before it could name a wrong key or break off a write.
local function key(name, ...)
  if select('#', ...) == 0 then return PREFIX .. name end
  return PREFIX .. name .. ':' .. (...)
end
local input = cjson.decode(ARGV[1])
local floor, ceil, min, max = math.floor, math.ceil, math.min, math.max
local MAX_MICRO = 99999999999999
local MAX_EXACT = 9007199254740991

-- A JSON null arrives as a userdata that Lua takes for true; where null means absent, it is read through this.
local function given(value)
  if value == cjson.null then return nil end
  return value
end

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + floor(tonumber(time[2]) / 1000)
local clock = tonumber(redis.call('HGET', META, 'clock') or '0')
if clock > now then now = clock end

-- A digit string of 1 to 14 digits above zero, or nil: tonumber alone would take nan, 0x10 and 1e3.
local function amount_of(text)
  if type(text) == 'string' and #text <= 14 and string.find(text, '^[1-9]%d*$') then return tonumber(text) end
  return nil
end

-- The same, zero allowed.
local function micro_of(text)
  if text == '0' then return 0 end
  return amount_of(text)
end

-- Appends what was done to the journal, gaplessly numbered, and moves the market's clock on.
local function journal(entry)
  local seq = redis.call('HINCRBY', META, 'seq', 1)
  redis.call('HSET', META, 'clock', now)
  entry.at = now
  redis.call('XADD', key('journal'), seq .. '-0', 'entry', cjson.encode(entry))
  return seq
end
