#!lua
-- Moves credits from one account to another: at once, or pending with a time limit.
-- KEYS: meta
-- ARGV: by, key, digest, id, from, to, amount, ttlMs, tags
-- REPLY: status
-- include: ledger-reply
-- include: posting
local saved = replay()
if saved then return saved end
local amount = amount_of(input.amount)
if not amount then return refuse('amount-invalid', '1 to 14 digits, above zero') end
local ttl = input.ttlMs
if ttl ~= nil and (type(ttl) ~= 'number' or ttl ~= floor(ttl) or ttl < 1 or ttl > 2592000000) then
  return refuse('ttl-invalid', '1 to 2592000000 ms')
end
if input.from == input.to then return refuse('same-account', 'debit and credit differ') end
if input.from == 'treasury' or input.to == 'treasury' then
  return refuse('account-kind', 'the treasury takes part in grants and retirements alone')
end
local debit = account_of(input.from)
if not debit then return refuse('unknown-account', input.from) end
if not account_of(input.to) then return refuse('unknown-account', input.to) end
if redis.call('EXISTS', key('xfer', input.id)) == 1 then return refuse('transfer-exists', 'choose another id') end
if debit.available < amount then return refuse('insufficient-credits', 'available: ' .. debit.available) end
local desk = budget_desk()
local retry_at, short = budget_try(desk, debit, amount)
if retry_at then return refuse('over-budget', budget_lacks(desk, short), retry_at > 0 and retry_at or nil) end

local tags = given(input.tags) or { agent = input.from }
local status = 'posted'
local expires_at
if ttl then
  status = 'pending'
  expires_at = now + ttl
  open_pending(input.id, input.from, input.to, amount, expires_at, cjson.encode(tags))
else
  post_single(input.id, input.from, input.to, amount, cjson.encode(tags))
end
return done(status, {
  kind = 'transfer', id = input.id, from = input.from, to = input.to, amount = input.amount, ttlMs = ttl,
  tags = tags,
})
