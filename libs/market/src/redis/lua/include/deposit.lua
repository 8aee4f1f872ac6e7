-- What a call asks of its bidders: laid down before they bid, given back unless the winner does not begin.
-- include: posting

-- At most so many bidders: the award gives all of them back what is theirs.
local MAX_DEPOSITS = 512

-- The dots keep it apart from every id that a caller may give a transfer.
local function deposit_id(cfp, agent) return cfp .. '.d.' .. agent end

-- `<cfp>` → how many leases each depositor has yet to begin; 0 before the award.
local function deposited(cfp, agent) return redis.call('HEXISTS', key('deposits', cfp), agent) == 1 end

-- What this script has ended, as everybody is told; an award of several calls asks after each.
local ended_deposits = {}
local function told_deposits()
  local told = ended_deposits
  ended_deposits = {}
  return #told > 0 and told or nil
end

-- `call`: cfp, pool, payee, deposit, of the call or of a contract that came of it.
local function end_deposit(call, agent, forfeited)
  local amount = call.deposit
  redis.call('HDEL', key('deposits', call.cfp), agent)
  end_pending(deposit_id(call.cfp, agent), agent, call.payee, amount, forfeited and amount or 0,
    forfeited and 'posted' or 'voided')
  ended_deposits[#ended_deposits + 1] = {
    cfp = call.cfp, pool = call.pool, agent = agent, amountMicro = tostring(amount),
    state = forfeited and 'forfeited' or 'returned', at = now,
  }
end

-- Gives back what the bidders of a call laid down, but to those who have leases to begin: `kept` is how many.
local function return_deposits(call, kept)
  local agents = redis.call('HKEYS', key('deposits', call.cfp))
  table.sort(agents)
  for _, agent in ipairs(agents) do
    if kept[agent] then
      redis.call('HSET', key('deposits', call.cfp), agent, kept[agent])
    else
      end_deposit(call, agent, false)
    end
  end
  redis.call('ZREM', key('deadlines'), 'deposit:' .. call.cfp)
end

-- A lease with a deposit has begun or ended: with the last one it goes back, with the first one that nobody came for
-- to the pool.
local function lease_met(c, forfeited)
  local left = redis.call('HGET', key('deposits', c.cfp), c.participant)
  if not left then return end
  if forfeited or left == '1' then
    end_deposit(c, c.participant, forfeited)
  else
    redis.call('HINCRBY', key('deposits', c.cfp), c.participant, -1)
  end
end
