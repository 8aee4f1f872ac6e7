-- Buckets: how one fills and is emptied; libs/credits/src/bucket-flow.ts states the same rules. Levels are in
-- millionths of a token; amounts are lists of whole tokens in the order of the bucket's limits, 0 where none is named.
-- include: posting
-- include: noise
-- include: hold
local TOKEN = 1000000
local WHOLE_WINDOW = 1000000
local STEP_MS = 1000
local MAX_WAIT_MS = 86400000
local HOLD_KEPT_MS = 600000

-- Concatenation and tostring would keep 14 digits alone.
local function digits(n) return string.format('%.0f', n) end

-- A level as far as the capacity has room: so much above zero, or below it.
local function within(capacity, level) return max(-capacity * TOKEN, min(capacity * TOKEN, level)) end

local function fill(b, until_ms)
  local ms = until_ms - b.at
  if ms <= 0 then return end
  for _, l in ipairs(b.limits) do
    l.level = min(l.capacity * TOKEN, l.level + floor(l.refillMilli * ms * b.factor / 1000))
  end
  b.at = until_ms
end

-- Brings a working copy to `now`; stored with the next change.
local function advance(b)
  local increase = b.spec.increasePermille
  while b.factor < 1000 and increase > 0 and b.factor_at + STEP_MS <= now do
    local edge = b.factor_at + STEP_MS
    fill(b, edge)
    b.factor, b.factor_at = min(1000, b.factor + increase), edge
  end
  fill(b, now)
end

-- A working copy of a bucket as it stands now, or nil.
local function bucket_of(id)
  local f = redis.call('HMGET', key('bucket', id), 'spec', 'at', 'factor', 'factorAt', 'pausedUntil', 'cutAt',
    'systemAt', 'spotPermille', 'scarceAt', 'levels')
  if not f[1] then return nil end
  local spec = cjson.decode(f[1])
  local b = {
    id = id, spec = spec, account = spec.account, limits = spec.limits, at = tonumber(f[2]), factor = tonumber(f[3]),
    factor_at = tonumber(f[4]), paused_until = tonumber(f[5]), cut_at = tonumber(f[6]), system_at = tonumber(f[7]),
    spot = tonumber(f[8]), scarce_at = tonumber(f[9]),
  }
  local i = 0
  for level in string.gmatch(f[10], '-?%d+') do
    i = i + 1
    b.limits[i].level = tonumber(level)
  end
  advance(b)
  return b
end

-- Stores what changes of a bucket.
local function save_bucket(b)
  local levels = {}
  for i, l in ipairs(b.limits) do levels[i] = digits(l.level) end
  redis.call('HSET', key('bucket', b.id), 'at', b.at, 'factor', b.factor, 'factorAt', b.factor_at,
    'pausedUntil', b.paused_until, 'cutAt', b.cut_at, 'systemAt', b.system_at, 'spotPermille', b.spot,
    'scarceAt', b.scarce_at, 'levels', table.concat(levels, ','))
end

local function floor_of(b, l, class)
  if class == 'system' then return 0 end
  local lend_after = b.spec.lendAfterMs
  if lend_after > 0 and now - b.system_at >= lend_after then return 0 end
  return l.reserve
end

local function unit_price(price, rate, noise)
  return min(MAX_MICRO, ceil(price * rate * noise / 1000000))
end

local function cost_of(b, amounts, rate, noise)
  local sum = 0
  for i, l in ipairs(b.limits) do sum = sum + amounts[i] * unit_price(l.price, rate, noise) end
  return sum
end

-- What a take counts for in recent use, in millionths of what the noise window can give.
local function weight_of(b, amounts)
  local weight = 0
  for i, l in ipairs(b.limits) do
    local whole = max(1, floor(l.refillMilli * b.spec.noiseWindowMs / 1000000))
    weight = max(weight, floor(amounts[i] * 1000000 / whole))
  end
  return weight
end

local function taken_key(b) return key('taken', b.id) end

