#!lua
-- Lays down for one bidder what a call asks of all of them.
-- KEYS: meta
-- ARGV: by, key, digest, cfp, agent, amountMicro, untilMs, policy, bounds
-- REPLY: ok, cfp, agent, amountMicro, until, pool, at
-- include: reply
-- include: lease
-- include: deposit
-- include: rules
local saved = replay(input)
if saved then return saved end
local account = account_of(input.agent)
if not account or account.kind ~= 'agent' then return refuse('unknown', 'there is no agent ' .. input.agent) end
if not speaks_for(input.by, input.agent) then
  return refuse('not-permitted', input.by .. ' does not lay down anything for ' .. input.agent)
end
local f = redis.call('HMGET', key('cfp', input.cfp), 'state', 'initiator', 'depositUntil', 'deposit', 'payee', 'pool', 'awardBy')
if not f[1] then return refuse('unknown', 'there is no call ' .. input.cfp) end
if f[1] ~= 'open' then return refuse('expired', 'the call is ' .. f[1]) end
-- What is agreed to is the time that was announced first, as a cheque is: an extension holds nobody's credits longer.
local until_ms = tonumber(f[3] or f[7])
if now > until_ms then return refuse('late', 'what was announced first was an award by ' .. until_ms) end
if f[2] == input.agent then return refuse('not-permitted', 'the call is its own') end
local amount = amount_of(input.amountMicro)
if not amount then return refuse('malformed', 'amountMicro: 1 to 14 digits') end
if amount ~= tonumber(f[4] or '0') then
  return refuse('stale', 'the call asks for a deposit of ' .. (f[4] or '0') .. ' micro-credits')
end
if given(input.untilMs) and input.untilMs ~= until_ms then
  return refuse('stale', 'deposits of this call end at ' .. until_ms)
end
if deposited(input.cfp, input.agent) then return refuse('duplicate', input.agent .. ' has laid it down') end
if redis.call('EXISTS', key('xfer', deposit_id(input.cfp, input.agent))) == 1 then
  return refuse('expired', 'what ' .. input.agent .. ' laid down for this call has ended: a call takes it once')
end
if redis.call('HLEN', key('deposits', input.cfp)) >= MAX_DEPOSITS then
  return refuse('no-capacity', 'a call takes the deposits of ' .. MAX_DEPOSITS .. ' bidders')
end
local moved = rules_moved(input.policy)
if moved then return refuse('stale', moved) end
local broken = beyond_rules(input.bounds, { payer = account.pending + amount })
if broken then return refuse(broken.detail, broken.message, nil, nil, broken.rule) end
if account.available < amount then
  return refuse('insufficient-credits', 'the deposit is ' .. amount .. ', available: ' .. account.available)
end
local desk = budget_desk()
local retry_at, budget = budget_try(desk, account, amount)
if retry_at then return refuse('over-budget', budget_lacks(desk, budget), nil, retry_at) end

redis.call('HSET', key('deposits', input.cfp), input.agent, 0)
redis.call('ZADD', key('deadlines'), until_ms, 'deposit:' .. input.cfp)
open_pending(deposit_id(input.cfp, input.agent), input.agent, f[5], amount, nil,
  cjson.encode({ agent = input.agent, pool = f[6] }))
return done(input, { kind = 'deposit', cfp = input.cfp, agent = input.agent, amount = amount, policy = input.policy }, {
  cfp = input.cfp, agent = input.agent, amountMicro = input.amountMicro, ['until'] = until_ms, pool = f[6], at = now,
})
