-- A task's contract: which offers may be engaged, what each binds, and how a contract goes on or ends.
-- include: lease
-- include: life-cycle
-- include: wall
-- include: deposit
-- include: rules
-- include: hold

-- A dispute that no operator resolves ends so long after it was raised.
local DISPUTE_LIMIT_MS = 604800000
-- The wire's times have 14 digits at most.
local MAX_MS = 99999999999999

-- The two payments of an attempt: what the buyer pays, and the provider's bond.
local function price_id(c) return c.id .. '.p' .. c.attempt end
local function bond_id(c) return c.id .. '.b' .. c.attempt end

-- What is bound by those offers that are taken together with the one that is looked at; slots of each pool as the wall
-- counts them and as the buyer's owner's; and budgets, as it leaves them.
local function nothing_bound()
  return { spent = 0, bonds = {}, walled = {}, owned = {}, intents = {}, holds = {}, desk = budget_desk() }
end

local function bind(bound, offer, bond)
  bound.spent = bound.spent + offer.price
  bound.bonds[offer.participant] = (bound.bonds[offer.participant] or 0) + bond
  bound.intents[offer.participant .. ':' .. offer.intent] = true
  bound.desk = offer.desk or bound.desk
  if offer.held then
    bound.holds[offer.hold] = true
    local pool = offer.held.pool
    bound.walled[pool] = (bound.walled[pool] or 0) + offer.units
    bound.owned[pool] = (bound.owned[pool] or 0) + offer.units
  end
end

-- The call whose locked slots back an offer; or nil and why they do not.
local function held_slots(offer)
  local f = redis.call('HMGET', key('cfp', offer.hold), 'state', 'initiator', 'awardBy', 'pool', 'slots', 'fences',
    'lockValue', 'payee', 'reservePrice', 'durationMs', 'deposit')
  if f[1] and (f[2] ~= offer.participant or not sells(f[2], f[4])) then return nil, 'not-permitted' end
  if f[1] ~= 'open' or now > tonumber(f[3]) then return nil, 'lock-lost' end
  local held = { pool = f[4], slots = numbers(f[5]), fences = numbers(f[6]), lock_value = f[7], payee = f[8] }
  held.cfp, held.deposit = offer.hold, f[11] and tonumber(f[11])
  if not still_held(held.pool, held.slots, held.fences, held.lock_value) then return nil, 'lock-lost' end
  if #held.slots ~= offer.units then return nil, 'no-capacity' end
  -- The slots are the pool's, not the provider's: they cost what their call asks, for as long as it lends them.
  if offer.price < tonumber(f[9]) * offer.units then return nil, 'below-reserve-price' end
  if offer.durationMs > tonumber(f[10]) then return nil, 'deadline-infeasible' end
  return held
end

-- Why an offer may not be engaged at all, or nil. `deal` has buyer, counts, needs, tokens; sets `account` and `held`.
local function unfit(offer, deal, bound)
  if offer.barred then return offer.barred end
  if offer.price ~= floor(offer.price) or offer.price < 1 or offer.price > MAX_MICRO then return 'malformed' end
  if offer.participant == deal.buyer.id then return 'not-permitted' end
  if offer.until_ms < now then return 'expired' end
  offer.account = account_of(offer.participant)
  if not offer.account or offer.account.kind ~= 'agent' then return 'unknown' end
  if offer.nkey and offer.account.nkey ~= offer.nkey then return 'bad-signature' end
  local intent = offer.participant .. ':' .. offer.intent
  if bound.intents[intent] or redis.call('EXISTS', key('intent', intent)) == 1 then return 'duplicate' end
  if offer.deadline <= now then return 'deadline-infeasible' end
  if offer[deal.counts] < deal.needs then return 'no-capacity' end
  if deal.tokens and not holds_tokens(deal.tokens, deal.buyer.id) then return 'missing-dependency' end
  if offer.hold == '' then return nil end
  if bound.holds[offer.hold] then return 'lock-lost' end
  local held, detail = held_slots(offer)
  offer.held = held
  return detail
