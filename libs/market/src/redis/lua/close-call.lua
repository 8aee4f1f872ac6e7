#!lua
-- Ends a call without an award: its initiator releases it, or the sweeper finds its time over.
-- KEYS: meta
-- ARGV: kind, by, key, digest, cfp
-- REPLY: ok, cfp, deposits
-- include: reply
-- include: deposit
-- include: slots
local sweep = input.kind == 'lapse'
if not sweep then
  local saved = replay(input)
  if saved then return saved end
end
local f = redis.call('HMGET', key('cfp', input.cfp), 'state', 'initiator', 'pool', 'slots', 'lockValue', 'awardBy', 'deposit', 'payee')
if not f[1] then return refuse('unknown', 'there is no call ' .. input.cfp) end
if not sweep and f[2] ~= input.by then return refuse('not-permitted', 'the call is ' .. f[2] .. '\'s') end
if f[1] ~= 'open' then return refuse('expired', 'the call is ' .. f[1]) end
if sweep and now <= tonumber(f[6]) then return refuse('stale', 'the call is not over yet') end

local outcome = sweep and 'lapsed' or 'released'
redis.call('HSET', key('cfp', input.cfp), 'state', outcome)
redis.call('PEXPIRE', key('cfp', input.cfp), ENDED_KEPT_MS)
redis.call('ZREM', key('deadlines'), 'cfp:' .. input.cfp)
unlock(f[3], numbers(f[4]), f[5])
if f[7] then return_deposits({ cfp = input.cfp, pool = f[3], payee = f[8], deposit = tonumber(f[7]) }, {}) end
local entry = { kind = 'close-call', cfp = input.cfp, outcome = outcome }
if sweep then
  journal(entry)
  return cjson.encode({ ok = true, cfp = input.cfp, deposits = told_deposits() })
end
return done(input, entry, { cfp = input.cfp, deposits = told_deposits() })