-- A hold, or nil where there is none, or none any more.
local function hold_of(id)
  local taken_text, since = hold_record(id)
  if not taken_text then return nil end
  if since.endedAt and now >= since.endedAt + HOLD_KEPT_MS then return nil end
  local h = cjson.decode(taken_text)
  h.taken_text, h.since, h.amount, h.units = taken_text, since, 0, {}
  for name, price in pairs(h.unitsMicro) do h.units[name] = tonumber(price) end
  h.amount = tonumber(h.amountMicro)
  return h
end

-- Stores what became of a hold; one that has ended is remembered for a while.
local function save_hold(h)
  local text = h.taken_text .. '\n' .. cjson.encode(h.since)
  if not h.since.endedAt then return redis.call('SET', key('hold', h.hold), text) end
  redis.call('SET', key('hold', h.hold), text, 'PX', HOLD_KEPT_MS)
end

-- What the budgets of an account have left, nothing borrowed.
local function budget_room(desk, id)
  local room, budget = MAX_MICRO, budget_on(desk, id)
  while budget do
    room = min(room, max(0, budget.allowance - budget.used), MAX_EXACT - budget.total)
    budget = budget.parent and budget_on(desk, budget.parent)
  end
  return room
end

-- What a hold's holder still has of a limit.
local function in_hand(h, name) return (h.amounts[name] or 0) - (h.since.sold and h.since.sold[name] or 0) end

-- Why a hold's tokens may not leave its holder's hand now, or nil: what a provider works with is not taken from it.
local function tokens_at_work(h)
  local tasks = h.since.tasks
  return tasks and 'the work of ' .. tasks[1] .. ' has these tokens: when it is over they can be given back or sold'
end

-- A hold as it is told: its entry says more than that, and readers drop what they do not know.
local function told_as(entry_text) return '{"ok":true,' .. string.sub(entry_text, 2) end

-- Why nothing is in hand; `more` has wait, retryAt, priceMicro, rule.
local function not_taken(detail, message, more)
  local reply = more or {}
  reply.ok, reply.detail, reply.message = false, detail, message
  return cjson.encode(reply)
end

-- The saved answer to who asks for a hold again, if there is one, and how it has ended, if it has; `account` is that of the agent it asks for.
local function held_before(asked, account)
  local h = hold_of(asked.hold)
  if not h then return nil end
  local same = h.digest == asked.digest and h.agent == asked.agent and account
    and (asked.by == account.id or account.host == asked.by)
  if not same then return not_taken('duplicate', 'there is a hold ' .. asked.hold .. ': take a new id') end
  local over = h.since.state ~= 'held' and h.since.state or now >= h.expiresAt and 'expired'
  local ended = over and '"ended":"' .. over .. '",' or ''
  return '{"replayed":true,' .. ended .. string.sub(told_as(h.taken_text), 2)
end

-- Ends a hold and the payment that it is: `posted` of what is still set aside goes to the bucket's account, the rest
-- back, to its budgets too. The caller saves it, with what else became of it.
local function end_hold(h, state, posted)
  local account, pending = key('acct', h.agent), h.amount - h.since.paid
  if pending > 0 then redis.call('HINCRBY', account, 'pending', -pending) end
  if pending > posted then
    redis.call('HINCRBY', account, 'available', pending - posted)
    if h.budgets then give_back_to_budgets(h.budgets, pending - posted) end
  end
  if posted > 0 then redis.call('HINCRBY', key('acct', h.payee), 'available', posted) end
  redis.call('ZREM', key('deadlines'), 'hold:' .. h.hold)
  h.since.state, h.since.paid, h.since.endedAt = state, h.since.paid + posted, now
  h.since.offer, h.since.tasks = nil, nil
end

-- A list of amounts in the order of the limits from amounts by name.
local function by_limit(b, named)
  local amounts = {}
  for i, l in ipairs(b.limits) do amounts[i] = named[l.name] or 0 end
  return amounts
end

-- Counts more as somebody's recent use, or less of what was taken `at`.
local function count_use(b, who, weight, at)
  if weight == 0 then return end
  local use = redis.call('HGET', taken_key(b), who)
  save_uses(taken_key(b), { who, used_more(use, weight, b.spec.noiseWindowMs, at) }, b.spec.noiseWindowMs)
end
