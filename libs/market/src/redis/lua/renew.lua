#!lua
-- Prolongs a lease by one more term, paid at the pool's going price: the median of its last clearing prices.
-- KEYS: meta
-- ARGV: by, key, digest, contract, maxPriceMicro, policy, barred, bounds
-- REPLY: ok, contract, until, priceMicro, amountMicro, terms
-- include: reply
-- include: lease
-- include: recent-prices
-- include: wall
-- include: rules
local saved = replay(input)
if saved then return saved end
local c = contract_of(input.contract)
if not c then return refuse('unknown', 'there is no contract ' .. input.contract) end
if not speaks_for(input.by, c.participant) then return refuse('not-permitted', 'the lease is ' .. c.participant .. '\'s') end
if c.state == 'settled' then return refuse('expired', 'the lease is settled') end
local due_at, ends = due_of(c)
if now >= due_at then return refuse('expired', 'the lease ended at ' .. due_at .. ' as ' .. ends) end
if c.until_ms - now > c.duration then
  return refuse('stale', 'the next term is already paid; renew within ' .. c.duration .. ' ms of the end')
end
local p = redis.call('HMGET', key('pool', c.pool), 'recent', 'reservePrice', 'maxTerms', 'slots', 'reserve', 'standardHeld',
  'noiseMaxPermille', 'noiseWindowMs')
if c.terms >= tonumber(p[3]) then return refuse('round-limit', 'a lease here has at most ' .. p[3] .. ' terms') end
if c.lent and tonumber(p[6]) > tonumber(p[4]) - tonumber(p[5]) then
  return refuse('reserved-for-system', 'the lease was lent a part of the reserve, for one term')
end
local price = going_price(p[1], c.duration, tonumber(p[2]))
local account, pool = account_of(c.participant), nil
if tonumber(p[7] or '0') > 1000 then
  pool = { id = c.pool, slots = tonumber(p[4]), noise_max = tonumber(p[7]), noise_window = tonumber(p[8]) }
  price = noisy(price, noise_of(pool, who_of(account)))
end
local limit = amount_of(input.maxPriceMicro)
if not limit or price > limit then
  return refuse('below-reserve-price', 'the next term costs ' .. price .. ' micro-credits per unit')
end
local amount = price * c.units
-- What a lease costs over all its terms stays an amount: 14 digits.
if c.amount + amount > MAX_MICRO then
  return refuse('round-limit', 'over all its terms a lease costs at most ' .. MAX_MICRO .. ' micro-credits')
end
local moved = rules_moved(input.policy)
if moved then return refuse('stale', moved) end
-- Terms that are over are paid in the same step: they are set aside no more.
local broken = input.barred or beyond_rules(input.bounds, {
  term = amount, contract = c.amount + amount, payer = account.pending - over_terms(c, now) + amount,
})
if broken then return refuse(broken.detail, broken.message, nil, nil, broken.rule) end
if account.available < amount then
  return refuse('insufficient-credits', 'the next term costs ' .. amount .. ', available: ' .. account.available)
end
local desk = budget_desk()
local retry_at, short = budget_try(desk, account, amount)
if retry_at then return refuse('over-budget', budget_lacks(desk, short), nil, retry_at) end

local ended, paid = end_terms(c, now, false, least_used(c))
local terms, until_ms = c.terms + 1, c.until_ms + c.duration
c.until_ms = until_ms
open_term(c.id, terms, c.participant, c.payee, amount, c.pool)
redis.call('HSET', key('contract', c.id), 'terms', terms, 'endedTerms', ended, 'until', until_ms,
  'amount', c.amount + amount, 'paid', c.paid + paid)
redis.call('ZADD', key('deadlines'), due_of(c), 'lease:' .. c.id)
if c.lent then redis.call('HDEL', key('contract', c.id), 'lent') end
if pool then note_use(pool, who_of(account), c.units * c.duration) end
return done(input, {
  kind = 'renew', contract = c.id, maxPriceMicro = input.maxPriceMicro, price = price, policy = input.policy,
}, {
  contract = c.id, ['until'] = until_ms, priceMicro = tostring(price), amountMicro = tostring(amount), terms = terms,
})
