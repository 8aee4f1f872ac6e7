-- The only place where credits move: each posting changes two balances by HINCRBY, and callers check first.
-- include: market
local MAX_MICRO = 99999999999999
local MAX_EXACT = 9007199254740991
local ENDED_TRANSFER_KEPT_MS = 86400000

local function account_of(id)
  local f = redis.call('HMGET', key('acct', id), 'kind', 'class', 'available', 'pending', 'nkey', 'host')
  if not f[1] then return nil end
  return {
    id = id, kind = f[1], class = f[2], available = tonumber(f[3]), pending = tonumber(f[4]), nkey = f[5], host = f[6],
  }
end

local function put_transfer(id, debit, credit, amount, state, posted, expires_at, tags)
  local name = key('xfer', id)
  redis.call('HSET', name, 'debit', debit, 'credit', credit, 'amount', amount, 'state', state, 'posted', posted,
    'expiresAt', expires_at or '', 'tags', tags)
  if state ~= 'pending' then redis.call('PEXPIRE', name, ENDED_TRANSFER_KEPT_MS) end
end

-- Moves credits at once.
local function post_single(id, debit, credit, amount, tags)
  redis.call('HINCRBY', key('acct', debit), 'available', -amount)
  redis.call('HINCRBY', key('acct', credit), 'available', amount)
  put_transfer(id, debit, credit, amount, 'posted', amount, nil, tags)
end

-- Sets credits of the debited account aside until end_pending. A lease's transfer passes no expires_at: the
-- lease's own end settles it.
local function open_pending(id, debit, credit, amount, expires_at, tags)
  redis.call('HINCRBY', key('acct', debit), 'available', -amount)
  redis.call('HINCRBY', key('acct', debit), 'pending', amount)
  put_transfer(id, debit, credit, amount, 'pending', 0, expires_at, tags)
  if expires_at then redis.call('ZADD', key('deadlines'), expires_at, 'xfer:' .. id) end
end

-- Ends a pending transfer: `posted` of its amount goes to the credited account, the rest back.
local function end_pending(id, debit, credit, amount, posted, state)
  redis.call('HINCRBY', key('acct', debit), 'pending', -amount)
  if amount > posted then redis.call('HINCRBY', key('acct', debit), 'available', amount - posted) end
  if posted > 0 then redis.call('HINCRBY', key('acct', credit), 'available', posted) end
  local name = key('xfer', id)
  redis.call('HSET', name, 'state', state, 'posted', posted)
  redis.call('PEXPIRE', name, ENDED_TRANSFER_KEPT_MS)
  redis.call('ZREM', key('deadlines'), 'xfer:' .. id)
end
