#!lua
-- Takes a step in the life of a task's contract and settles it where the step ends it; past its time, the clock's step comes first.
-- KEYS: meta
-- ARGV: kind, by, key, digest, contract, step, agent, process, operator, percent, deadline, text, receiptOutcome, paidMicro, bondTo, policy, rulings
-- REPLY: ok, contract, step, state, attempt, participant, at, dueAt, percent, outcome, paidMicro, refundedMicro, bondTo, passedOver, deposits
-- include: reply
-- include: task
local sweep = input.kind == 'overdue'
if not sweep then
  local saved = replay(input)
  if saved then return saved end
end
local c = task_of(input.contract)
if not c then return refuse('unknown', 'there is no task\'s contract ' .. input.contract) end

-- Whose step it is: that of the agent it is taken for, or `by` itself, or whom the host `by` speaks for; for who may be
-- both, the buyer's.
local function side_of(step)
  local whose = STEP_OF[step]
  if whose == 'operator' then return input.operator == true and 'operator' or nil end
  local named = input.agent
  if named and not ((named == c.buyer or named == c.participant) and speaks_for(input.by, named)) then return nil end
  local buys = input.by == c.buyer or (input.by ~= c.participant and speaks_for(input.by, c.buyer))
  if named then buys = named == c.buyer end
  if whose ~= 'provider' and buys then return 'buyer' end
  if whose ~= 'buyer' and named ~= c.buyer and speaks_for(input.by, c.participant) then return 'provider' end
  return nil
end
local step, side = input.step, 'clock'
if not sweep then side = side_of(step) end
if not side then
  return refuse('not-permitted', 'this step is not ' .. input.by .. '\'s: the contract is between ' .. c.buyer .. ' and '
    .. c.participant)
end
-- A process that another has taken over from may have slept, and not know it.
if side == 'provider' and step ~= 'resume' and c.process and input.process ~= c.process then
  return refuse('stale', 'another process of ' .. c.participant .. ' has taken the contract over')
end
-- What comes when the time is over finds the contract as the sweeper would leave it, whoever is faster.
if sweep or (c.state ~= 'settled' and now > c.due_at) then step, side = 'overdue', 'clock' end
if sweep and c.state ~= 'settled' and now <= c.due_at then return refuse('stale', 'nothing is overdue yet') end
local life = LIFE_CYCLE[c.state]
local target = life.to[step]
if not target then
  return refuse(life.no[step] or life.otherwise, 'the contract is ' .. c.state .. ': no ' .. step .. ' now')
end
if step == 'resume' and not input.process then return refuse('malformed', 'process: which one goes on') end
if step == 'progress' and (input.percent < 0 or input.percent > 100) then return refuse('malformed', 'percent: 0 to 100') end
if step == 'ask-time' and (input.deadline <= c.deadline or input.deadline > MAX_MS) then
  return refuse('malformed', 'deadline: later than ' .. c.deadline)
end
if (step == 'done' and input.receiptOutcome ~= 'done') or (step == 'fail' and input.receiptOutcome ~= 'failed') then
  return refuse('malformed', 'the receipt does not say ' .. step)
end
local ruled = step == 'resolve' and price_of(input.paidMicro)
if step == 'resolve' and (not ruled or ruled > c.price or (input.bondTo ~= 'buyer' and input.bondTo ~= 'provider')) then
  return refuse('malformed', 'paidMicro: at most the price, ' .. c.price .. '; bondTo: buyer or provider')
end

-- How it ends with this step, if it does.
local standby, tried, passed = nil, nil, {}
local judged = step == 'turn-down' and c.standbys ~= '[]'
if judged then
  local moved = rules_moved(input.policy)
  if moved then return refuse('stale', moved) end
  standby, tried, passed = next_standby(c, input.rulings or {})
end
local ended = nil
if step == 'turn-down' and not standby then
  ended = { outcome = 'failed', at = now, turned_down = true }
