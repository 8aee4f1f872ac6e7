-- What a pool lets whom hold: the wall around its priority reserve, the cap of an owner's agents, the price of noise.
-- include: slots
-- include: noise

-- In whose name slots count: the owner's, or for who has none its own.
local function who_of(account) return account.owner or account.id end

-- How many slots the agents of an owner hold; counted only where a pool has a cap.
local function owned_by(pool, who) return tonumber(redis.call('HGET', key('owned', pool), who) or '0') end

-- Why an account may not have `units` more slots of a pool, or nil. `walled` and `owned` are what goes along with it, of
-- class standard and in its owner's name; below zero for what it gives back.
local function kept_from(account, pool, units, walled, owned)
  local p = redis.call('HMGET', key('pool', pool), 'slots', 'reserve', 'standardHeld', 'ownerMax')
  local most = tonumber(p[4] or '0')
  if most > 0 and owned_by(pool, who_of(account)) + owned + units > most then return 'over-budget' end
  if account.class ~= 'system' and tonumber(p[3] or '0') + walled + units > tonumber(p[1]) - tonumber(p[2]) then
    return 'reserved-for-system'
  end
  return nil
end

-- Counts slots that are taken under a class and in an owner's name (nil, false or empty: nobody counts), or below
-- zero are free again.
local function count_held(pool, n, class, owner)
  if class == 'standard' then redis.call('HINCRBY', key('pool', pool), 'standardHeld', n) end
  if owner and owner ~= '' and redis.call('HINCRBY', key('owned', pool), owner, n) == 0 then
    redis.call('HDEL', key('owned', pool), owner)
  end
end

-- By what the recent purchases of `who` multiply its price in a pool (slots, max, window), in thousandths.
local function noise_of(pool, who)
  local usage = recent_use(redis.call('HGET', key('bought', pool.id), who), pool.noise_window)
  return noise_permille(usage, pool.slots * pool.noise_window, pool.noise_max)
end

-- A price with noise, a started micro-credit counts; split, so that where it is an amount it is exact.
local function noisy(price, noise)
  return floor(price / 1000) * noise + ceil(price % 1000 * noise / 1000)
end

-- Remembers slot-milliseconds that were bought; below zero of what was bought `at`.
local function note_use(pool, who, amount, at)
  local name = key('bought', pool.id)
  save_uses(name, { who, used_more(redis.call('HGET', name, who), amount, pool.noise_window, at) }, pool.noise_window)
end

-- The same of a pool by its id, where noise has a price in it; below zero for what was not paid after all.
local function note_work(pool, who, amount, at)
  local p = redis.call('HMGET', key('pool', pool), 'noiseMaxPermille', 'noiseWindowMs')
  if tonumber(p[1] or '0') > 1000 then note_use({ id = pool, noise_window = tonumber(p[2]) }, who, amount, at) end
end
