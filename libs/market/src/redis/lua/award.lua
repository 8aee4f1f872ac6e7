#!lua
-- Commits awards: each takes slots, sets credits aside, raises fences, uses intents up and journals, or does nothing.
-- Several awards that arrived together share one call; each is checked whole before its own first write.
-- KEYS: meta
-- ARGV: awards
-- REPLY: a list with, for each, ok, cfp, pool, initiator, at, rule, units, durationMs, clearingPriceMicro, winners, verdicts, outbid, deposits
-- include: reply
-- include: lease
-- include: recent-prices
-- include: wall
-- include: deposit
-- include: hold

-- The version of the market's rules; brokers judge bids by them before they show them here.
local policy_version = tonumber(redis.call('HGET', META, 'policyVersion') or '0')

-- How many units system agents bid for that are not placed yet.
local function system_waits_for(bids)
  local units = 0
  for _, bid in ipairs(bids) do
    if bid.outcome ~= 'won' and redis.call('HGET', key('acct', bid.participant), 'class') == 'system' then
      units = units + bid.units
    end
  end
  return units
end

-- Whether a bid of class standard, beyond the wall, may have of the reserve for one short term.
local function lent_to(bid, call, bids, taken)
  if call.duration > call.lend then return false end
  return call.units - taken.units - bid.units >= system_waits_for(bids)
end

-- Why a bid may not win, or nil. `taken` is what the bids taken before it in this award bind.
local function barred(bid, call, bids, taken)
  if bid.price < call.reserve_price then return 'below-reserve-price' end
  if bid.participant == call.initiator then return 'not-permitted' end
  if bid.until_ms < now then return 'expired' end
  local account = account_of(bid.participant)
  if not account or account.kind ~= 'agent' then return 'unknown' end
  if bid.nkey and account.nkey ~= bid.nkey then return 'bad-signature' end
  if not string.find(',' .. call.seals .. ',', bid.nkey and ',ed25519,' or ',mac,', 1, true) then return 'not-permitted' end
  if call.deposit and (now > call.deposit_until or not deposited(call.cfp, bid.participant)) then
    return 'missing-dependency'
  end
  if bid.tokens and not holds_tokens(bid.tokens, bid.participant) then return 'missing-dependency' end
  local intent = bid.participant .. ':' .. bid.intent
  if taken.intents[intent] or redis.call('EXISTS', key('intent', intent)) == 1 then return 'duplicate' end
  local spent = taken.spent[bid.participant] or 0
  if account.available - spent < bid.price * bid.units then return 'insufficient-credits' end
  if bid.limit and account.pending + spent + bid.price * bid.units > bid.limit then return 'over-budget' end
  bid.class, bid.who = account.class, who_of(account)
  if call.owner_max > 0 then
    local owned = owned_by(call.pool, bid.who) + (taken.owned[bid.who] or 0)
    if owned + bid.units > call.owner_max then return 'over-budget' end
  end
  bid.account = account
  local retry_at = budget_short(taken.desk, account, bid.price * bid.units)
  if retry_at then
    bid.retry_at = retry_at > 0 and retry_at or nil
    return 'over-budget'
  end
  if account.class ~= 'system' and bid.units <= call.units - taken.units
    and call.standard_held + taken.standard + bid.units > call.wall then
    if not lent_to(bid, call, bids, taken) then return 'reserved-for-system' end
    bid.lent = true
  end
  return nil
end

-- Who takes a large share of late pays more than the price that clears, its own bid at most.
local function add_noise(bid, pool)
  bid.clears, bid.noise = bid.pays, noise_of(pool, bid.who)
  bid.pays = min(bid.price, noisy(bid.clears, bid.noise))
end

-- Fills the units in rank order and prices the winners: libs/market/src/auction/clear.ts states the same rules.
local function clear(call, bids)
  local taken, last = { units = 0, standard = 0, spent = {}, intents = {}, owned = {}, desk = budget_desk() }, 0
  for i, bid in ipairs(bids) do
    bid.detail = barred(bid, call, bids, taken)
    if bid.detail == 'reserved-for-system' then
      bid.outcome = 'lost' -- to others' demand for what is not reserved: it is covered, and sets a price
    elseif bid.detail then
      bid.outcome = 'barred'
    elseif bid.units > call.units - taken.units then
      bid.outcome = 'lost'
    else
      bid.outcome = 'won'
      last = i
      taken.units = taken.units + bid.units
      if bid.class ~= 'system' then taken.standard = taken.standard + bid.units end
      taken.spent[bid.participant] = (taken.spent[bid.participant] or 0) + bid.price * bid.units
      taken.intents[bid.participant .. ':' .. bid.intent] = true
      taken.owned[bid.who] = (taken.owned[bid.who] or 0) + bid.units
      budget_try(taken.desk, bid.account, bid.price * bid.units)
    end
  end
  local below = call.reserve_price
  for i = #bids, 1, -1 do
    local bid = bids[i]
    if bid.outcome == 'lost' and i > last then below = max(below, bid.price) end
    if bid.outcome == 'won' then
      if call.rule == 'first-price' then bid.pays = bid.price else bid.pays = below end
      call.price = min(call.price or bid.pays, bid.pays)
      if call.noise then add_noise(bid, call.noise) end
    end
    if call.rule == 'second-price' and bid.outcome ~= 'barred' then below = max(call.reserve_price, bid.price) end
  end
  return taken
