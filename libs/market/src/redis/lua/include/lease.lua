-- A lease's payments: one pending transfer per term, each posted once, in full or for the time used.
-- include: posting
-- include: slots

-- What `used` ms of a term of `duration` ms cost: a started millionth of the term counts, and so does a started
-- micro-credit. Split at 10^6 so that no product leaves the 53 bits of a double.
local function cost_of_use(amount, used, duration)
  local millionths = ceil(min(used, duration) * 1000000 / duration)
  local high, low = floor(amount / 1000000), amount % 1000000
  return high * millionths + ceil(low * millionths / 1000000)
end

local function contract_of(id)
  local f = redis.call('HMGET', key('contract', id), 'state', 'cfp', 'pool', 'participant', 'payee', 'units', 'slots',
    'startedAt', 'until', 'durationMs', 'terms', 'endedTerms', 'amount', 'paid', 'intent', 'kind', 'graceMs', 'idleMs',
    'compensationPermille', 'heardAt', 'class', 'lent', 'owner', 'deposit')
  -- A task's contract has a kind.
  if not f[1] or f[16] then return nil end
  return {
    id = id, state = f[1], cfp = f[2], pool = f[3], participant = f[4], payee = f[5], units = tonumber(f[6]),
    slots = numbers(f[7]), started_at = tonumber(f[8]), until_ms = tonumber(f[9]), duration = tonumber(f[10]),
    terms = tonumber(f[11]), ended_terms = tonumber(f[12]), amount = tonumber(f[13]), paid = tonumber(f[14]),
    intent = f[15], grace = tonumber(f[17] or '0'), idle = tonumber(f[18] or '0'),
    compensation = tonumber(f[19] or '0'), heard_at = tonumber(f[20] or '0'),
    class = f[21], lent = f[22], owner = f[23], deposit = f[24] and tonumber(f[24]),
  }
end

-- When the clock ends a lease, and as what: before its last term is over where its holder was silent for longer than
-- its pool bears.
local function due_of(c)
  local at, outcome = c.until_ms, 'expired'
  if c.state == 'awarded' and c.grace > 0 and c.started_at + c.grace < at then
    at, outcome = c.started_at + c.grace, 'unstarted'
  elseif c.state == 'running' and c.idle > 0 and c.heard_at + c.idle < at then
    at, outcome = c.heard_at + c.idle, 'idle'
  end
  return at, outcome
end

-- The transfer that pays term `n`. The dot keeps it apart from every id that a caller may give a transfer.
local function term_id(contract, n) return contract .. '.t' .. n end

-- A lease costs this share of its first term at least: a slot that is won and let go at once was kept from others.
local LEAST_SHARE = 10
local function least_used(c) return ceil(c.duration / LEAST_SHARE) end

-- Ends the terms of a lease that are over at `at`, and where `all` is set the running and the coming one too; of the
-- first one at least the share `least` counts as used.
-- Returns how many terms have ended and how much was posted by this call.
local function end_terms(c, at, all, least)
  local posted_sum, ended = 0, c.ended_terms
  for n = c.ended_terms + 1, c.terms do
    local starts = c.started_at + (n - 1) * c.duration
    local over = at >= starts + c.duration
    if not over and not all then break end
    local id = term_id(c.id, n)
    local f = redis.call('HMGET', key('xfer', id), 'amount', 'budgets')
    local amount = tonumber(f[1] or '0')
    if amount > 0 then
      local used = max(at - starts, n == 1 and least or 0)
      local posted = over and amount or cost_of_use(amount, max(used, 0), c.duration)
      end_pending(id, c.participant, c.payee, amount, posted, posted > 0 and 'posted' or 'voided', f[2])
      posted_sum = posted_sum + posted
    end
    ended = n
  end
  return ended, posted_sum
end

-- What terms that are over by `at`, and not paid yet, set aside.
local function over_terms(c, at)
  local sum = 0
  for n = c.ended_terms + 1, c.terms do
    if at < c.started_at + n * c.duration then break end
    sum = sum + tonumber(redis.call('HGET', key('xfer', term_id(c.id, n)), 'amount') or '0')
  end
  return sum
end

-- Opens the payment of a lease's term; a slot sold at price zero has none.
local function open_term(contract, n, participant, payee, amount, pool)
  if amount == 0 then return end
  open_pending(term_id(contract, n), participant, payee, amount, nil,
    cjson.encode({ agent = participant, pool = pool, contract = contract }))
end

-- What the seller gives for slots that it took back: from what the pool's account has.
local function compensate(c, amount)
  if amount == 0 then return end
  post_single(c.id .. '.c', c.payee, c.participant, amount,
    cjson.encode({ agent = c.participant, pool = c.pool, contract = c.id }))
end
