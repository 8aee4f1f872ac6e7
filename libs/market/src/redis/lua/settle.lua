#!lua
-- Ends a lease and frees its slots: released by its holder, taken back by the pool's seller or an operator, or over by the clock.
-- KEYS: meta
-- ARGV: kind, by, key, digest, contract, operator
-- REPLY: ok, contract, pool, participant, slots, outcome, paidMicro, refundedMicro, compensationMicro, at, deposits
-- include: reply
-- include: lease
-- include: wall
-- include: deposit
local sweep = input.kind == 'expire'
if not sweep then
  local saved = replay(input)
  if saved then return saved end
end
local c = contract_of(input.contract)
if not c then return refuse('unknown', 'there is no contract ' .. input.contract) end
if input.kind == 'release' and not speaks_for(input.by, c.participant) then
  return refuse('not-permitted', 'the lease is ' .. c.participant .. '\'s')
end
if input.kind == 'preempt' and input.operator ~= true then
  local seller = redis.call('HGET', key('pool', c.pool), 'seller')
  if seller ~= input.by then return refuse('not-permitted', 'the pool is sold by ' .. seller) end
end
if c.state == 'settled' then return refuse('expired', 'the lease is settled') end
-- What comes when the time is over finds the lease as the sweeper would leave it, whoever is faster.
local at, outcome = due_of(c)
if sweep and now < at then return refuse('stale', 'the lease is not over yet') end
if now < at then
  at, outcome = now, input.kind == 'preempt' and 'preempted' or 'released'
end

local ran = min(floor((at - c.started_at) / c.duration) + 1, c.terms)
local term_price = tonumber(redis.call('HGET', key('xfer', term_id(c.id, ran)), 'amount') or '0')
local ended, posted = end_terms(c, at, true, outcome == 'preempted' and 0 or least_used(c))
local paid, compensation = c.paid + posted, nil
if outcome == 'preempted' then
  local there = tonumber(redis.call('HGET', key('acct', c.payee), 'available'))
  -- No more than the lease brought: else a seller could give a friend, for a price never paid, what the pool has.
  compensation = min(cost_of_use(term_price, c.compensation, 1000), there, paid)
  compensate(c, compensation)
end
free_slots(c.pool, c.slots, c.cfp)
count_held(c.pool, -#c.slots, c.class, c.owner)
-- Who never began, and let the clock say so, has kept the slots from others.
if c.deposit and c.state == 'awarded' then lease_met(c, outcome == 'unstarted' or outcome == 'expired') end
redis.call('HSET', key('contract', c.id), 'state', 'settled', 'outcome', outcome, 'endedTerms', ended, 'paid', paid,
  'settledAt', now)
redis.call('PEXPIRE', key('contract', c.id), ENDED_KEPT_MS)
leave_intent(c)
redis.call('ZREM', key('deadlines'), 'lease:' .. c.id)
local reply = {
  contract = c.id, pool = c.pool, participant = c.participant, slots = c.slots, outcome = outcome,
  paidMicro = tostring(paid), refundedMicro = tostring(c.amount - paid),
  compensationMicro = compensation and tostring(compensation) or nil, at = now, deposits = told_deposits(),
}
local entry = { kind = 'settle', contract = c.id, outcome = outcome, paid = paid, compensation = compensation }
if sweep then
  journal(entry)
  reply.ok = true
  return cjson.encode(reply)
end
return done(input, entry, reply)
