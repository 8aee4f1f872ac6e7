-- Slots: their keys, and numbers kept as one comma-separated field.
-- include: market
-- How long a call may stay open at most, and how long what has ended is remembered: no shorter than the former.
local CALL_LIFE_MS = 86400000
local ENDED_KEPT_MS = 86400000

local function slot_key(pool, n) return key('slot', pool .. ':' .. n) end
local function lock_key(pool, n) return key('lock', pool .. ':' .. n) end

-- A price's digits as a number, zero allowed, or nil where they are none.
local function price_of(text)
  if text == '0' then return 0 end
  return amount_of(text)
end

local function numbers(text)
  local list = {}
  for n in string.gmatch(text, '%d+') do list[#list + 1] = tonumber(n) end
  return list
end

-- Whether an agent is still a pool's seller: an operator may have named another since it opened its calls.
local function sells(agent, pool) return redis.call('HGET', key('pool', pool), 'seller') == agent end

-- Whether the negotiation lock on every slot still has this value, and no slot was awarded since the call opened.
local function still_held(pool, slots, fences, value)
  for i, n in ipairs(slots) do
    if redis.call('GET', lock_key(pool, n)) ~= value then
      return false, 'the negotiation lock on slot ' .. n .. ' is no longer this call\'s'
    end
    local slot = redis.call('HMGET', slot_key(pool, n), 'fence', 'contract')
    if tonumber(slot[1] or '0') ~= fences[i] or (slot[2] and slot[2] ~= '') then
      return false, 'slot ' .. n .. ' was awarded since this call opened'
    end
  end
  return true
end

-- Drops the locks that are still this call's.
local function unlock(pool, slots, value)
  for _, n in ipairs(slots) do
    if redis.call('GET', lock_key(pool, n)) == value then redis.call('DEL', lock_key(pool, n)) end
  end
end

-- Gives a slot to a contract, under a new fence.
local function take_slot(pool, n, fence, contract)
  redis.call('HSET', slot_key(pool, n), 'fence', fence, 'contract', contract)
  redis.call('SREM', key('free', pool), n)
end

-- Frees a contract's slots; the call that they were sold in is forgotten a day after the last of its contracts.
local function free_slots(pool, slots, cfp)
  for _, n in ipairs(slots) do
    redis.call('HSET', slot_key(pool, n), 'contract', '')
    redis.call('SADD', key('free', pool), n)
  end
  if redis.call('HINCRBY', key('cfp', cfp), 'leases', -1) == 0 then
    redis.call('PEXPIRE', key('cfp', cfp), ENDED_KEPT_MS)
  end
end

-- The intent of a cheque that is cashed names its contract, and until when the cheque holds where no call lives so long.
local function win_intent(cheque, contract)
  local far = cheque.until_ms - now > CALL_LIFE_MS and '|' .. cheque.until_ms or ''
  redis.call('SET', key('intent', cheque.participant .. ':' .. cheque.intent), contract .. far)
end

-- Its contract has ended: it is remembered for a day, and as long as its cheque holds, because the id under which that
-- was sealed is free again by then.
local function leave_intent(c)
  local name = key('intent', c.participant .. ':' .. c.intent)
  local till = string.match(redis.call('GET', name) or '', '|(%d+)$')
  redis.call('PEXPIRE', name, max(ENDED_KEPT_MS, (tonumber(till) or 0) - now))
end