end

local function call_of(cfp)
  local f = redis.call('HMGET', key('cfp', cfp), 'state', 'initiator', 'digest', 'awardBy', 'pool', 'payee', 'slots',
    'fences', 'lockValue', 'rule', 'reservePrice', 'durationMs', 'seals', 'deposit', 'depositUntil')
  if not f[1] then return nil end
  local slots = numbers(f[7])
  return {
    cfp = cfp, state = f[1], initiator = f[2], digest = f[3], award_by = tonumber(f[4]), pool = f[5], payee = f[6],
    slots = slots, units = #slots, fences = numbers(f[8]), lock_value = f[9], rule = f[10],
    reserve_price = tonumber(f[11]), duration = tonumber(f[12]), seals = f[13],
    deposit = f[14] and tonumber(f[14]), deposit_until = tonumber(f[15] or f[4]),
  }
end

local function refusal_of(award, call)
  if not call then return refuse('unknown', 'there is no call ' .. award.cfp) end
  if call.initiator ~= award.by then return refuse('not-permitted', 'the call is ' .. call.initiator .. '\'s') end
  if call.state == 'awarded' then return refuse('duplicate', 'the call is awarded') end
  -- Whoever slept past the call's time learns what cost it the call, whether or not the sweeper was faster.
  if call.state == 'lapsed' then return refuse('lock-lost', 'the call lapsed, and its negotiation lock with it') end
  if call.state ~= 'open' then return refuse('expired', 'the call is ' .. call.state) end
  if call.digest ~= award.termsDigest then return refuse('stale', 'the call was registered with other terms') end
  local held, why = still_held(call.pool, call.slots, call.fences, call.lock_value)
  if not held then return refuse('lock-lost', why) end
  if now > call.award_by then return refuse('late', 'the call had to be awarded by ' .. call.award_by) end
  if award.policy ~= policy_version then return refuse('stale', 'the policy moved on from version ' .. award.policy) end
  return nil
end

-- Gives winner `i` its slots; returns the lease as it is told to everybody.
local function grant_lease(call, bid, i, next_slot)
  local contract, amount = call.cfp .. '-' .. i, bid.pays * bid.units
  local until_ms = now + call.duration
  local slots, fences = {}, {}
  for u = 1, bid.units do
    local n = call.slots[next_slot + u - 1]
    local fence = call.fences[next_slot + u - 1] + 1
    slots[u], fences[u] = n, fence
    take_slot(call.pool, n, fence, contract)
  end
  win_intent(bid, contract)
  redis.call('HSET', key('contract', contract), 'state', 'awarded', 'cfp', call.cfp, 'pool', call.pool,
    'participant', bid.participant, 'payee', call.payee, 'intent', bid.intent, 'units', bid.units,
    'slots', table.concat(slots, ','), 'fences', table.concat(fences, ','), 'price', bid.pays, 'startedAt', now,
    'until', until_ms, 'durationMs', call.duration, 'terms', 1, 'endedTerms', 0, 'amount', amount, 'paid', 0,
    'compensationPermille', call.compensation, 'class', bid.class)
  -- What most pools do not ask for costs their leases nothing.
  if bid.lent then redis.call('HSET', key('contract', contract), 'lent', 1) end
  if call.owner_max > 0 then
    redis.call('HSET', key('contract', contract), 'owner', bid.who)
    count_held(call.pool, bid.units, nil, bid.who)
  end
  if call.noise then note_use(call.noise, bid.who, bid.units * call.duration) end
  if call.deposit and call.grace > 0 then redis.call('HSET', key('contract', contract), 'deposit', call.deposit) end
  if call.grace > 0 then redis.call('HSET', key('contract', contract), 'graceMs', call.grace) end
  if call.idle > 0 then redis.call('HSET', key('contract', contract), 'idleMs', call.idle) end
  local due_at = call.grace > 0 and min(until_ms, now + call.grace) or until_ms
  redis.call('ZADD', key('deadlines'), due_at, 'lease:' .. contract)
  open_term(contract, 1, bid.participant, call.payee, amount, call.pool)
  return {
    contract = contract, participant = bid.participant, intent = bid.intent, units = bid.units, slots = slots,
    fences = fences, priceMicro = tostring(bid.pays), amountMicro = tostring(amount), startedAt = now,
    ['until'] = until_ms,
  }
