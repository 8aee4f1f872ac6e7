-- A pool's memory of prices: the clearing prices of its last five awards, and what one more term costs by them.
-- include: reply

-- `recent` is `price/durationMs,…`, the latest first, at most five: one short text, written with what an award writes anyway.
local function remember_price(recent, price, duration)
  local latest = price .. '/' .. duration
  if not recent then return latest end
  return latest .. ',' .. (string.match(recent, '^[^,]+,[^,]+,[^,]+,[^,]+') or recent)
end

-- The median of them, each by the millisecond for a term of `duration` ms (the lower one of two in the middle); the
-- reserve price at least. libs/market/src/model/lease-price.ts states the same rule.
local function going_price(recent, duration, reserve_price)
  local prices = {}
  for price, priced_for in string.gmatch(recent or '', '(%d+)/(%d+)') do
    price, priced_for = tonumber(price), tonumber(priced_for)
    if priced_for ~= duration then price = ceil(price / priced_for * duration) end
    prices[#prices + 1] = price
  end
  if #prices == 0 then return reserve_price end
  table.sort(prices)
  return max(prices[ceil(#prices / 2)], reserve_price)
end
