#!lua
-- Takes up an offer: credits and tokens change hands, and the seller's part is paid to the bucket.
-- KEYS: meta
-- ARGV: by, hold, digest, agent, of, amounts, maxPrice
-- REPLY: ok, hold, bucket, agent, amounts, unitsMicro, amountMicro, ratePermille, noisePermille, expiresAt, at
-- include: bucket
local account = account_of(input.agent)
local saved, forgotten = held_before(input, account)
if saved then return saved end
if not account or account.kind ~= 'agent' then return not_taken('unknown', 'there is no agent ' .. input.agent) end
if input.by ~= input.agent and account.host ~= input.by then
  return not_taken('not-permitted', input.by .. ' does not speak for ' .. input.agent)
end
local h = hold_of(input.of)
if not h then return not_taken('unknown', 'there is no hold ' .. input.of) end
if h.offer_to ~= input.agent then return not_taken('not-permitted', 'nothing of it is offered to ' .. input.agent) end
if h.state ~= 'held' or now >= h.expires_at then return not_taken('expired', 'the hold is over') end
if names_text(input.amounts) ~= h.offer_amounts then
  return not_taken('stale', 'what is offered is ' .. h.offer_amounts)
end
if h.class == 'system' and account.class ~= 'system' then
  return not_taken('reserved-for-system', 'what was taken by class system is sold to class system alone')
end
local price = h.offer_price
if price > input.maxPrice then
  return not_taken('below-reserve-price', 'it is offered for ' .. digits(price), { priceMicro = digits(price) })
end
if account.available < price then
  return not_taken('insufficient-credits', 'it costs ' .. digits(price) .. ', available: ' .. digits(account.available))
end
local desk = budget_desk()
local retry_at, budget = budget_try(desk, account, price)
if retry_at then
  return not_taken('over-budget', budget_lacks(desk, budget), { retryAt = retry_at > 0 and retry_at or nil })
end

local b = bucket_of(h.bucket)
local who = account.owner or account.id
if price > 0 then
  post_single(input.hold .. '.s', input.agent, h.agent, price, cjson.encode({ agent = input.agent, bucket = b.id }))
end
-- What is sold is paid to the bucket now; what is left of the hold is still the seller's.
local cost, left, sold, units = 0, 0, {}, {}
for name, unit in pairs(h.units) do
  local amount = input.amounts[name] or 0
  cost = cost + amount * unit
  sold[name] = (h.sold[name] or 0) + amount
  left = left + in_hand(h, name) - amount
  if amount > 0 then units[name] = 0 end
end
local part = min(h.amount - h.paid, cost)
if part > 0 then
  redis.call('HINCRBY', key('acct', h.agent), 'pending', -part)
  redis.call('HINCRBY', key('acct', h.payee), 'available', part)
end
h.paid = h.paid + part
local weight = weight_of(b, by_limit(b, input.amounts))
count_use(b, h.who, -weight)
count_use(b, who, weight)
redis.call('HDEL', key('hold', h.id), 'offerTo', 'offerAmounts', 'offerPrice')
redis.call('HSET', key('hold', h.id), 'paid', h.paid, 'sold', names_text(sold))
if left == 0 then end_hold(h, 'sold', 0) end
local bought = {
  id = input.hold, agent = input.agent, who = who, class = h.class, bucket = b.id, payee = h.payee,
  digest = input.digest, amounts = input.amounts, units = units, amounts_text = names_text(input.amounts),
  units_text = names_text(units), amount = 0, rate = h.rate, noise = 1000, expires_at = h.expires_at, at = now,
  forgotten = forgotten,
}
put_hold(bought)
redis.call('ZADD', key('deadlines'), h.expires_at, 'hold:' .. bought.id)
journal({
  kind = 'buy-tokens', by = input.by, hold = bought.id, digest = input.digest, agent = input.agent, of = h.id,
  amounts = input.amounts, price = price,
})
return cjson.encode(held_reply(bought))
