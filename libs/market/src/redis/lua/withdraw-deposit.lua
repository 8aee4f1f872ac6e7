#!lua
-- Gives a bidder back what it laid down, while the call takes bids: with it go all of its bids there.
-- KEYS: meta
-- ARGV: by, key, digest, cfp, agent
-- REPLY: ok, cfp, agent, deposits
-- include: reply
-- include: deposit
local saved = replay(input)
if saved then return saved end
if not speaks_for(input.by, input.agent) then
  return refuse('not-permitted', input.by .. ' does not take anything back for ' .. input.agent)
end
local f = redis.call('HMGET', key('cfp', input.cfp), 'state', 'closesAt', 'deposit', 'payee', 'pool')
if not f[1] then return refuse('unknown', 'there is no call ' .. input.cfp) end
if f[1] ~= 'open' then return refuse('expired', 'the call is ' .. f[1]) end
if now >= tonumber(f[2] or '0') then return refuse('late', 'the call takes no bids any more: bids stand') end
if not deposited(input.cfp, input.agent) then return refuse('unknown', input.agent .. ' has laid nothing down here') end

end_deposit({ cfp = input.cfp, pool = f[5], payee = f[4], deposit = tonumber(f[3]) }, input.agent, false)
if redis.call('HLEN', key('deposits', input.cfp)) == 0 then redis.call('ZREM', key('deadlines'), 'deposit:' .. input.cfp) end
return done(input, { kind = 'withdraw-deposit', cfp = input.cfp, agent = input.agent },
  { cfp = input.cfp, agent = input.agent, deposits = told_deposits() })
