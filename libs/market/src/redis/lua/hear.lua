#!lua
-- Hears from a lease's holder: that it runs, or that it still does.
-- KEYS: meta
-- ARGV: by, key, digest, contract, step
-- REPLY: ok, contract, dueAt, deposits
-- include: reply
-- include: lease
-- include: deposit
local saved = replay(input)
if saved then return saved end
local c = contract_of(input.contract)
if not c then return refuse('unknown', 'there is no contract ' .. input.contract) end
if not speaks_for(input.by, c.participant) then return refuse('not-permitted', 'the lease is ' .. c.participant .. '\'s') end
if c.state == 'settled' then return refuse('expired', 'the lease is settled') end
local due_at, ends = due_of(c)
if now >= due_at then return refuse('expired', 'the lease ended at ' .. due_at .. ' as ' .. ends) end
if input.step == 'run' and c.state == 'running' then return refuse('duplicate', 'the lease runs already') end
if input.step == 'progress' and c.state == 'awarded' then return refuse('not-your-turn', 'say first that it runs') end

c.state, c.heard_at = 'running', now
local next_due = due_of(c)
redis.call('HSET', key('contract', c.id), 'state', 'running', 'heardAt', now)
redis.call('ZADD', key('deadlines'), next_due, 'lease:' .. c.id)
if c.deposit and input.step == 'run' then lease_met(c, false) end
return done(input, { kind = 'hear', contract = c.id, step = input.step }, { contract = c.id, dueAt = next_due, deposits = told_deposits() })
