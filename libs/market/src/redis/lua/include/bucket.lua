-- Buckets: how one fills and is emptied; libs/credits/src/bucket-flow.ts states the same rules. Levels are in
-- millionths of a token; amounts are lists of whole tokens in the order of the bucket's limits, 0 where none is named.
-- include: posting
-- include: noise
local TOKEN = 1000000
local WHOLE_WINDOW = 1000000
local STEP_MS = 1000
local MAX_PAUSE_MS = 600000
local MAX_WAIT_MS = 86400000
local HOLD_KEPT_MS = 600000

-- Concatenation and tostring would keep 14 digits alone.
local function digits(n) return string.format('%.0f', n) end

-- Whether one text comes before another by its bytes: Lua's own comparison goes by the server's locale.
local function compare_bytes(one, other)
  for i = 1, min(#one, #other) do
    local a, z = string.byte(one, i), string.byte(other, i)
    if a ~= z then return a < z end
  end
  return #one < #other
end

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

-- Numbers by name as they are kept: `requests=1,tokens=3000`, in the order of the names' bytes.
local function names_text(by_name)
  local names, parts = {}, {}
  for name in pairs(by_name) do names[#names + 1] = name end
  table.sort(names, compare_bytes)
  for i, name in ipairs(names) do parts[i] = name .. '=' .. digits(by_name[name]) end
  return table.concat(parts, ',')
end

local function pairs_from(text)
  local by_name = {}
  for name, n in string.gmatch(text or '', '([^=,]+)=(%d+)') do by_name[name] = tonumber(n) end
  return by_name
end

local HOLD_FIELDS = { 'state', 'agent', 'who', 'class', 'bucket', 'payee', 'digest', 'amounts', 'units', 'amount', 'rate',
  'noise', 'expiresAt', 'at', 'budgets', 'paid', 'sold', 'endedAt', 'offerTo', 'offerAmounts', 'offerPrice', 'endKey',
  'endDigest', 'answer' }

-- A hold, or nil where there is none, or none any more.
local function hold_of(id)
  local f = redis.call('HMGET', key('hold', id), unpack(HOLD_FIELDS))
  if not f[1] or (f[18] and now >= tonumber(f[18]) + HOLD_KEPT_MS) then return nil end
  return {
    id = id, state = f[1], agent = f[2], who = f[3], class = f[4], bucket = f[5], payee = f[6], digest = f[7],
    amounts_text = f[8], units_text = f[9], amounts = pairs_from(f[8]), units = pairs_from(f[9]), amount = tonumber(f[10]),
    rate = tonumber(f[11]), noise = tonumber(f[12]), expires_at = tonumber(f[13]), at = tonumber(f[14]),
    budgets = f[15] or nil, paid = tonumber(f[16] or '0'), sold = pairs_from(f[17] or ''), offer_to = f[19],
    offer_amounts = f[20], offer_price = tonumber(f[21] or '0'), end_key = f[22], end_digest = f[23], answer = f[24],
  }
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
local function in_hand(h, name) return (h.amounts[name] or 0) - (h.sold[name] or 0) end

-- A hold as it is told: what was taken, whatever became of it since.
local function held_reply(h)
  local units = {}
  for name, price in pairs(h.units) do units[name] = digits(price) end
  return {
    ok = true, hold = h.id, bucket = h.bucket, agent = h.agent, amounts = h.amounts, unitsMicro = units,
    amountMicro = digits(h.amount), ratePermille = h.rate, noisePermille = h.noise, expiresAt = h.expires_at, at = h.at,
  }
end

-- Why nothing is in hand; `more` has wait, retryAt, priceMicro.
local function not_taken(detail, message, more)
  local reply = more or {}
  reply.ok, reply.detail, reply.message = false, detail, message
  return cjson.encode(reply)
end

-- The saved answer to who asks for a hold again, if there is one; else whether one of that id was forgotten. `account`
-- is that of the agent it asks for.
local function held_before(asked, account)
  if redis.call('EXISTS', key('hold', asked.hold)) == 0 then return nil, false end
  local h = hold_of(asked.hold)
  if not h then return nil, true end
  local same = h.digest == asked.digest and h.agent == asked.agent and account
    and (asked.by == account.id or account.host == asked.by)
  if not same then return not_taken('duplicate', 'there is a hold ' .. asked.hold .. ': take a new id') end
  local reply = held_reply(h)
  reply.replayed = true
  return cjson.encode(reply)
end

-- Stores a hold that is new; one of the same id that was forgotten leaves nothing behind.
local function put_hold(h)
  local name = key('hold', h.id)
  if h.forgotten then redis.call('DEL', name) end
  redis.call('HSET', name, 'state', 'held', 'agent', h.agent, 'who', h.who, 'class', h.class, 'bucket', h.bucket,
    'payee', h.payee, 'digest', h.digest, 'amounts', h.amounts_text, 'units', h.units_text, 'amount', h.amount,
    'rate', h.rate, 'noise', h.noise, 'expiresAt', h.expires_at, 'at', h.at)
  if h.budgets then redis.call('HSET', name, 'budgets', h.budgets) end
end

-- Ends a hold and the payment that it is: `posted` of what is still set aside goes to the bucket's account, the rest
-- back, to its budgets too. Other fields to keep follow.
local function end_hold(h, state, posted, ...)
  local account, pending = key('acct', h.agent), h.amount - h.paid
  if pending > 0 then redis.call('HINCRBY', account, 'pending', -pending) end
  if pending > posted then
    redis.call('HINCRBY', account, 'available', pending - posted)
    if h.budgets then give_back_to_budgets(h.budgets, pending - posted) end
  end
  if posted > 0 then redis.call('HINCRBY', key('acct', h.payee), 'available', posted) end
  local name = key('hold', h.id)
  redis.call('HSET', name, 'state', state, 'paid', h.paid + posted, 'endedAt', now, ...)
  redis.call('PEXPIRE', name, HOLD_KEPT_MS)
  redis.call('ZREM', key('deadlines'), 'hold:' .. h.id)
end

-- Whether `by` is the holder or the host that may speak for it.
local function speaks_for_holder(by, agent)
  return by == agent or redis.call('HGET', key('acct', agent), 'host') == by
end

-- A list of amounts in the order of the limits from amounts by name.
local function by_limit(b, named)
  local amounts = {}
  for i, l in ipairs(b.limits) do amounts[i] = named[l.name] or 0 end
  return amounts
end

-- Counts more, or less, as somebody's recent use.
local function count_use(b, who, weight)
  if weight == 0 then return end
  local use = redis.call('HGET', taken_key(b), who)
  redis.call('HSET', taken_key(b), who, used_more(use, weight, b.spec.noiseWindowMs))
end
