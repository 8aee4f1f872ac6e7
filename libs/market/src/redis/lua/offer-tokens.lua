#!lua
-- Offers tokens of a hold to one other agent, in the place of what was offered of it before.
-- KEYS: meta
-- ARGV: by, key, digest, hold, to, amounts, price
-- REPLY: ok, hold, to, priceMicro
-- include: reply
-- include: bucket
local saved = replay(input)
if saved then return saved end
local h = hold_of(input.hold)
if not h then return refuse('unknown', 'there is no hold ' .. input.hold) end
if not speaks_for(input.by, h.agent) then return refuse('not-permitted', 'the hold is ' .. h.agent .. '\'s') end
if h.since.state ~= 'held' or now >= h.expiresAt then return refuse('expired', 'the hold is over') end
local at_work = tokens_at_work(h)
if at_work then return refuse('not-your-turn', at_work) end
local buyer = account_of(input.to)
if not buyer or buyer.kind ~= 'agent' then return refuse('unknown', 'there is no agent ' .. input.to) end
if input.to == h.agent then return refuse('not-permitted', 'tokens are offered to another agent') end
if h.class == 'system' and buyer.class ~= 'system' then
  return refuse('reserved-for-system', 'what was taken by class system is sold to class system alone')
end
-- Two loops, as the order of names is each Redis's own: what is refused must not hang on it.
for name in pairs(input.amounts) do
  if not h.amounts[name] then return refuse('malformed', 'nothing of ' .. name .. ' is held') end
end
for name, amount in pairs(input.amounts) do
  if amount > in_hand(h, name) then return refuse('no-capacity', 'of ' .. name .. ' ' .. in_hand(h, name) .. ' are held') end
end

h.since.offer = { to = input.to, amounts = input.amounts, price = input.price }
save_hold(h)
return done(input, { kind = 'offer-tokens', hold = h.hold, to = input.to, amounts = input.amounts, price = input.price }, {
  hold = h.hold, to = input.to, priceMicro = digits(input.price),
})
