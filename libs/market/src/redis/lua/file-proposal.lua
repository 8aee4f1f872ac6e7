#!lua
-- Files what an operator must decide: an engagement that a rule wants approved, or a negotiation that is stuck.
-- KEYS: meta
-- ARGV: by, key, digest, about, buyer, conversation, rule, message, amountMicro, withinMs, text
-- REPLY: ok, proposal, about, state, asker, conversation, at, expiresAt
-- include: reply
-- include: proposal
local saved = replay(input)
if saved then return saved end
if input.amountMicro and not price_of(input.amountMicro) then
  return refuse('malformed', 'amountMicro: 0 or 1 to 14 digits')
end
local own, waiting = tonumber(redis.call('HGET', key('asking'), input.by) or '0'), redis.call('ZCARD', key('proposals'))
local share = share_of(waiting)
if own >= share then
  return refuse('no-capacity', own .. ' proposals of ' .. input.by .. ' wait, ' .. waiting .. ' in all: one asker may have '
    .. share .. ' now; let operators decide those first')
end

local id, expires_at = 'p' .. redis.call('HINCRBY', META, 'proposalsFiled', 1), now + input.withinMs
redis.call('HSET', key('proposal', id), 'about', input.about, 'state', 'pending', 'by', input.by, 'buyer', input.buyer,
  'conversation', input.conversation, 'rule', input.rule or '', 'message', input.message,
  'amountMicro', input.amountMicro or '', 'text', input.text or '', 'filedAt', now, 'expiresAt', expires_at)
redis.call('ZADD', key('proposals'), expires_at, id)
redis.call('HINCRBY', key('asking'), input.by, 1)
redis.call('ZADD', key('deadlines'), expires_at, 'proposal:' .. id)
return done(input, {
  kind = 'file-proposal', proposal = id, about = input.about, buyer = input.buyer, conversation = input.conversation,
  rule = input.rule, message = input.message, amountMicro = input.amountMicro, withinMs = input.withinMs,
  text = input.text,
}, {
  proposal = id, about = input.about, state = 'pending', asker = input.by, conversation = input.conversation, at = now,
  expiresAt = expires_at,
})
