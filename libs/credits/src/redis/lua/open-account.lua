#!lua
-- Opens an account with nothing in it.
-- KEYS: meta
-- ARGV: by, key, digest, account
-- REPLY: status
-- include: ledger-reply
local saved = replay()
if saved then return saved end
local account = input.account
if account.id == 'treasury' then return refuse('account-exists', 'the treasury opens itself') end
if redis.call('EXISTS', key('acct', account.id)) == 1 then
  return refuse('account-exists', 'choose another id')
end

local fields = { 'kind', account.kind, 'class', account.class, 'available', 0, 'pending', 0 }
if account.nkey then fields[#fields + 1] = 'nkey'; fields[#fields + 1] = account.nkey end
if account.host then fields[#fields + 1] = 'host'; fields[#fields + 1] = account.host end
redis.call('HSET', key('acct', account.id), unpack(fields))
redis.call('SADD', key('accounts'), account.id)
return done('done', { kind = 'open-account', account = account })
