#!lua
-- Registers a call for proposals on slots whose negotiation lock its initiator has just been given.
-- KEYS: meta
-- ARGV: by, key, digest, cfp, pool, slots, lockValue, rule, reservePriceMicro, durationMs, windowMs, ttlMs, seals, termsDigest, depositMicro
-- REPLY: ok, cfp, slots, fences, openedAt, closesAt, awardBy, reservePriceMicro
-- include: reply
-- include: slots
local saved = replay(input)
if saved then return saved end
local p = redis.call('HMGET', key('pool', input.pool), 'seller', 'slots', 'reservePrice', 'seals', 'account', 'graceMs')
if not p[1] then return refuse('unknown', 'there is no pool ' .. input.pool) end
if p[1] ~= input.by then return refuse('not-permitted', 'the pool is sold by ' .. p[1]) end
local reserve_price = price_of(input.reservePriceMicro)
if not reserve_price then return refuse('malformed', 'the reserve price is 0 or 1 to 14 digits') end
if reserve_price < tonumber(p[3]) then
  return refuse('below-reserve-price', 'the pool\'s reserve price is ' .. p[3] .. ' micro-credits')
end
for _, seal in ipairs(input.seals) do
  if not string.find(',' .. p[4] .. ',', ',' .. seal .. ',', 1, true) then
    return refuse('not-permitted', 'the pool takes cheques sealed by ' .. p[4])
  end
end
local deposit = given(input.depositMicro)
if deposit and not amount_of(deposit) then return refuse('malformed', 'a deposit is 1 to 14 digits') end
if deposit and tonumber(p[6] or '0') == 0 then
  return refuse('missing-dependency', 'a deposit is for who does not begin: give the pool a graceMs by which to begin')
end
if redis.call('EXISTS', key('cfp', input.cfp)) == 1 then return refuse('duplicate', 'this call is known: take a new id') end
local fences, named = {}, {}
for i, n in ipairs(input.slots) do
  -- Redlock takes a name twice without complaint, and the award would give the slot to two winners.
  if named[n] then return refuse('malformed', 'slot ' .. n .. ' is named twice') end
  named[n] = true
  if n >= tonumber(p[2]) or redis.call('SISMEMBER', key('free', input.pool), n) == 0 then
    return refuse('no-capacity', 'slot ' .. n .. ' is not free')
  end
  if redis.call('GET', lock_key(input.pool, n)) ~= input.lockValue then
    return refuse('lock-lost', 'the negotiation lock on slot ' .. n .. ' ran out before the call was opened')
  end
  fences[i] = tonumber(redis.call('HGET', slot_key(input.pool, n), 'fence') or '0')
end

local closes_at, award_by = now + input.windowMs, now + input.ttlMs
local seals = table.concat(input.seals, ',')
redis.call('HSET', key('cfp', input.cfp), 'state', 'open', 'pool', input.pool, 'initiator', input.by, 'payee', p[5],
  'slots', table.concat(input.slots, ','), 'fences', table.concat(fences, ','), 'lockValue', input.lockValue,
  'rule', input.rule, 'reservePrice', input.reservePriceMicro, 'durationMs', input.durationMs, 'seals', seals,
  'digest', input.termsDigest, 'openedAt', now, 'awardBy', award_by)
if deposit then
  redis.call('HSET', key('cfp', input.cfp), 'deposit', deposit, 'closesAt', closes_at, 'depositUntil', award_by)
end
redis.call('ZADD', key('deadlines'), award_by, 'cfp:' .. input.cfp)
return done(input, {
  kind = 'open-call', cfp = input.cfp, pool = input.pool, slots = input.slots, fences = fences, rule = input.rule,
  reservePriceMicro = input.reservePriceMicro, durationMs = input.durationMs, windowMs = input.windowMs,
  ttlMs = input.ttlMs, seals = input.seals, termsDigest = input.termsDigest, depositMicro = deposit,
}, { cfp = input.cfp, slots = input.slots, fences = fences, openedAt = now, closesAt = closes_at, awardBy = award_by,
  reservePriceMicro = input.reservePriceMicro })
