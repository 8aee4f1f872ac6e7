#!lua
-- Takes tokens of one bucket for all who asked at the same instant: who wins, at which rate, and the payments set aside.
-- The hold's own record is the payment and the saved answer: a take writes it, two balances and a journal entry.
-- KEYS: meta
-- ARGV: bucket, takes, policy
-- REPLY: answers, left
-- include: clearing
-- include: rules

-- Whoever is too noisy for its price is looked at again after so long.
local NOISE_WAIT_MS = 250

local b = bucket_of(input.bucket)
local accounts, uses, taken, seen = {}, {}, {}, {}
local desk, spent = budget_desk(), {}

local function taker(id)
  if accounts[id] == nil then accounts[id] = account_of(id) or false end
  return accounts[id]
end

-- The amounts by the bucket's limits, or nil and what is wrong with them.
local function amounts_of(named)
  local amounts, known = {}, 0
  for i, l in ipairs(b.limits) do
    amounts[i] = named[l.name] or 0
    if named[l.name] then known = known + 1 end
  end
  for _ in pairs(named) do known = known - 1 end
  if known < 0 then return nil, 'the bucket has no such limit' end
  return amounts
end

-- The least that a take is content with; `amounts` itself where it wants all. A limit not named is wanted whole.
local function least_of(take, amounts)
  local named = given(take.atLeast)
  if not named then return amounts end
  local least, why = amounts_of(named)
  if not least then return nil, why end
  for i, amount in ipairs(amounts) do
    if least[i] > amount then return nil, 'content with more than is asked for' end
    if least[i] == 0 then least[i] = amount end
  end
  return least
end

-- Owners' recent takings: what Redis has, and what they take in this very call.
local function use_of(who)
  if uses[who] == nil then uses[who] = redis.call('HGET', taken_key(b), who) end
  return recent_use(uses[who], b.spec.noiseWindowMs) + (taken[who] or 0)
end

-- In how many ms an owner's recent use leaves room for so much more under its cap; nil where it does now.
local function cap_wait(who, room)
  if use_of(who) <= room then return nil end
  local window = b.spec.noiseWindowMs
  local start, prev, cur = rolled_use(uses[who], window)
  cur = cur + (taken[who] or 0)
  local ends = cur <= room and start + window - floor((room - cur) * window / prev)
    or start + 2 * window - floor(room * window / cur)
  return max(1, ends - now)
end

-- Why a take is refused before anything is cleared, as its answer; or nil, and the bid that it makes; or nil, nil, and
-- what is not covered beside the most that others of this call may come to.
local function judged(take)
  if not b then return not_taken('unknown', 'there is no bucket ' .. input.bucket) end
  local account = taker(take.agent)
  local saved = held_before(take, account)
  if saved then return saved end
  if not account or account.kind ~= 'agent' then return not_taken('unknown', 'there is no agent ' .. take.agent) end
  if take.by ~= take.agent and account.host ~= take.by then
    return not_taken('not-permitted', take.by .. ' does not speak for ' .. take.agent)
  end
  local barred = take.barred
  if barred then return not_taken(barred.detail, barred.message, { rule = barred.rule }) end
  local amounts, why = amounts_of(take.amounts)
  local least, why_least
  if amounts then least, why_least = least_of(take, amounts) end
  if not least then return not_taken('malformed', why or why_least) end
  local class = account.class
  for i, l in ipairs(b.limits) do
    local most = most_of(b, l, class)
    if least[i] > most then
      return not_taken('no-capacity', 'of ' .. l.name .. ' at most ' .. most .. ' can ever be had at once')
    end
  end
  if take.ttlMs > b.spec.maxTtlMs then
    return not_taken('malformed', 'tokens are held for at most ' .. b.spec.maxTtlMs .. ' ms')
  end
  local who = account.owner or account.id
  local use, weight = use_of(who), weight_of(b, amounts)
  local noise = noise_permille(use, WHOLE_WINDOW, b.spec.noiseMaxPermille)
  local offered = offered_rate(b, amounts, take.maxPrice, noise)
  if not offered then
    local least_price = digits(min(MAX_MICRO, cost_of(b, amounts, 1000, noise)))
    -- Noise passes: who could pay without it need only wait.
    if take.maxPrice >= cost_of(b, amounts, 1000, 1000) then
      return not_taken('below-reserve-price', 'with what ' .. who .. ' took of late this costs ' .. least_price, {
        wait = { ms = NOISE_WAIT_MS, priceMicro = least_price, system = class == 'system' or nil },
      })
    end
    return not_taken('below-reserve-price', 'this costs at least ' .. least_price, { priceMicro = least_price })
  end
  if b.spec.ownerMaxPermille < 1000 then
    local room = b.spec.ownerMaxPermille * 1000 - weight
    if room < 0 then return not_taken('no-capacity', 'an owner\'s agents never have so much together') end
    local wait = cap_wait(who, room)
    if wait then
      return not_taken('token-limit', 'the agents of ' .. who .. ' took their share of late',
        { wait = {
          ms = min(wait, MAX_WAIT_MS), priceMicro = digits(cost_of(b, amounts, 1000, noise)),
          system = class == 'system' or nil,
        } })
    end
  end
  -- What a lent reserve alone could give waits apart: among the others it would keep them from what is there.
  for i, l in ipairs(b.limits) do
    if least[i] > l.capacity - floor_of(b, l, class) then
      return not_taken('token-limit', 'the reserve of ' .. l.name .. ' is not lent now', {
        wait = { ms = b.system_at + b.spec.lendAfterMs - now, priceMicro = digits(cost_of(b, amounts, 1000, noise)) },
      })
    end
  end
  local before = spent[account.id] or 0
  if account.available - before < take.maxPrice
    or beyond_rules(take.bounds, { payer = account.pending + before + take.maxPrice })
    or budget_try(desk, account, take.maxPrice) then
    return nil, nil, {
      take = take, account = account, class = class, amounts = amounts, offered = offered, use = use, noise = noise,
    }
  end
  spent[account.id] = before + take.maxPrice
  taken[who] = (taken[who] or 0) + weight
  return nil, {
    take = take, account = account, who = who, class = class, amounts = amounts, least = least, offered = offered,
    use = use, noise = noise,
  }