elseif target == 'settled' or (target == 'done' and c.dispute == 0) then
  ended = { outcome = 'done', at = c.done_at or now }
elseif target == 'failed' and step == 'overdue' and c.due_at >= c.deadline + c.late then
  ended = { outcome = 'expired', at = now }
elseif not LIFE_CYCLE[target] then
  ended = { outcome = target, at = now }
end
local paid, forfeited = nil, nil
if ruled then
  -- Who was paid nothing has done nothing: the task can be given out again.
  ended.outcome = ruled > 0 and 'done' or 'failed'
  paid, forfeited = ruled, input.bondTo == 'buyer'
elseif ended then
  ended.side = side
  paid, forfeited = settlement_of(c, ended)
end

local name = key('contract', c.id)
local due_at, participant, state = c.due_at, c.participant, target
local heard_at, deadline, percent = c.heard_at, c.deadline, c.percent
if step == 'run' or step == 'progress' or step == 'ask-time' or (step == 'resume' and target ~= 'starting') then
  heard_at = now
  redis.call('HSET', name, 'heardAt', now)
end
local process = (step == 'take' or step == 'resume') and input.process or nil
if process then redis.call('HSET', name, 'process', process) end
if step == 'run' then redis.call('HSET', name, 'startedAt', now) end
if step == 'progress' then
  percent = input.percent
  redis.call('HSET', name, 'percent', percent)
end
if step == 'ask-time' then redis.call('HSET', name, 'askedDeadline', input.deadline) end
if step == 'grant-time' then
  deadline = c.asked
  redis.call('HSET', name, 'deadline', deadline)
end
if c.asked and target ~= 'renewing' then redis.call('HDEL', name, 'askedDeadline') end
if step == 'done' or step == 'fail' then redis.call('HSET', name, 'receipt', input.text) end
if step == 'done' then
  percent = 100
  redis.call('HSET', name, 'doneAt', now, 'percent', 100)
  if not ended then leave_work(c) end
end

local slots, fences = nil, nil
if step == 'resume' and c.hold ~= '' then slots, fences = c.slots, raise_fences(c) end
if standby then
  due_at, slots, fences = hand_over(c, standby, tried)
  participant = standby.participant
elseif ended then
  end_task(c, ended.outcome, paid, forfeited)
  due_at, state = now, 'settled'
else
  if target == 'running' or target == 'renewing' then
    due_at = min(heard_at + c.report_every, deadline + c.late, MAX_MS)
  elseif target == 'done' then
    due_at = min(now + c.dispute, MAX_MS)
  elseif target == 'disputed' then
    due_at = min(now + DISPUTE_LIMIT_MS, MAX_MS)
  end
  redis.call('HSET', name, 'state', target, 'dueAt', due_at)
  redis.call('ZADD', key('deadlines'), due_at, 'task:' .. c.id)
end
local bond_to = ended and (forfeited and 'buyer' or 'provider') or nil
local entry = {
  kind = 'report', contract = c.id, step = step, side = side, state = state, process = process,
  percent = step == 'progress' and percent or nil, deadline = step == 'ask-time' and input.deadline or nil,
  text = side ~= 'clock' and input.text or nil, tried = standby and tried or nil,
  participant = standby and participant or nil, intent = standby and standby.intent or nil, slots = slots,
  fences = fences, outcome = ended and ended.outcome or nil, paid = paid, bondTo = bond_to,
  policy = judged and input.policy or nil, rulings = judged and input.rulings or nil,
}
local reply = {
  contract = c.id, step = step, state = state, attempt = c.attempt, participant = participant, at = now, dueAt = due_at,
  percent = percent, outcome = ended and ended.outcome or nil, paidMicro = ended and tostring(paid) or nil,
  refundedMicro = ended and tostring(c.price - paid) or nil, bondTo = bond_to,
  passedOver = #passed > 0 and passed or nil, deposits = told_deposits(),
}
if sweep then
  journal(entry)
  reply.ok = true
  return cjson.encode(reply)
end
return done(input, entry, reply)
