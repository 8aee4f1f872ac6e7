-- Budgets: counted in the very script that spends, on a desk of working copies; model/budget-book.ts states the same rules.
-- include: market
local BUDGET_WINDOW_MS = { minute = 60000, hour = 3600000, day = 86400000 }
-- So many idle windows are carried through one by one; a longer gap carries no further.
local MAX_IDLE_WINDOWS = 64

-- The share, rounded down; split, so that no product leaves the 53 bits of a double.
local function permille_of(amount, permille)
  local rest = amount % 1000
  return (amount - rest) / 1000 * permille + floor(rest * permille / 1000)
end

local function owed_in_all(b)
  local sum = 0
  for _, y in pairs(b.owed) do sum = sum + y end
  return sum
end

-- Brings a working copy to the window that `now` lies in. No write of its own: whoever loads a budget turns it, and the
-- next change stores it; so a window turns once, whoever notices first.
local function turn(b)
  local length = BUDGET_WINDOW_MS[b.window]
  local start = length and floor(now / length) * length or 0
  if start <= b.start then return end
  local passed = (start - b.start) / length
  local carry = min(b.carry_cap, permille_of(max(0, b.allowance - b.used), b.keep))
  b.allowance = max(0, b.amount + b.lent - owed_in_all(b)) + carry
  b.start, b.used, b.lent, b.cut, b.owed = start, 0, 0, 0, {}
  for _ = 2, min(passed, 1 + MAX_IDLE_WINDOWS) do
    local after = b.amount + min(b.carry_cap, permille_of(b.allowance, b.keep))
    if after == b.allowance then break end
    b.allowance = after
  end
end

-- When the window after the present one begins; 0 where there is none.
local function next_window(b)
  local length = BUDGET_WINDOW_MS[b.window]
  return length and b.start + length or 0
end

-- Working copies of budgets, each as it stands now; nothing that is done to them is stored before save_budgets.
local function budget_desk() return { budgets = {}, under = {} } end

local function budget_on(desk, id)
  local b = desk.budgets[id]
  if b then return b end
  local f = redis.call('HMGET', key('budget', id), 'parent', 'window', 'amount', 'keepPermille', 'carryCap', 'borrow',
    'lendPermille', 'windowStart', 'allowance', 'used', 'lent', 'cut', 'owed', 'total', 'direct')
  if not f[2] then return nil end
  b = {
    id = id, parent = f[1] or nil, window = f[2], amount = tonumber(f[3]), keep = tonumber(f[4]),
    carry_cap = tonumber(f[5]), borrow = tonumber(f[6]), lend = tonumber(f[7]), start = tonumber(f[8]),
    allowance = tonumber(f[9]), used = tonumber(f[10]), lent = tonumber(f[11]), cut = tonumber(f[12]), owed = {},
    total = tonumber(f[14]), direct = tonumber(f[15]),
  }
  for lender, y in string.gmatch(f[13], '([^:,]+):(%d+)') do b.owed[lender] = tonumber(y) end
  turn(b)
  desk.budgets[id] = b
  return b
end

-- The budgets under a parent, in the order of their ids' bytes: Lua's own comparison goes by the server's locale.
local function budgets_under(desk, parent)
  if not desk.under[parent] then desk.under[parent] = redis.call('ZRANGE', key('under', parent), 0, -1) end
  return desk.under[parent]
end

