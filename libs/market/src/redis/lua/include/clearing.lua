-- Who gets a bucket's tokens that several ask for at once; libs/credits/src/token-clearing.ts states the same rules.
-- A bid has class, amounts, least (the same table where only all will do), offered, use; clearing sets granted and rate,
-- or wait_ms and rate.
-- include: bucket
local MAX_RATE = 1000000000

-- The rate that `most` micro-credits offer for these amounts, or nil where it is less than the reserve prices.
local function offered_rate(b, amounts, most, noise)
  if most < cost_of(b, amounts, 1000, noise) then return nil end
  local base = 0
  for i, l in ipairs(b.limits) do base = base + amounts[i] * l.price end
  if base == 0 then return 1000 end
  return min(MAX_RATE, max(1000, floor(floor(most * 1000 / base) * 1000 / noise)))
end

local function ranked(b, bids)
  local auctioned, order = b.spec.rule == 'uniform-price', {}
  for i, bid in ipairs(bids) do
    bid.number = i
    order[i] = bid
  end
  table.sort(order, function(one, two)
    if one.class ~= two.class then return one.class == 'system' end
    if auctioned and one.offered ~= two.offered then return one.offered > two.offered end
    if one.use ~= two.use then return one.use < two.use end
    return one.number < two.number
  end)
  return order
end

-- Whole tokens of each limit that a take of this class can have now.
local function spare_tokens(b, class)
  local spare = {}
  for i, l in ipairs(b.limits) do spare[i] = floor(l.level / TOKEN) - floor_of(b, l, class) end
  return spare
end

local function fits(amounts, spare)
  for i, amount in ipairs(amounts) do
    if amount > 0 and amount > spare[i] then return false end
  end
  return true
end

-- The part of all amounts alike that is there, in millionths.
local function share_of(amounts, spare)
  local share = 1000000
  for i, amount in ipairs(amounts) do
    if amount > 0 then share = min(share, floor(max(0, spare[i]) * 1000000 / amount)) end
  end
  return share
end

-- That part of all amounts, but no less of a limit than a bid is content with; nil where this is not there.
local function part_of(bid, amounts, share, spare)
  if bid.least == bid.amounts then return nil end
  local part = {}
  for i, amount in ipairs(amounts) do part[i] = max(bid.least[i], floor(amount * share / 1000000)) end
  return fits(part, spare) and part or nil
end

local function give(b, bid, amounts)
  for i, l in ipairs(b.limits) do l.level = l.level - amounts[i] * TOKEN end
  bid.granted = amounts
end

-- Serves bids of one class until one does not fit; returns whether all of them got all.
local function give_in_order(b, order)
  for _, bid in ipairs(order) do
    local spare = spare_tokens(b, bid.class)
    if fits(bid.amounts, spare) then
      give(b, bid, bid.amounts)
    else
      local part = part_of(bid, bid.amounts, share_of(bid.amounts, spare), spare)
      if part then give(b, bid, part) end
      return false
    end
  end
  return true
end

-- The most that a take of this class can ever have of a limit at once.
local function most_of(b, l, class)
  return (class == 'system' or b.spec.lendAfterMs > 0) and l.capacity or l.capacity - l.reserve
end

-- Proportional share: who is content with less gets its part where not everything fits; the others whole, in order. A
-- demand counts for no more than can ever be had at once.
local function give_shares(b, order)
  local spare, demand = spare_tokens(b, 'standard'), {}
  for i in ipairs(b.limits) do
    demand[i] = 0
    for _, bid in ipairs(order) do demand[i] = demand[i] + bid.amounts[i] end
  end
  local enough = fits(demand, spare)
  if not enough then
    local counted, sums = {}, {}
    for i, l in ipairs(b.limits) do
      local most = most_of(b, l, 'standard')
      sums[i] = 0
      for n, bid in ipairs(order) do
        counted[n] = counted[n] or {}
        counted[n][i] = min(bid.amounts[i], most)
        sums[i] = sums[i] + counted[n][i]
      end
    end
    local share = share_of(sums, spare)
    for n, bid in ipairs(order) do
      local part = part_of(bid, counted[n], share, spare_tokens(b, 'standard'))
      if part then give(b, bid, part) end
    end
  end
  for _, bid in ipairs(order) do
    if not bid.granted and (enough or bid.least == bid.amounts) then
      if not fits(bid.amounts, spare_tokens(b, 'standard')) then return end
      give(b, bid, bid.amounts)
    end
  end
end

-- In how many ms so many whole tokens are there, as the bucket flows now.
local function wait_ms_for(b, needs)
  local ms = max(1, b.paused_until - now)
  for i, l in ipairs(b.limits) do
    local lacks = needs[i] * TOKEN - l.level
    if needs[i] > 0 and lacks > 0 then ms = max(ms, ceil(lacks * 1000 / (l.refillMilli * b.factor))) end
  end
  return min(ms, MAX_WAIT_MS)
end

-- When each that got nothing could be served, and the rate that would have beaten the one before it.
local function say_waits(b, order)
  local auctioned = b.spec.rule == 'uniform-price'
  local ahead, beat, head = {}, nil, nil
  for i in ipairs(b.limits) do ahead[i] = 0 end
  for _, bid in ipairs(order) do
    if bid.granted then
      beat = bid
    else
      local needs = {}
      for i, l in ipairs(b.limits) do
        ahead[i] = ahead[i] + bid.least[i]
        needs[i] = bid.least[i] == 0 and 0 or ahead[i] + floor_of(b, l, bid.class)
      end
      local rival = beat and beat.class == bid.class and beat or head and head.class == bid.class and head
      bid.rate = auctioned and rival and rival.offered + 1 or 1000
      bid.wait_ms = wait_ms_for(b, needs)
      if not head or head.class ~= bid.class then head = bid end
    end
  end
end

-- Clears the bids and takes the winners' tokens from the levels; returns the clearing rate.
local function clear_tokens(b, bids)
  local order = ranked(b, bids)
  if now >= b.paused_until then
    local system, standard = {}, {}
    for _, bid in ipairs(order) do
      local class = bid.class == 'system' and system or standard
      class[#class + 1] = bid
    end
    if give_in_order(b, system) then
      if b.spec.rule == 'proportional-share' then give_shares(b, standard) else give_in_order(b, standard) end
    end
  end
  -- The highest that was offered in vain; and by another than whose that was, who does not bid against itself.
  local highest, of_others, whose = 1000, 1000, nil
  if b.spec.rule == 'uniform-price' then
    for _, bid in ipairs(order) do
      if not bid.granted and (bid.offered > highest or not whose) then highest, whose = bid.offered, bid.who end
    end
    for _, bid in ipairs(order) do
      if not bid.granted and bid.who ~= whose then of_others = max(of_others, bid.offered) end
    end
  end
  say_waits(b, order)
  -- Who comes first by its class may have offered less than others lost with.
  local rate = nil
  for _, bid in ipairs(order) do
    if bid.granted then
      local own = bid.who == whose and of_others or highest
      rate = max(rate or own, own)
      bid.rate = min(own, bid.offered)
    end
  end
  return rate or highest
end
