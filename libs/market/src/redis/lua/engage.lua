#!lua
-- Closes on sealed offers: sets prices and bonds aside, takes the slots behind them and keeps the runners-up, or does nothing.
-- KEYS: meta
-- ARGV: by, key, digest, buyer, conversation, task, resource, policy, limitMicro, approved, tokens, frameText, fill, counts, total, conditions, rule, weights, offers
-- REPLY: ok, conversation, at, contracts, verdicts, deposits
-- include: reply
-- include: task
local saved = replay(input)
if saved then return saved end
if not speaks_for(input.by, input.buyer) then return refuse('not-permitted', input.by .. ' does not buy for ' .. input.buyer) end
local buyer = account_of(input.buyer)
if not buyer or buyer.kind ~= 'agent' then return refuse('unknown', 'there is no agent ' .. input.buyer) end
if tonumber(redis.call('HGET', META, 'policyVersion') or '0') ~= input.policy then
  return refuse('stale', 'the policy moved on from version ' .. input.policy)
end
local task = key('task', input.buyer .. ':' .. input.task)
if redis.call('EXISTS', task) == 1 then
  return refuse('duplicate', 'task ' .. input.task .. ' is given out, in ' .. redis.call('HGET', task, 'conversation'))
end
-- Conversations are announced: whoever closes under another's id must not keep that one from closing.
local plain, own = input.conversation .. '-t', input.conversation .. '-x' .. string.sub(redis.sha1hex(input.buyer), 1, 8) .. 't'
local stem = plain
for n = 1, #input.offers do
  local closed = redis.call('HGET', key('contract', plain .. n), 'buyer')
  if closed and closed ~= input.buyer then stem = own end
  if closed == input.buyer or redis.call('EXISTS', key('contract', own .. n)) == 1 then
    return refuse('duplicate', 'this conversation has led to a contract: take a new id')
  end
end
local terms = input.conditions
local bond, limit = price_of(terms.bondMicro), input.limitMicro and price_of(input.limitMicro)
if not bond or (input.limitMicro and not limit) then return refuse('malformed', 'bond and limit are 0 or 1 to 14 digits') end

-- In rank order, each offer whole: what is taken counts for those behind it; those that are not needed stand by.
local deal = {
  buyer = buyer, counts = input.counts, needs = input.fill == 'one' and input.total or 1, bond = bond, limit = limit,
  tokens = input.tokens,
}
local bound, sum, won, standbys, verdicts = nothing_bound(), 0, {}, {}, {}
for i, offer in ipairs(input.offers) do
  local full = sum >= input.total
  local detail, retry_at = unfit(offer, deal, bound), nil
  if not detail and not full then detail, retry_at = uncovered(offer, deal, bound) end
  local outcome = detail and 'barred' or full and 'lost' or 'won'
  if outcome == 'won' then
    bind(bound, offer, bond)
    won[#won + 1], sum = offer, sum + offer[input.counts]
  elseif outcome == 'lost' then
    standbys[#standbys + 1] = standby_of(offer)
  end
  verdicts[i] = {
    participant = offer.participant, intent = offer.intent, outcome = outcome, detail = detail,
    retryAt = retry_at and retry_at > 0 and retry_at or nil,
  }
end
if #won == 0 then
  return refuse(verdicts[1].detail, 'no offer that was shown can be engaged; the first one: ' .. verdicts[1].detail, verdicts,
    verdicts[1].retryAt)
end
if input.fill == 'all' and sum < input.total then
  for _, verdict in ipairs(verdicts) do if verdict.outcome == 'won' then verdict.outcome = 'lost' end end
  return refuse('no-capacity', 'together the offers make up ' .. sum .. ' of ' .. input.total .. ' ' .. input.counts, verdicts)
end

local contracts, winners = {}, {}
for i, offer in ipairs(won) do
  local id = stem .. i
  -- A standby makes up for what its forerunner leaves open.
  local needs = input.fill == 'all' and offer[input.counts] or deal.needs
  redis.call('HSET', key('contract', id), 'kind', 'task', 'buyer', input.buyer, 'conversation', input.conversation,
    'task', input.task, 'resource', input.resource, 'counts', input.counts, 'needs', needs,
    'graceMs', terms.graceMs, 'reportEveryMs', terms.reportEveryMs, 'lateMs', terms.lateMs,
    'rebatePermille', terms.rebatePermille, 'bond', bond, 'penaltyPermille', terms.penaltyPermille,
    'disputeMs', terms.disputeMs, 'frame', input.frameText, 'standbys', '[' .. table.concat(standbys, ',') .. ']',
    'tried', 0, 'awardedAt', now)
  if input.approved then redis.call('HSET', key('contract', id), 'approved', 1) end
  if input.tokens then redis.call('HSET', key('contract', id), 'tokens', input.tokens) end
  local c = {
    id = id, attempt = 1, buyer = input.buyer, resource = input.resource, bond = bond, grace = terms.graceMs,
    tokens = input.tokens,
  }
  local due_at, slots, fences = give_task(c, offer)
  winners[i] = { contract = id, participant = offer.participant, intent = offer.intent, slots = slots, fences = fences }
  contracts[i] = {
    contract = id, participant = offer.participant, intent = offer.intent, priceMicro = tostring(offer.price),
    units = offer.units, startBy = offer.startBy, deadline = offer.deadline, slots = slots, fences = fences, dueAt = due_at,
  }
end
redis.call('HSET', task, 'conversation', input.conversation, 'live', #won, 'done', 0)

local shown = {}
for i, offer in ipairs(input.offers) do
  shown[i] = {
    participant = offer.participant, intent = offer.intent, ['until'] = offer.until_ms, nkey = offer.nkey,
    hold = offer.hold, completesAt = offer.completesAt, quality = offer.quality, risk = offer.risk,
    issues = offer.issuesText, outcome = verdicts[i].outcome, detail = verdicts[i].detail,
  }
end
return done(input, {
  kind = 'engage', buyer = input.buyer, class = buyer.class, conversation = input.conversation, task = input.task,
  resource = input.resource, policy = input.policy, limitMicro = input.limitMicro, approved = input.approved,
  tokens = input.tokens, frame = input.frameText,
  fill = input.fill, counts = input.counts, total = input.total, conditions = terms, rule = input.rule,
  weights = input.weights, offers = shown, winners = winners,
}, { conversation = input.conversation, at = now, contracts = contracts, verdicts = verdicts, deposits = told_deposits() })