end

local function verdict_of(bid)
  return {
    participant = bid.participant, intent = bid.intent, outcome = bid.outcome, detail = bid.detail,
    retryAt = bid.retry_at,
  }
end

local function award_one(award)
  local saved = replay(award)
  if saved then return saved end
  local call = call_of(award.cfp)
  local refused = refusal_of(award, call)
  if refused then return refused end
  local p = redis.call('HMGET', key('pool', call.pool), 'reserve', 'graceMs', 'idleMs', 'compensationPermille', 'recent',
    'slots', 'standardHeld', 'lendMs', 'ownerMax', 'noiseMaxPermille', 'noiseWindowMs', 'seller')
  if p[12] ~= call.initiator then return refuse('not-permitted', 'the pool ' .. call.pool .. ' is ' .. p[12] .. '\'s by now') end
  call.grace, call.idle, call.compensation = tonumber(p[2] or '0'), tonumber(p[3] or '0'), p[4] or '0'
  call.wall, call.standard_held = tonumber(p[6]) - tonumber(p[1]), tonumber(p[7] or '0')
  call.lend, call.owner_max = tonumber(p[8] or '0'), tonumber(p[9] or '0')
  local noise_max = tonumber(p[10] or '0')
  if noise_max > 1000 then
    call.noise = { id = call.pool, slots = tonumber(p[6]), noise_max = noise_max, noise_window = tonumber(p[11]) }
  end
  local taken = clear(call, award.bids)
  if taken.units == 0 then
    local first, verdicts = award.bids[1], {}
    for i, bid in ipairs(award.bids) do verdicts[i] = verdict_of(bid) end
    return refuse(first.detail or 'no-capacity', 'no bid that was shown can win; the first one: '
      .. (first.detail or 'asks for more units than the call has'), verdicts, first.retry_at)
  end

  local winners, verdicts, shown, next_slot, outbid, to_begin = {}, {}, {}, 1, nil, {}
  for i, bid in ipairs(award.bids) do
    verdicts[i] = verdict_of(bid)
    shown[i] = {
      participant = bid.participant, intent = bid.intent, units = bid.units, price = bid.price, ['until'] = bid.until_ms,
      nkey = bid.nkey, outcome = bid.outcome, detail = bid.detail, pays = bid.pays, class = bid.class,
      clears = bid.clears, noise = bid.noise, tokens = bid.tokens,
    }
    if bid.outcome == 'won' then
      winners[#winners + 1] = grant_lease(call, bid, #winners + 1, next_slot)
      next_slot = next_slot + bid.units
      if call.grace > 0 then to_begin[bid.participant] = (to_begin[bid.participant] or 0) + 1 end
    elseif bid.outcome == 'lost' and not outbid then
      outbid = { participant = bid.participant, priceMicro = tostring(bid.price) }
    end
  end
  redis.call('HSET', key('pool', call.pool), 'spot', call.price, 'spotDurationMs', call.duration,
    'recent', remember_price(p[5], call.price, call.duration), 'standardHeld', call.standard_held + taken.standard)
  if call.deposit then return_deposits(call, to_begin) end
  -- The record outlives the leases: were its id free before, a second call would write over their contracts.
  redis.call('HSET', key('cfp', call.cfp), 'state', 'awarded', 'leases', #winners)
  redis.call('ZREM', key('deadlines'), 'cfp:' .. call.cfp)
  unlock(call.pool, call.slots, call.lock_value)
  return done(award, { kind = 'award', cfp = call.cfp, bids = shown, winners = winners }, {
    cfp = call.cfp, pool = call.pool, initiator = call.initiator, at = now, rule = call.rule, units = call.units,
    durationMs = call.duration,
    clearingPriceMicro = tostring(call.price), winners = winners, verdicts = verdicts, outbid = outbid,
    deposits = told_deposits(),
  })
end

local replies = {}
for i, award in ipairs(input.awards) do replies[i] = award_one(award) end
return '[' .. table.concat(replies, ',') .. ']'