end

local function told(bid)
  if not bid.granted then
    return not_taken('token-limit', now < b.paused_until and 'the upstream asked for a pause' or 'others come first', {
      wait = {
        ms = bid.wait_ms, priceMicro = digits(min(MAX_MICRO, cost_of(b, bid.amounts, bid.rate, bid.noise))),
        system = bid.class == 'system' or nil, offeredPermille = bid.offered,
      },
    })
  end
  return told_as(bid.text)
end

-- What a take under a hold that was asked for in this very call gets: the same answer, if it is the same take.
local function repeated(take, before, answer)
  if before.digest ~= take.digest or before.agent ~= take.agent or before.by ~= take.by then
    return not_taken('duplicate', 'there is a hold ' .. take.hold .. ': take a new id')
  end
  local again = string.find(answer, '"ok":true', 1, true) and not string.find(answer, '"replayed":', 1, true)
  return again and '{"replayed":true,' .. string.sub(answer, 2) or answer
end

-- Charges a payment on the desk; returns what to keep beside it, or nil where nothing was charged.
local function charge_on(charges, budget, amount)
  if not budget or amount == 0 then return nil end
  local charged = {}
  local _, _, chain = take_from(charges, budget, amount, true)
  for n, one in ipairs(chain) do charged[n] = one.id .. ':' .. one.start end
  return table.concat(charged, ',')
end

-- Whether what was not covered before is covered now that the others have paid what it came to.
local function told_uncovered(one, moved, charges)
  local most, left = one.take.maxPrice, one.account.available - (moved[one.account.id] or 0)
  if left < most then
    return not_taken('insufficient-credits', 'it may cost ' .. digits(most) .. ', available: ' .. digits(left))
  end
  local pending = one.account.pending + (moved[one.account.id] or 0)
  local broken = beyond_rules(one.take.bounds, { payer = pending + most })
  if broken then return not_taken(broken.detail, broken.message, { rule = broken.rule }) end
  local retry_at, budget = budget_short(charges, one.account, most)
  if retry_at then
    return not_taken('over-budget', budget_lacks(charges, budget), { retryAt = retry_at > 0 and retry_at or nil })
  end
  return not_taken('token-limit', 'what others may have come to was set aside first', {
    wait = { ms = 1, priceMicro = digits(cost_of(b, one.amounts, 1000, one.noise)), system = one.class == 'system' or nil },
  })
end

-- The journal entry of what a bid won: the hold's record, and its answer. `rest` is what its clearing left; the last one's alone.
local function entry_of(bid, rate, rest)
  local take, units, amounts = bid.take, {}, {}
  for i, l in ipairs(b.limits) do
    if bid.amounts[i] > 0 then
      units[l.name], amounts[l.name] = digits(unit_price(l.price, bid.rate, bid.noise)), bid.granted[i]
    end
  end
  return {
    kind = 'take', at = now, by = take.by, digest = take.digest, hold = take.hold, agent = take.agent, who = bid.who,
    class = bid.class, bucket = b.id, payee = b.account, amounts = amounts, unitsMicro = units,
    amountMicro = digits(bid.amount), maxPrice = take.maxPrice, ratePermille = bid.rate, noisePermille = bid.noise,
    clearingPermille = rate, expiresAt = now + take.ttlMs, budgets = bid.budgets, left = rest,
  }