-- Which idle siblings lend how much of what a budget lacks; nil where all of it cannot be had.
local function loans_for(desk, b, lacks)
  if not b.parent or owed_in_all(b) + lacks > b.borrow then return nil end
  local loans = {}
  for _, id in ipairs(budgets_under(desk, b.parent)) do
    local lender = id ~= b.id and budget_on(desk, id)
    if lender and lender.window == b.window and lender.used == 0 then
      local y = min(lacks, permille_of(lender.allowance + lender.lent, lender.lend) - lender.lent)
      if y > 0 then
        loans[#loans + 1] = { lender = lender, amount = y }
        lacks = lacks - y
        if lacks == 0 then return loans end
      end
    end
  end
  return nil
end

local function take_loans(b, loans)
  for _, loan in ipairs(loans) do
    local lender, y = loan.lender, loan.amount
    lender.lent, lender.allowance, lender.changed = lender.lent + y, lender.allowance - y, true
    b.owed[lender.id], b.allowance = (b.owed[lender.id] or 0) + y, b.allowance + y
  end
end

-- The chain that an amount is taken from, with the loans that it needs; and where it does not fit when it could (0:
-- never by itself) and the budget that lacks it.
local function plan_of(desk, id, amount)
  local chain, loans, retry_at, short = {}, {}, nil, nil
  local b = budget_on(desk, id)
  while b do
    local n = #chain + 1
    chain[n] = b
    local lacks = amount - (b.allowance - b.used)
    if lacks > 0 then loans[n] = loans_for(desk, b, lacks) end
    if (lacks > 0 and not loans[n]) or b.total + amount > MAX_EXACT then
      local at = next_window(b)
      -- Where several lack it, it passes when the last of them has turned.
      if not short or at == 0 or (retry_at > 0 and at > retry_at) then retry_at, short = at, b end
    end
    b = b.parent and budget_on(desk, b.parent)
  end
  return chain, loans, retry_at, short
end

-- Takes an amount from a budget and from all above it on the desk: everywhere, or with `anyway` as far as it goes.
-- Returns nil, or where it does not fit when it could and the budget that lacks it.
local function take_from(desk, id, amount, anyway)
  local chain, loans, retry_at, short = plan_of(desk, id, amount)
  if short and not anyway then return retry_at, short end
  for n, taken in ipairs(chain) do
    if loans[n] then take_loans(taken, loans[n]) end
    taken.used, taken.total, taken.changed = taken.used + amount, taken.total + amount, true
  end
  if chain[1] then chain[1].direct = chain[1].direct + amount end
  return nil, nil, chain
end

-- Tries on the desk what the script is about to spend from an account (account_of): nil, and it is taken there;
-- or when it could pass (ms; 0: never by itself) and the id of the budget that lacks it.
local function budget_try(desk, account, amount)
  if not account.budget or amount <= 0 then return nil end
  local retry_at, short = take_from(desk, account.budget, amount)
  return retry_at, short and short.id
end

-- The same, and nothing is taken.
local function budget_short(desk, account, amount)
  if not account.budget or amount <= 0 then return nil end
  local _, _, retry_at, short = plan_of(desk, account.budget, amount)
  return retry_at, short and short.id
end

-- A desk on which to try what may yet be dropped.
local function copy_of_desk(desk)
  local copy = { budgets = {}, under = desk.under }
  for id, b in pairs(desk.budgets) do
    local twin = {}
    for field, value in pairs(b) do twin[field] = value end
    twin.owed = {}
    for lender, y in pairs(b.owed) do twin.owed[lender] = y end
    copy.budgets[id] = twin
  end
  return copy
end

-- What a refusal says of the budget that budget_try named. Concatenation alone would keep 14 digits.
local function budget_lacks(desk, id)
  local b = desk.budgets[id]
  local left = string.format('%.0f', max(0, b.allowance - b.used))
  return 'the budget ' .. id .. ' has ' .. left .. ' micro-credits left for its ' .. b.window
end

-- What an operator took from an allowance that was spent already goes as soon as it is free.
local function cut_down(b)
  local y = min(b.cut, max(0, b.allowance - b.used))
  b.allowance, b.cut = b.allowance - y, b.cut - y
end

-- What came back within the window goes to those first that it was borrowed from.
local function repay(desk, b, amount)
  if not next(b.owed) then return end
  for _, id in ipairs(budgets_under(desk, b.parent)) do
    local y = min(amount, b.owed[id] or 0)
    if y > 0 then
      local lender = budget_on(desk, id)
      lender.allowance, lender.lent, lender.changed = lender.allowance + y, lender.lent - y, true
      cut_down(lender)
      b.allowance, amount = b.allowance - y, amount - y
      b.owed[id] = b.owed[id] > y and b.owed[id] - y or nil
    end
  end
end

-- Gives back on the desk an amount of what was charged as the text says: to the same window it counts no more as
-- used, to a later one it is only gone from what was spent in all.
local function budget_back(desk, charged, amount)
  local first = true
  for id, start in string.gmatch(charged, '([^:,]+):(%d+)') do
    local b = budget_on(desk, id)
    b.total, b.changed = b.total - amount, true
    if first then b.direct, first = b.direct - amount, false end
    if b.start == tonumber(start) then
      b.used = b.used - amount
      repay(desk, b, amount)
      cut_down(b)
    end
  end
end

-- A new budget, as its first window finds it, without its amount.
local function new_budget(id, parent, window)
  local b = {
    id = id, parent = parent, window = window, amount = 0, keep = 0, carry_cap = 0, borrow = 0, lend = 0, start = 0,
    allowance = 0, used = 0, lent = 0, cut = 0, owed = {}, total = 0, direct = 0, changed = true,
  }
  turn(b)
  return b
end

-- Gives a budget another amount, from this window on. What is spent or lent already is not taken away: it goes when it
-- comes back.
local function reallot(b, amount)
  local wanted = b.allowance - b.cut + amount - b.amount
  b.amount, b.allowance, b.changed = amount, max(0, wanted, b.used), true
  b.cut = b.allowance - wanted
end

-- Each debt in the order of its lender's id.
local function owed_text(desk, b)
  if not next(b.owed) then return '' end
  local parts = {}
  for _, id in ipairs(budgets_under(desk, b.parent)) do
    if b.owed[id] then parts[#parts + 1] = id .. ':' .. b.owed[id] end
  end
  return table.concat(parts, ',')
end

local function save_budgets(desk)
  for id, b in pairs(desk.budgets) do
    if b.changed then
      redis.call('HSET', key('budget', id), 'windowStart', b.start, 'allowance', b.allowance, 'used', b.used,
        'lent', b.lent, 'cut', b.cut, 'owed', owed_text(desk, b), 'total', b.total, 'direct', b.direct)
    end
  end
end

-- Charges an amount to a budget and to all above it; callers have tried it. Returns what to keep beside the payment,
-- so that it can be given back: `<id>:<windowStart>,…`.
local function charge_budgets(id, amount)
  local desk, parts = budget_desk(), {}
  local _, _, chain = take_from(desk, id, amount, true)
  for n, b in ipairs(chain) do parts[n] = b.id .. ':' .. b.start end
  save_budgets(desk)
  return table.concat(parts, ',')
end

local function give_back_to_budgets(charged, amount)
  local desk = budget_desk()
  budget_back(desk, charged, amount)
  save_budgets(desk)
end