end

-- Whether the budgets of buyer and provider, which may be the same, have room for price and bond beside what is bound:
-- nil, or 'over-budget' and when they will. Sets `desk`, where both are taken.
local function overspent(offer, deal, bound)
  if not (deal.buyer.budget or offer.account.budget) then return nil end
  offer.desk = copy_of_desk(bound.desk)
  local retry_at = budget_try(offer.desk, deal.buyer, offer.price) or budget_try(offer.desk, offer.account, deal.bond)
  return retry_at and 'over-budget', retry_at
end

-- Why it may not be engaged beside what is bound already, or nil; and when it may. `deal` has buyer, bond, limit.
local function uncovered(offer, deal, bound)
  local buyer = deal.buyer
  if offer.account.available - (bound.bonds[offer.participant] or 0) < deal.bond then return 'insufficient-credits' end
  if offer.held then
    local pool = offer.held.pool
    local detail = kept_from(buyer, pool, offer.units, bound.walled[pool] or 0, bound.owned[pool] or 0)
    if detail then return detail end
  end
  if buyer.available - bound.spent < offer.price then return 'insufficient-credits' end
  if deal.limit and buyer.pending + bound.spent + offer.price > deal.limit then return 'over-budget' end
  return overspent(offer, deal, bound)
end

-- An offer as its contract keeps it while it stands by.
local function standby_of(offer)
  return cjson.encode({
    participant = offer.participant, intent = offer.intent, until_ms = offer.until_ms, nkey = offer.nkey,
    price = offer.price, units = offer.units, scope = offer.scope, startBy = offer.startBy, deadline = offer.deadline,
    durationMs = offer.durationMs, hold = offer.hold, issuesText = offer.issuesText,
  })
end

