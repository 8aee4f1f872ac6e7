#!lua
-- Opens a bucket, full, or changes one that exists: its levels stay, as far as there is room.
-- KEYS: meta
-- ARGV: by, key, digest, bucket
-- REPLY: ok, bucket, at
-- include: reply
-- include: bucket
local saved = replay(input)
if saved then return saved end
local asked = input.bucket
if redis.call('HGET', key('acct', asked.account), 'kind') ~= 'pool' then
  return refuse('unknown', 'open the account ' .. asked.account .. ' of kind pool first')
end
local limits, names = {}, {}
for i, l in ipairs(asked.limits) do
  local price = micro_of(l.priceMicro)
  if not price then return refuse('malformed', 'the reserve price of ' .. l.name .. ' is 0 or 1 to 14 digits') end
  if names[l.name] then return refuse('malformed', 'each limit has a name of its own') end
  if l.reserve > l.capacity then return refuse('malformed', 'the reserve of ' .. l.name .. ' is at most its capacity') end
  names[l.name] = true
  limits[i] = {
    name = l.name, capacity = l.capacity, reserve = l.reserve, price = price,
    refillMilli = floor(l.refillPerSecond * 1000 + 0.5),
  }
end

local was = bucket_of(asked.bucket)
local spec = { account = asked.account, limits = limits }
for name, value in pairs(asked) do
  if name ~= 'bucket' and name ~= 'limits' then spec[name] = value end
end
-- Of another window's halves nothing could be told any more: recent use counts anew.
if was and was.spec.noiseWindowMs ~= spec.noiseWindowMs then redis.call('DEL', key('taken', asked.bucket)) end
redis.call('HSET', key('bucket', asked.bucket), 'spec', cjson.encode(spec))
redis.call('SADD', key('buckets'), asked.bucket)
local b = was or {
  id = asked.bucket, at = now, factor = 1000, factor_at = now, paused_until = 0, cut_at = 0, system_at = 0, spot = 1000,
  scarce_at = 0, limits = {},
}
local levels = {}
for _, l in ipairs(b.limits) do levels[l.name] = l.level end
for _, l in ipairs(limits) do l.level = within(l.capacity, levels[l.name] or l.capacity * TOKEN) end
b.limits = limits
save_bucket(b)
return done(input, { kind = 'open-bucket', bucket = asked }, { bucket = asked.bucket, at = now })
