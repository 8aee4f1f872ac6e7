#!lua
-- Reads what the opening of a call needs in one step: is it known, who sells the pool, which slots could be offered.
-- KEYS: meta
-- ARGV: cfp, pool, units
-- REPLY: known, seller, reservePriceMicro, slots
-- include: slots
local MOST_SLOTS = 4096

local p = redis.call('HMGET', key('pool', input.pool), 'seller', 'reservePrice')
local slots = {}

-- Puts unlocked ones among `count` free slots into `slots`; returns whether there were more to choose from. A choice
-- of all comes in the same order every time: whoever asks starts where the clock says, so that initiators rarely collide.
local function choose(count)
  local free = redis.call('SRANDMEMBER', key('free', input.pool), count)
  slots = {}
  for i = 1, #free do
    if #slots == input.units then break end
    local n = free[(tonumber(time[2]) + i) % #free + 1]
    if redis.call('EXISTS', lock_key(input.pool, n)) == 0 then slots[#slots + 1] = n end
  end
  return #free == count
end

-- More than needed, so that locked ones can be skipped; where most are locked, all are looked at.
if p[1] and choose(max(input.units * 2, input.units + 16)) and #slots < input.units then choose(MOST_SLOTS) end
return cjson.encode({
  known = redis.call('EXISTS', key('cfp', input.cfp)) == 1, seller = p[1] or nil, reservePriceMicro = p[2] or nil,
  slots = table.concat(slots, ','),
})
