#!lua
-- Mints credits: the treasury's debt grows, an agent or pool has more to spend.
-- KEYS: meta
-- ARGV: by, key, digest, to, amount, tags
-- REPLY: status
-- include: ledger-reply
-- include: posting
local saved = replay()
if saved then return saved end
local amount = amount_of(input.amount)
if not amount then return refuse('amount-invalid', '1 to 14 digits, above zero') end
if input.to == 'treasury' then return refuse('same-account', 'a grant goes to an agent or a pool') end
if not account_of(input.to) then return refuse('unknown-account', input.to) end
local supply = redis.call('HMGET', META, 'minted', 'burned')
local minted, burned = tonumber(supply[1] or '0'), tonumber(supply[2] or '0')
-- What is out stays within 14 digits, what was ever minted within a double's exact integers.
local room = min(MAX_MICRO - (minted - burned), MAX_EXACT - minted)
if amount > room then return refuse('supply-exceeded', 'at most ' .. room .. ' micro-credits can still be minted') end

redis.call('HSETNX', key('acct', 'treasury'), 'kind', 'treasury')
redis.call('HSETNX', key('acct', 'treasury'), 'class', 'standard')
redis.call('HSETNX', key('acct', 'treasury'), 'pending', 0)
redis.call('SADD', key('accounts'), 'treasury')
redis.call('HINCRBY', key('acct', 'treasury'), 'available', -amount)
redis.call('HINCRBY', key('acct', input.to), 'available', amount)
redis.call('HINCRBY', META, 'minted', amount)
return done('done', { kind = 'grant', to = input.to, amount = input.amount, tags = given(input.tags) })
