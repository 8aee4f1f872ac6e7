#!lua
-- Opens a pool of identical slots, all free, or changes the prices and rules of one that exists.
-- KEYS: meta
-- ARGV: by, key, digest, pool
-- REPLY: ok, pool
-- include: reply
-- include: slots
local saved = replay(input)
if saved then return saved end
local p = input.pool
if redis.call('HGET', key('acct', p.account), 'kind') ~= 'pool' then
  return refuse('unknown', 'open the account ' .. p.account .. ' of kind pool first')
end
if redis.call('HGET', key('acct', p.seller), 'kind') ~= 'agent' then
  return refuse('unknown', 'open the account ' .. p.seller .. ' of kind agent first: it sells this pool')
end
if not price_of(p.reservePriceMicro) then return refuse('malformed', 'the reserve price is 0 or 1 to 14 digits') end
if p.reserve > p.slots then return refuse('no-capacity', 'the reserve has at most ' .. p.slots .. ' slots') end
local had = tonumber(redis.call('HGET', key('pool', p.pool), 'slots') or '0')
if had > p.slots then return refuse('no-capacity', 'a pool does not shrink: it has ' .. had .. ' slots') end

-- Of another window's halves nothing could be told any more: what was bought of late counts anew.
local window = redis.call('HGET', key('pool', p.pool), 'noiseWindowMs')
if window and tonumber(window) ~= p.noiseWindowMs then redis.call('DEL', key('bought', p.pool)) end
redis.call('HSET', key('pool', p.pool), 'account', p.account, 'seller', p.seller, 'slots', p.slots,
  'reserve', p.reserve, 'reservePrice', p.reservePriceMicro, 'seals', table.concat(p.seals, ','),
  'maxTerms', p.maxTerms, 'graceMs', p.graceMs, 'idleMs', p.idleMs, 'compensationPermille', p.compensationPermille,
  'lendMs', p.lendMs, 'noiseMaxPermille', p.noiseMaxPermille, 'noiseWindowMs', p.noiseWindowMs, 'ownerMax', p.ownerMax)
redis.call('HSETNX', key('pool', p.pool), 'standardHeld', 0)
for n = had, p.slots - 1 do redis.call('SADD', key('free', p.pool), n) end
redis.call('SADD', key('pools'), p.pool)
return done(input, { kind = 'open-pool', pool = p }, { pool = p.pool })
