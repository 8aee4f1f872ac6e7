#!lua
-- Ends a lease and frees its slots: released early by its holder, who pays for the time used, or over by the clock.
-- KEYS: meta
-- ARGV: kind, by, key, digest, contract
-- REPLY: ok, contract, pool, participant, slots, outcome, paidMicro, refundedMicro, at
-- include: reply
-- include: lease
local sweep = input.kind == 'expire'
if not sweep then
  local saved = replay(input)
  if saved then return saved end
end
local c = contract_of(input.contract)
if not c then return refuse('unknown', 'there is no contract ' .. input.contract) end
if not sweep and not speaks_for(input.by, c.participant) then
  return refuse('not-permitted', 'the lease is ' .. c.participant .. '\'s')
end
if c.state ~= 'awarded' then return refuse('expired', 'the lease is settled') end
if sweep and now < c.until_ms then return refuse('stale', 'the lease is not over yet') end

local at = min(now, c.until_ms)
local outcome = now >= c.until_ms and 'expired' or 'released'
local ended, posted = end_terms(c, at, true)
local paid = c.paid + posted
free_slots(c.pool, c.slots, c.cfp)
redis.call('HSET', key('contract', c.id), 'state', 'settled', 'outcome', outcome, 'endedTerms', ended, 'paid', paid,
  'settledAt', now)
redis.call('PEXPIRE', key('contract', c.id), ENDED_KEPT_MS)
redis.call('PEXPIRE', key('intent', c.participant .. ':' .. c.intent), ENDED_KEPT_MS)
redis.call('ZREM', key('deadlines'), 'lease:' .. c.id)
local reply = {
  contract = c.id, pool = c.pool, participant = c.participant, slots = c.slots, outcome = outcome,
  paidMicro = tostring(paid), refundedMicro = tostring(c.amount - paid), at = now,
}
local entry = { kind = 'settle', contract = c.id, outcome = outcome, paid = paid }
if sweep then
  journal(entry)
  reply.ok = true
  return cjson.encode(reply)
end
return done(input, entry, reply)
