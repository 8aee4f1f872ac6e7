#!lua
-- Reads what the opening of a call needs in one step: is it known, who sells the pool, which slots could be offered.
-- KEYS: meta
-- ARGV: cfp, pool, units
-- REPLY: known, seller, reservePriceMicro, slots
-- include: slots
local p = redis.call('HMGET', key('pool', input.pool), 'seller', 'reservePrice')
local slots = {}
if p[1] then
  -- A random choice, more than needed, so that initiators of one pool rarely collide and locked slots can be skipped.
  local count = max(input.units * 2, input.units + 16)
  for _, n in ipairs(redis.call('SRANDMEMBER', key('free', input.pool), count)) do
    if #slots == input.units then break end
    if redis.call('EXISTS', lock_key(input.pool, n)) == 0 then slots[#slots + 1] = n end
  end
end
return cjson.encode({
  known = redis.call('EXISTS', key('cfp', input.cfp)) == 1, seller = p[1] or nil, reservePriceMicro = p[2] or nil,
  slots = table.concat(slots, ','),
})
