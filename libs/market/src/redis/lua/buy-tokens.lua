#!lua
-- Takes up an offer: credits and tokens change hands, and the seller's part is paid to the bucket.
-- KEYS: meta
-- ARGV: by, hold, digest, agent, of, amounts, maxPrice, policy, barred, seller
-- REPLY: ok, hold, bucket, agent, amounts, unitsMicro, amountMicro, ratePermille, noisePermille, expiresAt, at
-- include: bucket
-- include: rules
local account = account_of(input.agent)
local saved = held_before(input, account)
if saved then return saved end
if not account or account.kind ~= 'agent' then return not_taken('unknown', 'there is no agent ' .. input.agent) end
if input.by ~= input.agent and account.host ~= input.by then
  return not_taken('not-permitted', input.by .. ' does not speak for ' .. input.agent)
end
local moved = rules_moved(input.policy)
if moved then return not_taken('stale', moved) end
local h = hold_of(input.of)
if not h then return not_taken('unknown', 'there is no hold ' .. input.of) end
if input.seller and input.seller ~= h.agent then
  return not_taken('stale', 'the policy was asked of ' .. input.seller .. ', the hold is ' .. h.agent .. '\'s')
end
if h.since.state ~= 'held' or now >= h.expiresAt then return not_taken('expired', 'the hold is over') end
local offer = h.since.offer
if not offer or offer.to ~= input.agent then
  return not_taken('not-permitted', 'nothing of it is offered to ' .. input.agent)
end
local barred = input.barred
if barred then return not_taken(barred.detail, barred.message, { rule = barred.rule }) end
local at_work = tokens_at_work(h)
if at_work then return not_taken('not-your-turn', at_work) end
for name in pairs(h.amounts) do
  if offer.amounts[name] ~= input.amounts[name] then
    return not_taken('stale', 'what is offered is ' .. cjson.encode(offer.amounts))
  end
end
for name in pairs(input.amounts) do
  if not h.amounts[name] then return not_taken('malformed', 'nothing of ' .. name .. ' is held') end
end
if h.class == 'system' and account.class ~= 'system' then
  return not_taken('reserved-for-system', 'what was taken by class system is sold to class system alone')
end
local b = bucket_of(h.bucket)
local who, weight = account.owner or account.id, weight_of(b, by_limit(b, input.amounts))
local moves = who ~= h.who
if moves and b.spec.ownerMaxPermille < 1000 then
  local room = b.spec.ownerMaxPermille * 1000 - weight
  if room < 0 then return not_taken('no-capacity', 'an owner\'s agents never have so much together') end
  if recent_use(redis.call('HGET', taken_key(b), who), b.spec.noiseWindowMs) > room then
    return not_taken('token-limit', 'the agents of ' .. who .. ' took their share of late')
  end
end
local price = offer.price
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

if price > 0 then
  post_single(input.hold .. '.s', input.agent, h.agent, price, cjson.encode({ agent = input.agent, bucket = b.id }))
end
-- What is sold is paid to the bucket now; what is left of the hold is still the seller's.
local cost, left, sold, units = 0, 0, {}, {}
for name, unit in pairs(h.units) do
  local amount = input.amounts[name] or 0
  cost = cost + amount * unit
  sold[name] = h.amounts[name] - in_hand(h, name) + amount
  left = left + h.amounts[name] - sold[name]
  if amount > 0 then units[name] = '0' end
end
local part = min(h.amount - h.since.paid, cost)
if part > 0 then
  redis.call('HINCRBY', key('acct', h.agent), 'pending', -part)
  redis.call('HINCRBY', key('acct', h.payee), 'available', part)
end
-- The seller's use stays: else whoever takes much would pass it on to a straw man, and take on at the price of the quiet.
if moves then count_use(b, who, weight) end
h.since.paid, h.since.sold, h.since.offer = h.since.paid + part, sold, nil
if left == 0 then end_hold(h, 'sold', 0) end
save_hold(h)
local entry = {
  kind = 'buy-tokens', by = input.by, digest = input.digest, hold = input.hold, agent = input.agent, who = who,
  class = h.class, bucket = b.id, payee = h.payee, amounts = input.amounts, unitsMicro = units, amountMicro = '0',
  ratePermille = h.ratePermille, noisePermille = 1000, expiresAt = h.expiresAt, of = h.hold, price = price,
}
redis.call('ZADD', key('deadlines'), h.expiresAt, 'hold:' .. input.hold)
journal(entry)
local text = cjson.encode(entry)
redis.call('SET', key('hold', input.hold), text)
return told_as(text)
