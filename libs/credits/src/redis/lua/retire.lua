#!lua
-- Burns credits: takes available credits of an account out of the supply.
-- KEYS: meta
-- ARGV: by, key, digest, from, amount, tags
-- REPLY: status
-- include: ledger-reply
-- include: posting
local saved = replay()
if saved then return saved end
local amount = amount_of(input.amount)
if not amount then return refuse('amount-invalid', '1 to 14 digits, above zero') end
if input.from == 'treasury' then return refuse('same-account', 'credits are retired from an agent or a pool') end
local account = account_of(input.from)
if not account then return refuse('unknown-account', input.from) end
if account.available < amount then return refuse('insufficient-credits', 'available: ' .. account.available) end

redis.call('HINCRBY', key('acct', input.from), 'available', -amount)
redis.call('HINCRBY', key('acct', 'treasury'), 'available', amount)
redis.call('HINCRBY', META, 'burned', amount)
return done('done', { kind = 'retire', from = input.from, amount = input.amount, tags = given(input.tags) })
