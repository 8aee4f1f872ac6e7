#!lua
-- Posts, voids or expires a pending transfer, once.
-- KEYS: meta
-- ARGV: kind, by, key, digest, id, amount, operator
-- REPLY: status
-- include: ledger-reply
-- include: posting
local ended = ({ post = 'posted', void = 'voided', expire = 'expired' })[input.kind] or error('kind')
local expiring = ended == 'expired'
if not expiring then
  local saved = replay()
  if saved then return saved end
end
local f = redis.call('HMGET', key('xfer', input.id), 'debit', 'credit', 'amount', 'state', 'expiresAt', 'budgets')
if not f[1] then return refuse('unknown-transfer', input.id) end
local debit, credit, amount, state, expires_at = f[1], f[2], tonumber(f[3]), f[4], tonumber(f[5])
if state ~= 'pending' then return refuse('already-' .. state) end
-- A lease's payment has no time limit of its own: only the lease's end settles it.
if not expires_at then return refuse('not-party', 'a lease settles this transfer') end
if expiring then
  if now < expires_at then return refuse('not-due') end
else
  -- `true` and nothing else: a null or a zero is truthy in Lua.
  local party = input.operator == true or input.by == debit or input.by == credit
  if not party then return refuse('not-party', 'the debited or the credited account may end it') end
  if now >= expires_at then return refuse('already-expired') end
end
local posted = 0
if ended == 'posted' then
  posted = amount
  if input.amount ~= nil then
    posted = amount_of(input.amount)
    if not posted then return refuse('amount-invalid', '1 to 14 digits, above zero') end
    if posted > amount then return refuse('exceeds-pending', 'pending: ' .. amount) end
  end
end

end_pending(input.id, debit, credit, amount, posted, ended, f[6])
if expiring then
  journal({ kind = 'expire', id = input.id })
  return cjson.encode({ status = 'done' })
end
local entry = { kind = input.kind, id = input.id, operator = input.operator == true or nil }
if ended == 'posted' then entry.amount = input.amount end
return done(ended, entry)