-- Gives the contract `c` (id, attempt, buyer, resource, bond, grace, tokens) to an offer: payments, intent, slots, rate
-- tokens, record.
-- Returns when the contract is overdue, and where slots were taken these and their fences.
local function give_task(c, offer)
  local pool, slots, fences, class, owner = '', {}, {}, '', ''
  -- Work on a pool's slots earns for the pool: whoever sells them does not sell them to itself.
  local payee = offer.held and offer.held.payee or offer.participant
  open_pending(price_id(c), c.buyer, payee, offer.price, nil,
    cjson.encode({ agent = c.buyer, pool = c.resource, contract = c.id }))
  if c.bond > 0 then
    open_pending(bond_id(c), offer.participant, c.buyer, c.bond, nil,
      cjson.encode({ agent = offer.participant, pool = c.resource, contract = c.id }))
  end
  win_intent(offer, c.id)
  if offer.held then
    local held = offer.held
    pool = held.pool
    for i, n in ipairs(held.slots) do
      slots[i], fences[i] = n, held.fences[i] + 1
      take_slot(pool, n, fences[i], c.id)
    end
    -- The work is the buyer's: whether the slots count as system's, and in whose name, is by its account.
    local buyer = account_of(c.buyer)
    class = buyer.class
    if tonumber(redis.call('HGET', key('pool', pool), 'ownerMax') or '0') > 0 then owner = who_of(buyer) end
    count_held(pool, #slots, class, owner)
    note_work(pool, who_of(buyer), #slots * offer.durationMs)
    redis.call('HSET', key('cfp', offer.hold), 'state', 'awarded', 'leases', 1)
    redis.call('ZREM', key('deadlines'), 'cfp:' .. offer.hold)
    unlock(pool, held.slots, held.lock_value)
    if held.deposit then return_deposits(held, {}) end
  end
  if c.tokens then note_tokens_at_work(c.tokens, c.id, true) end
  local due_at = min(max(offer.startBy, now) + c.grace, MAX_MS)
  redis.call('HSET', key('contract', c.id), 'state', 'awarded', 'attempt', c.attempt, 'handedAt', now,
    'participant', offer.participant, 'payee', payee, 'intent', offer.intent, 'price', offer.price, 'units', offer.units,
    'scope', offer.scope, 'startBy', offer.startBy, 'deadline', offer.deadline, 'durationMs', offer.durationMs,
    'issues', offer.issuesText, 'hold', offer.hold, 'pool', pool, 'slots', table.concat(slots, ','),
    'fences', table.concat(fences, ','), 'class', class, 'owner', owner, 'percent', 0, 'dueAt', due_at)
  redis.call('ZADD', key('deadlines'), due_at, 'task:' .. c.id)
  for _, side in ipairs({ c.buyer, offer.participant }) do redis.call('ZADD', key('contracts', side), 0, c.id) end
  -- To cjson an empty table would be an object: no slots, no field.
  return due_at, offer.held and slots or nil, offer.held and fences or nil
end

local function task_of(id)
  local f = redis.call('HMGET', key('contract', id), 'kind', 'state', 'buyer', 'task', 'resource', 'counts', 'needs',
    'graceMs', 'reportEveryMs', 'lateMs', 'rebatePermille', 'bond', 'penaltyPermille', 'disputeMs', 'standbys',
    'tried', 'attempt', 'participant', 'intent', 'price', 'deadline', 'durationMs', 'hold', 'pool', 'slots', 'heardAt',
    'startedAt', 'askedDeadline', 'doneAt', 'dueAt', 'percent', 'payee', 'class',
    'owner', 'process', 'handedAt', 'tokens')
  if f[1] ~= 'task' then return nil end
  return {
    id = id, state = f[2], buyer = f[3], task = f[4], resource = f[5], counts = f[6], needs = tonumber(f[7]),
    grace = tonumber(f[8]), report_every = tonumber(f[9]), late = tonumber(f[10]), rebate = tonumber(f[11]),
    bond = tonumber(f[12]), penalty = tonumber(f[13]), dispute = tonumber(f[14]), standbys = f[15],
    tried = tonumber(f[16]), attempt = tonumber(f[17]), participant = f[18], intent = f[19], price = tonumber(f[20]),
    deadline = tonumber(f[21]), duration = tonumber(f[22]), hold = f[23], pool = f[24], slots = numbers(f[25]),
    heard_at = f[26] and tonumber(f[26]), started_at = f[27] and tonumber(f[27]), asked = f[28] and tonumber(f[28]),
    done_at = f[29] and tonumber(f[29]), due_at = tonumber(f[30]), percent = tonumber(f[31]), payee = f[32],
    class = f[33], owner = f[34], process = f[35], handed_at = tonumber(f[36]), tokens = f[37] or nil,
  }
end

-- The first standby that may be engaged in the present provider's place; how many were tried with it, and whom of them
-- the market's rules barred. `rulings`: what they say of each standby.
local function next_standby(c, rulings)
  local buyer = account_of(c.buyer)
  local deal = { buyer = buyer, counts = c.counts, needs = c.needs, bond = c.bond, tokens = c.tokens }
  -- What the present provider gives back counts as there.
  local bound = nothing_bound()
  bound.spent, bound.bonds[c.participant] = -c.price, -c.bond
  bound.walled[c.pool] = c.class == 'standard' and -#c.slots or 0
  bound.owned[c.pool] = c.owner == who_of(buyer) and -#c.slots or 0
  local price_charged = redis.call('HGET', key('xfer', price_id(c)), 'budgets')
  if price_charged then budget_back(bound.desk, price_charged, c.price) end
  local bond_charged = redis.call('HGET', key('xfer', bond_id(c)), 'budgets')
  if bond_charged then budget_back(bound.desk, bond_charged, c.bond) end
  local standbys, passed = cjson.decode(c.standbys), {}
  for i = c.tried + 1, #standbys do
    local offer, ruling = standbys[i], rulings[i] or {}
    local broken = ruling.barred
      or beyond_rules(ruling.bounds, { payer = buyer.pending + bound.spent + offer.price })
    if broken then
      passed[#passed + 1] = {
        participant = offer.participant, intent = offer.intent, detail = broken.detail, rule = broken.rule,
      }
    elseif not (unfit(offer, deal, bound) or uncovered(offer, deal, bound)) then
      return offer, i, passed
    end
  end
  return nil, #standbys, passed
end

-- Ends the payments of the present attempt; its intent is remembered for a while.
local function end_attempt(c, paid, forfeited)
  end_pending(price_id(c), c.buyer, c.payee, c.price, paid, paid > 0 and 'posted' or 'voided')
  if c.bond > 0 then
    end_pending(bond_id(c), c.participant, c.buyer, c.bond, forfeited and c.bond or 0, forfeited and 'posted' or 'voided')
  end
  -- Slots of a provider that is paid nothing were nobody's purchase: else it could make its buyer's noise.
  if paid == 0 and c.hold ~= '' then note_work(c.pool, who_of(account_of(c.buyer)), -#c.slots * c.duration, c.handed_at) end
  leave_intent(c)
  redis.call('ZREM', key('contracts', c.participant), c.id)
end

-- Slots and rate tokens are free as soon as the work is over, whatever becomes of a dispute.
local function leave_work(c)
  if c.tokens then note_tokens_at_work(c.tokens, c.id, false) end
  if c.hold == '' then return end
  free_slots(c.pool, c.slots, c.hold)
  count_held(c.pool, -#c.slots, c.class, c.owner)
end

-- Another process works on the slots from now on: whatever guards them refuses the one before. Returns the fences.
local function raise_fences(c)
  local fences = {}
  for i, n in ipairs(c.slots) do
    fences[i] = tonumber(redis.call('HGET', slot_key(c.pool, n), 'fence')) + 1
    take_slot(c.pool, n, fences[i], c.id)
  end
  redis.call('HSET', key('contract', c.id), 'fences', table.concat(fences, ','))
  return fences
end

-- Hands the contract to a standby: same id, one attempt more.
local function hand_over(c, offer, tried)
  end_attempt(c, 0, false)
  leave_work(c)
  c.attempt = c.attempt + 1
  redis.call('HSET', key('contract', c.id), 'tried', tried)
  redis.call('HDEL', key('contract', c.id), 'process')
  return give_task(c, offer)
end

-- What is paid of the price, and whether its bond goes to the buyer: settlement.ts states the same rules.
local function settlement_of(c, ended)
  local worked = c.started_at and cost_of_use(c.price, max(0, ended.at - c.started_at), c.duration) or 0
  if ended.outcome == 'done' then
    local over = max(0, ended.at - c.deadline)
    if over == 0 then return c.price, false end
    return c.price - cost_of_use(cost_of_use(c.price, c.rebate, 1000), over, max(1, c.late)), false
  end
  if ended.outcome == 'decommitted' then
    if ended.side ~= 'buyer' then return 0, true end
    return max(cost_of_use(c.price, c.penalty, 1000), worked), false
  end
  if ended.outcome == 'preempted' then return worked, false end
  return 0, not ended.turned_down
end

-- Settles a contract. Its task can be given out again where nothing of it was done.
local function end_task(c, outcome, paid, forfeited)
  end_attempt(c, paid, forfeited)
  if c.state ~= 'done' and c.state ~= 'disputed' then leave_work(c) end
  local name, task = key('contract', c.id), key('task', c.buyer .. ':' .. c.task)
  redis.call('HSET', name, 'state', 'settled', 'outcome', outcome, 'paid', paid,
    'bondTo', forfeited and 'buyer' or 'provider', 'settledAt', now, 'dueAt', now)
  redis.call('PEXPIRE', name, ENDED_KEPT_MS)
  redis.call('ZREM', key('deadlines'), 'task:' .. c.id)
  redis.call('ZREM', key('contracts', c.buyer), c.id)
  if outcome == 'done' then redis.call('HINCRBY', task, 'done', 1) end
  if redis.call('HINCRBY', task, 'live', -1) == 0 then
    if tonumber(redis.call('HGET', task, 'done')) > 0 then
      redis.call('PEXPIRE', task, ENDED_KEPT_MS)
    else
      redis.call('DEL', task)
    end
  end
end
