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
if account.budget and account.kind ~= 'agent' then return refuse('account-kind', 'only agents spend from a budget') end
if account.budget and redis.call('EXISTS', key('budget', account.budget)) == 0 then
  return refuse('unknown-budget', account.budget)
end

local fields = { 'kind', account.kind, 'class', account.class, 'available', 0, 'pending', 0 }
for _, field in ipairs({ 'nkey', 'host', 'owner', 'project', 'team', 'budget' }) do
  if account[field] then fields[#fields + 1] = field; fields[#fields + 1] = account[field] end
end
redis.call('HSET', key('acct', account.id), unpack(fields))
redis.call('SADD', key('accounts'), account.id)
return done('done', { kind = 'open-account', account = account })
