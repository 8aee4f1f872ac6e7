-- The only place where credits move: each posting changes two balances by HINCRBY, and callers check first.
-- include: budget
local ENDED_TRANSFER_KEPT_MS = 86400000

-- The budgets of the accounts that this script has read, false where one has none: postings need not ask again.
local spends_from = {}

local function account_of(id)
  local f = redis.call('HMGET', key('acct', id), 'kind', 'class', 'available', 'pending', 'nkey', 'host', 'budget',
    'owner', 'project', 'team')
  if not f[1] then return nil end
  spends_from[id] = f[7]
  return {
    id = id, kind = f[1], class = f[2], available = tonumber(f[3]), pending = tonumber(f[4]), nkey = f[5], host = f[6],
    budget = f[7], owner = f[8], project = f[9], team = f[10],
  }
end

-- Charges what an account pays or sets aside to its budgets; nil where it has none.
local function charge(id, amount)
  local budget = spends_from[id]
  if budget == nil then budget = redis.call('HGET', key('acct', id), 'budget') end
  return budget and charge_budgets(budget, amount) or nil
end

-- Whether `by` is this account's agent, or the host that may speak for it.
local function speaks_for(by, agent)
  return by == agent or redis.call('HGET', key('acct', agent), 'host') == by
end

local function put_transfer(id, debit, credit, amount, state, posted, expires_at, tags, charged)
  local name = key('xfer', id)
  redis.call('HSET', name, 'debit', debit, 'credit', credit, 'amount', amount, 'state', state, 'posted', posted,
    'expiresAt', expires_at or '', 'tags', tags)
  if charged then redis.call('HSET', name, 'budgets', charged) end
  if state ~= 'pending' then redis.call('PEXPIRE', name, ENDED_TRANSFER_KEPT_MS) end
end

-- Moves credits at once.
local function post_single(id, debit, credit, amount, tags)
  redis.call('HINCRBY', key('acct', debit), 'available', -amount)
  redis.call('HINCRBY', key('acct', credit), 'available', amount)
  put_transfer(id, debit, credit, amount, 'posted', amount, nil, tags, charge(debit, amount))
end

-- Sets credits of the debited account aside until end_pending. A lease's transfer passes no expires_at: the
-- lease's own end settles it.
local function open_pending(id, debit, credit, amount, expires_at, tags)
  redis.call('HINCRBY', key('acct', debit), 'available', -amount)
  redis.call('HINCRBY', key('acct', debit), 'pending', amount)
  put_transfer(id, debit, credit, amount, 'pending', 0, expires_at, tags, charge(debit, amount))
  if expires_at then redis.call('ZADD', key('deadlines'), expires_at, 'xfer:' .. id) end
end

-- Ends a pending transfer: `posted` of its amount goes to the credited account, the rest back, to its budgets too.
-- `charged` is the transfer's field `budgets` where the caller has read it (false: it has none).
local function end_pending(id, debit, credit, amount, posted, state, charged)
  redis.call('HINCRBY', key('acct', debit), 'pending', -amount)
  local name, back = key('xfer', id), amount - posted
  if back > 0 then
    redis.call('HINCRBY', key('acct', debit), 'available', back)
    if charged == nil then charged = redis.call('HGET', name, 'budgets') end
    if charged then give_back_to_budgets(charged, back) end
  end
  if posted > 0 then redis.call('HINCRBY', key('acct', credit), 'available', posted) end
  redis.call('HSET', name, 'state', state, 'posted', posted)
  redis.call('PEXPIRE', name, ENDED_TRANSFER_KEPT_MS)
  redis.call('ZREM', key('deadlines'), 'xfer:' .. id)
end
