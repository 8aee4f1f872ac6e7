#!lua
-- Ends holds: what was used is paid, the rest goes back to the bucket, and the upstream's word is heard.
-- Returns that arrived together share one call; each is checked whole before its own first write. Its answer is kept with the
-- hold.
-- KEYS: meta
-- ARGV: returns
-- REPLY: a list with, for each, ok, hold, bucket, agent, returned, paidMicro, refundedMicro, factorPermille, pausedUntil, at
-- include: reply
-- include: bucket

-- The rate of a surplus is at most so many times the hold's own: a clearing can be bid up to make others pay.
local SURPLUS_TIMES = 10

-- Working copies, brought to `now` once; whoever changes one stores it.
local buckets = {}

local function working_copy(id)
  buckets[id] = buckets[id] or bucket_of(id)
  return buckets[id]
end

local function return_one(asked)
  local h = hold_of(asked.hold)
  if not h then return refuse('unknown', 'there is no hold ' .. asked.hold) end
  if not speaks_for(asked.by, h.agent) then return refuse('not-permitted', 'the hold is ' .. h.agent .. '\'s') end
  if h.since.key == asked.key then
    if h.since.digest ~= asked.digest then return refuse('duplicate', 'this key was used with another body: take a new key') end
    h.since.answer.replayed = true
    return cjson.encode(h.since.answer)
  end
  if h.since.state ~= 'held' then return refuse('expired', 'the hold is ' .. h.since.state) end
  if now >= h.expiresAt then return refuse('expired', 'the hold expired at ' .. h.expiresAt .. ': it counts as used') end
  local at_work = tokens_at_work(h)
  if at_work then return refuse('not-your-turn', at_work) end
  for name in pairs(asked.used) do
    if not h.amounts[name] then return refuse('malformed', 'nothing of ' .. name .. ' is held') end
  end

  local b = working_copy(h.bucket)
  local limits = {}
  for _, l in ipairs(b.limits) do limits[l.name] = l end
  local noise = noise_permille(recent_use(redis.call('HGET', taken_key(b), h.who), b.spec.noiseWindowMs), WHOLE_WINDOW,
    b.spec.noiseMaxPermille)
  local heard = b.spec.hears == 'all' or redis.call('HGET', key('acct', h.agent), 'class') == 'system'
  local cost, over, spent, counts, returned = 0, 0, {}, {}, {}
  for name, unit in pairs(h.units) do
    local has, l = in_hand(h, name), limits[name]
    local used = asked.used[name] or has
    -- What was sold was taken, too.
    spent[name], counts[name], returned[name] = used, h.amounts[name] - has + used, max(0, has - used)
    cost = cost + min(used, has) * unit
    if l then
      -- More than was held costs what it would cost now, and no less than the rest: it is no way around the clearing.
      local going = unit_price(l.price, min(b.spot, SURPLUS_TIMES * h.ratePermille), noise)
      over = over + max(0, used - has) * max(unit, going)
      l.level = within(l.capacity, l.level + (heard and has - used or returned[name]) * TOKEN)
    end
  end
  local more = weight_of(b, by_limit(b, counts)) - weight_of(b, by_limit(b, h.amounts))
  count_use(b, h.who, more, more < 0 and h.at or nil)
  local word = given(asked.upstream)
  if word and heard then
    if word.status == 429 and (b.cut_at == 0 or now - b.cut_at >= b.spec.backOffMs) then
      b.factor = max(b.spec.leastPermille, floor(b.factor * b.spec.decreasePermille / 1000))
      b.factor_at, b.cut_at = now, now
    end
    local pause = given(word.retryAfterMs)
    if pause and (word.status == 429 or word.status == 503) then
      b.paused_until = max(b.paused_until, now + min(pause, b.spec.maxPauseMs))
    end
    local left = given(word.remaining) or {}
    for _, l in ipairs(b.limits) do
      if left[l.name] then l.level = min(l.level, left[l.name] * TOKEN) end
    end
  end
  save_bucket(b)

  local pending = h.amount - h.since.paid
  -- As with a lease: what was scarce and kept from others costs a tenth at least. Else whoever outbids all could shut
  -- them out for nothing, over and over.
  local least = b.scarce_at >= h.at and ceil(pending / 10) or 0
  local posted = min(pending, max(cost, least))
  local answer = {
    ok = true, hold = h.hold, bucket = h.bucket, agent = h.agent, returned = returned,
    refundedMicro = digits(pending - posted), factorPermille = b.factor, pausedUntil = b.paused_until, at = now,
  }
  end_hold(h, 'settled', posted)
  -- What was used beyond the hold is paid as far as credits and budgets reach.
  local account = account_of(h.agent)
  local extra = min(over, account.available)
  if extra > 0 and account.budget and budget_try(budget_desk(), account, extra) then
    extra = min(extra, budget_room(budget_desk(), account.budget))
  end
  if extra > 0 then
    post_single(h.hold .. '.o', h.agent, h.payee, extra, cjson.encode({ agent = h.agent, bucket = h.bucket }))
  end
  answer.paidMicro = digits(h.since.paid + extra)
  h.since.key, h.since.digest, h.since.answer = asked.key, asked.digest, answer
  save_hold(h)
  journal({
    kind = 'return', by = asked.by, key = asked.key, digest = asked.digest, hold = h.hold, used = spent, upstream = word,
    paid = posted, extra = extra,
  })
  return cjson.encode(answer)
end

local replies = {}
for i, asked in ipairs(input.returns) do replies[i] = return_one(asked) end
return '[' .. table.concat(replies, ',') .. ']'
