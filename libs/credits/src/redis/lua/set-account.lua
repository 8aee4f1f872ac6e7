#!lua
-- Changes what an operator says of an account: class, host, owner, project, team, budget.
-- KEYS: meta
-- ARGV: by, key, digest, account
-- REPLY: status
-- include: ledger-reply
-- include: posting
local saved = replay()
if saved then return saved end
local change = input.account
if change.id == 'treasury' then return refuse('account-kind', 'the treasury stays as it is') end
local account = account_of(change.id)
if not account then return refuse('unknown-account', change.id) end
local budget = given(change.budget)
if budget and account.kind ~= 'agent' then return refuse('account-kind', 'only agents spend from a budget') end
if budget and redis.call('EXISTS', key('budget', budget)) == 0 then return refuse('unknown-budget', budget) end

local name = key('acct', change.id)
for _, field in ipairs({ 'class', 'host', 'owner', 'project', 'team', 'budget' }) do
  if change[field] == cjson.null then
    redis.call('HDEL', name, field)
  elseif change[field] then
    redis.call('HSET', name, field, change[field])
  end
end
return done('done', { kind = 'set-account', account = change })
