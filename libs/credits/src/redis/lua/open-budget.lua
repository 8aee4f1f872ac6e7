#!lua
-- Opens a budget, or changes the figures of one that exists: what was spent in this window stays spent.
-- KEYS: meta
-- ARGV: by, key, digest, budget
-- REPLY: status
-- include: ledger-reply
-- include: budget
local MAX_DEPTH = 4
local MAX_SIBLINGS = 64
local saved = replay()
if saved then return saved end
local spec = input.budget
local amount, carry_cap, borrow = micro_of(spec.amountMicro), micro_of(spec.carryCapMicro), micro_of(spec.borrowMicro)
if not (amount and carry_cap and borrow) then return refuse('amount-invalid', '0, or 1 to 14 digits') end
local function is_permille(n) return type(n) == 'number' and n == floor(n) and n >= 0 and n <= 1000 end
if not (is_permille(spec.keepPermille) and is_permille(spec.lendPermille)) then
  return refuse('budget-invalid', 'shares are 0 to 1000 thousandths')
end
if spec.window ~= 'life' and not BUDGET_WINDOW_MS[spec.window] then
  return refuse('budget-invalid', 'a window is minute, hour, day or life')
end
if borrow > amount then return refuse('budget-invalid', 'a budget borrows at most its own amount') end
local desk, parent = budget_desk(), given(spec.parent)
local b = budget_on(desk, spec.id)
if b then
  if b.parent ~= parent or b.window ~= spec.window then
    return refuse('budget-fixed', 'parent and window stay as they were')
  end
elseif parent then
  local depth, above = 1, budget_on(desk, parent)
  if not above then return refuse('unknown-budget', parent) end
  while above do
    depth, above = depth + 1, above.parent and budget_on(desk, above.parent)
  end
  if depth > MAX_DEPTH then return refuse('budget-depth', 'a chain has at most ' .. MAX_DEPTH .. ' budgets') end
  if redis.call('ZCARD', key('under', parent)) >= MAX_SIBLINGS then
    return refuse('budget-siblings', 'under a budget are at most ' .. MAX_SIBLINGS)
  end
end

if not b then
  b = new_budget(spec.id, parent, spec.window)
  desk.budgets[b.id] = b
  redis.call('SADD', key('budgets'), b.id)
  if parent then redis.call('ZADD', key('under', parent), 0, b.id) end
  redis.call('HSET', key('budget', b.id), 'window', b.window)
  if parent then redis.call('HSET', key('budget', b.id), 'parent', parent) end
end
reallot(b, amount)
redis.call('HSET', key('budget', b.id), 'amount', amount, 'keepPermille', spec.keepPermille, 'carryCap', carry_cap,
  'borrow', borrow, 'lendPermille', spec.lendPermille)
save_budgets(desk)
return done('done', { kind = 'open-budget', budget = spec })
