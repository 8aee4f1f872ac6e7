#!lua
-- Reads all live state at one instant, for the invariant checker: accounts, pools, slots and what has a deadline.
-- KEYS: meta
-- ARGV: none
-- REPLY: seq, clock, minted, burned, accounts, budgets, pools, owned, bought, slots, free, contracts, tasks, transfers, calls, proposals, buckets, taken, holds, policy
-- include: lease
-- include: deposit
local PROPOSAL_FIELDS = { 'about', 'state', 'by', 'buyer', 'conversation', 'rule', 'message', 'amountMicro', 'filedAt',
  'expiresAt', 'decidedBy', 'decidedAt' }
local function pairs_of(name)
  local flat, fields = redis.call('HGETALL', name), {}
  for i = 1, #flat, 2 do fields[flat[i]] = flat[i + 1] end
  return fields
end
local meta = redis.call('HMGET', META, 'seq', 'clock', 'minted', 'burned', 'policyVersion')
local state = {
  seq = meta[1] or '0', clock = meta[2] or '0', minted = meta[3] or '0', burned = meta[4] or '0', accounts = {}, budgets = {},
  pools = {}, owned = {}, bought = {}, slots = {}, free = {}, contracts = {}, tasks = {}, transfers = {}, calls = {},
  proposals = {}, buckets = {}, taken = {}, holds = {},
  policy = { version = meta[5] or '0', sum = redis.sha1hex(redis.call('GET', key('policy')) or '') },
}
local function add_deposit(cfp, agent)
  local id = deposit_id(cfp, agent)
  local x = pairs_of(key('xfer', id))
  if x.state == 'pending' then state.transfers[id] = x end
end
for _, id in ipairs(redis.call('SMEMBERS', key('accounts'))) do state.accounts[id] = pairs_of(key('acct', id)) end
for _, id in ipairs(redis.call('SMEMBERS', key('budgets'))) do state.budgets[id] = pairs_of(key('budget', id)) end
for _, pool in ipairs(redis.call('SMEMBERS', key('pools'))) do
  state.pools[pool] = pairs_of(key('pool', pool))
  for _, part in ipairs({ 'owned', 'bought' }) do
    local counted = pairs_of(key(part, pool))
    if next(counted) then state[part][pool] = counted end
  end
  for n = 0, tonumber(state.pools[pool].slots) - 1 do
    local slot = redis.call('HMGET', slot_key(pool, n), 'fence', 'contract')
    state.slots[pool .. ':' .. n] = { fence = slot[1] or '0', contract = slot[2] or '' }
  end
  for _, n in ipairs(redis.call('SMEMBERS', key('free', pool))) do state.free[pool .. ':' .. n] = '1' end
end
for _, id in ipairs(redis.call('SMEMBERS', key('buckets'))) do
  state.buckets[id] = pairs_of(key('bucket', id))
  local counted = pairs_of(key('taken', id))
  if next(counted) then state.taken[id] = counted end
end
local function add_hold(id)
  local text = redis.call('GET', key('hold', id)) or '{}'
  local line = string.find(text, '\n', 1, true)
  local taken = line and string.sub(text, 1, line - 1) or text
  local since = line and string.sub(text, line + 1) or '{"state":"held","paid":0}'
  local h = cjson.decode(taken)
  -- What is still set aside, and on whose account.
  local amount = (tonumber(h.amountMicro) or 0) - (cjson.decode(since).paid or 0)
  state.holds[id] = { taken = taken, since = since, debit = h.agent, amount = string.format('%.0f', amount) }
end
for _, member in ipairs(redis.call('ZRANGE', key('deadlines'), 0, -1)) do
  local kind, id = string.match(member, '^(%a+):(.*)$')
  if kind == 'lease' then
    local c = pairs_of(key('contract', id))
    state.contracts[id] = c
    for n = 1, tonumber(c.terms or '0') do
      local term = term_id(id, n)
      local x = pairs_of(key('xfer', term))
      if x.state == 'pending' then state.transfers[term] = x end
    end
    if c.deposit then add_deposit(c.cfp, c.participant) end
  elseif kind == 'task' then
    local c = pairs_of(key('contract', id))
    for _, n in ipairs({ 'p', 'b' }) do
      local payment = id .. '.' .. n .. (c.attempt or '')
      local x = pairs_of(key('xfer', payment))
      if x.state == 'pending' then state.transfers[payment] = x end
    end
    -- Long texts are compared by their sums.
    for _, text in ipairs({ 'frame', 'receipt' }) do c[text] = c[text] and redis.sha1hex(c[text]) end
    state.tasks[id] = c
  elseif kind == 'proposal' then
    -- Thousands may wait, each with a long request: of that the length alone.
    local p, f = {}, redis.call('HMGET', key('proposal', id), unpack(PROPOSAL_FIELDS))
    for i, field in ipairs(PROPOSAL_FIELDS) do p[field] = f[i] or nil end
    p.text = tostring(redis.call('HSTRLEN', key('proposal', id), 'text'))
    state.proposals[id] = p
  elseif kind == 'hold' then
    add_hold(id)
  elseif kind == 'xfer' then
    state.transfers[id] = pairs_of(key('xfer', id))
  elseif kind ~= 'deposit' then
    state.calls[id] = pairs_of(key('cfp', id))
    for _, agent in ipairs(redis.call('HKEYS', key('deposits', id))) do add_deposit(id, agent) end
  end
end
return cjson.encode(state)
