#!lua
-- Gives an open call more time, once its negotiation lock has been extended.
-- KEYS: meta
-- ARGV: by, key, digest, cfp, ttlMs
-- REPLY: ok, cfp, awardBy
-- include: reply
-- include: slots
local saved = replay(input)
if saved then return saved end
local f = redis.call('HMGET', key('cfp', input.cfp), 'state', 'initiator', 'pool', 'slots', 'fences', 'lockValue', 'awardBy',
  'openedAt')
if not f[1] then return refuse('unknown', 'there is no call ' .. input.cfp) end
if f[2] ~= input.by then return refuse('not-permitted', 'the call is ' .. f[2] .. '\'s') end
if not sells(f[2], f[3]) then return refuse('not-permitted', 'the pool ' .. f[3] .. ' has another seller by now') end
if f[1] ~= 'open' then return refuse('expired', 'the call is ' .. f[1]) end
if now > tonumber(f[7]) then return refuse('late', 'the call had to be awarded before') end
local held, why = still_held(f[3], numbers(f[4]), numbers(f[5]), f[6])
if not held then return refuse('lock-lost', why) end

-- An intent is remembered for CALL_LIFE_MS after its lease: a call that outlived it could cash a second cheque.
if now + input.ttlMs > tonumber(f[8]) + CALL_LIFE_MS then
  return refuse('round-limit', 'a call stays open for at most ' .. CALL_LIFE_MS .. ' ms')
end

local award_by = max(now + input.ttlMs, tonumber(f[7]))
redis.call('HSET', key('cfp', input.cfp), 'awardBy', award_by)
redis.call('ZADD', key('deadlines'), award_by, 'cfp:' .. input.cfp)
return done(input, { kind = 'extend-call', cfp = input.cfp, ttlMs = input.ttlMs }, { cfp = input.cfp, awardBy = award_by })