end

local stale = rules_moved(input.policy)
if stale then
  local all = {}
  for i = 1, #input.takes do all[i] = not_taken('stale', stale) end
  return '{"answers":[' .. table.concat(all, ',') .. '],"left":{}}'
end
local bids, answers, first, uncovered, order = {}, {}, {}, {}, {}
for i, take in ipairs(input.takes) do
  first[i] = seen[take.hold]
  if not first[i] then
    seen[take.hold], order[#order + 1] = i, i
    answers[i], bids[i], uncovered[i] = judged(take)
  end
end
-- Whoever is served first is covered first: else what waits in vain would keep others from a budget that they share.
if next(uncovered) then
  local again = {}
  for _, i in ipairs(order) do
    local bid = bids[i] or uncovered[i]
    if bid then
      bid.index, again[#again + 1] = i, bid
    end
  end
  desk, spent, taken = budget_desk(), {}, {}
  for place, bid in ipairs(ranked(b, again)) do
    order[place] = bid.index
    answers[bid.index], bids[bid.index], uncovered[bid.index] = judged(bid.take)
  end
  for place = #again + 1, #order do order[place] = nil end
end
local cleared = {}
for _, i in ipairs(order) do
  if bids[i] then cleared[#cleared + 1] = bids[i] end
end
local rate = b and clear_tokens(b, cleared)
-- Whole tokens that are left of each limit, below zero where more was used than held; while it is paused, of none.
local left, last = {}, nil
for _, l in ipairs(b and now >= b.paused_until and b.limits or {}) do left[l.name] = floor(l.level / TOKEN) end
for i, bid in ipairs(cleared) do
  if bid.granted then last = i end
end

-- From here on it is written.
local won, moved, due, used, charges = {}, {}, {}, {}, budget_desk()
for i, bid in ipairs(cleared) do
  if bid.granted then
    won[#won + 1] = bid
    -- Rounding up each token's price must not take more than was offered.
    bid.amount = min(bid.take.maxPrice, cost_of(b, bid.granted, bid.rate, bid.noise))
    moved[bid.account.id] = (moved[bid.account.id] or 0) + bid.amount
    used[bid.who] = (used[bid.who] or 0) + weight_of(b, bid.granted)
    bid.budgets = charge_on(charges, bid.account.budget, bid.amount)
    bid.text = cjson.encode(entry_of(bid, rate, i == last and left or nil))
    redis.call('SET', key('hold', bid.take.hold), bid.text)
    due[#due + 1], due[#due + 2] = now + bid.take.ttlMs, 'hold:' .. bid.take.hold
    if bid.class == 'system' then b.system_at = now end
  end
end
if #won > 0 then
  save_budgets(charges)
  for id, amount in pairs(moved) do
    if amount > 0 then
      redis.call('HINCRBY', key('acct', id), 'available', -amount)
      redis.call('HINCRBY', key('acct', id), 'pending', amount)
    end
  end
  local recent = {}
  for who, weight in pairs(used) do
    -- Of a bucket that large, a take may be too little to count.
    if weight > 0 then recent[#recent + 1], recent[#recent + 2] = who, used_more(uses[who], weight, b.spec.noiseWindowMs) end
  end
  save_uses(taken_key(b), recent, b.spec.noiseWindowMs)
  redis.call('ZADD', key('deadlines'), unpack(due))
  b.spot = rate
  if rate > 1000 then b.scarce_at = now end
  save_bucket(b)
  local seq = redis.call('HINCRBY', META, 'seq', #won) - #won
  redis.call('HSET', META, 'clock', now)
  for n, bid in ipairs(won) do redis.call('XADD', key('journal'), (seq + n) .. '-0', 'entry', bid.text) end
end
for i, bid in pairs(bids) do answers[i] = told(bid) end
for i, one in pairs(uncovered) do answers[i] = told_uncovered(one, moved, charges) end
for i, take in ipairs(input.takes) do
  if first[i] then answers[i] = repeated(take, input.takes[first[i]], answers[first[i]]) end
end
return '{"answers":[' .. table.concat(answers, ',') .. '],"left":' .. cjson.encode(left) .. '}'
