-- Noise: what somebody took of late, and by how much that raises its price; libs/credits/src/noise.ts has the same rules.
-- include: market

-- The parts of a use (`start,prev,cur` or false), with the windows that have passed since left behind.
local function rolled_use(text, window)
  local began = floor(now / window) * window
  if not text then return began, 0, 0 end
  local start, prev, cur = string.match(text, '^(%d+),(%d+),(%d+)$')
  start, prev, cur = tonumber(start), tonumber(prev), tonumber(cur)
  if start == began then return start, prev, cur end
  return began, start == began - window and cur or 0, 0
end

-- What was taken within the last `window` ms.
local function recent_use(text, window)
  local start, prev, cur = rolled_use(text, window)
  return cur + floor(prev * (window - (now - start)) / window)
end

-- The use with `amount` more, as it is kept; below zero for what was given back, of what was taken `at`: it counts no
-- more where it was counted, and takes nothing from what was taken since.
local function used_more(text, amount, window, at)
  local start, prev, cur = rolled_use(text, window)
  if not at or at >= start then
    cur = min(MAX_EXACT, max(0, cur + amount))
  elseif at >= start - window then
    prev = max(0, prev + amount)
  end
  return string.format('%.0f,%.0f,%.0f', start, prev, cur)
end

-- Of so many at most is looked whether anything is left, however many were new.
local MOST_LOOKED_AT = 64

-- Stores uses, a flat list of owners and what they are now. For each owner that is new two are drawn, and dropped where
-- nothing is left of their use: so no more than about half of what is kept has faded, however many owners come and go.
local function save_uses(name, uses, window)
  if #uses == 0 then return end
  local new = redis.call('HSET', name, unpack(uses))
  if new == 0 then return end
  local faded, drawn = {}, redis.call('HRANDFIELD', name, min(2 * new, MOST_LOOKED_AT), 'WITHVALUES')
  for i = 1, #drawn, 2 do
    local _, prev, cur = rolled_use(drawn[i + 1], window)
    if prev == 0 and cur == 0 then faded[#faded + 1] = drawn[i] end
  end
  if #faded > 0 then redis.call('HDEL', name, unpack(faded)) end
end

-- By what a price is multiplied, in thousandths; `usage` and `whole`, all that the window can give, in one unit.
local function noise_permille(usage, whole, max_permille)
  if max_permille <= 1000 then return 1000 end
  local share = min(1000, floor(usage * 1000 / max(1, whole)))
  return 1000 + floor((max_permille - 1000) * share / 1000)
end
