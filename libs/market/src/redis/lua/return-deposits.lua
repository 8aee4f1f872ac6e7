#!lua
-- Gives back what the bidders of a call laid down until a time that is over: the sweeper's, where a call is extended.
-- KEYS: meta
-- ARGV: cfp
-- REPLY: ok, cfp, deposits
-- include: reply
-- include: deposit
local f = redis.call('HMGET', key('cfp', input.cfp), 'state', 'depositUntil', 'deposit', 'payee', 'pool')
if not f[1] then return refuse('unknown', 'there is no call ' .. input.cfp) end
if f[1] ~= 'open' then return refuse('expired', 'the call is ' .. f[1]) end
if redis.call('EXISTS', key('deposits', input.cfp)) == 0 then return refuse('unknown', 'nobody has laid anything down') end
if now <= tonumber(f[2]) then return refuse('stale', 'what was agreed to is not over yet') end

return_deposits({ cfp = input.cfp, pool = f[5], payee = f[4], deposit = tonumber(f[3]) }, {})
journal({ kind = 'return-deposits', cfp = input.cfp })
return cjson.encode({ ok = true, cfp = input.cfp, deposits = told_deposits() })
