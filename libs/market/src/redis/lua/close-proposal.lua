#!lua
-- Says what came of an approved engagement: its contracts, or why the bank refused it after all.
-- KEYS: meta
-- ARGV: proposal, contracts, detail, message
-- REPLY: ok, proposal, about, state, asker, conversation, at
-- include: reply
-- include: proposal
local p = proposal_of(input.proposal)
if not p then return refuse('unknown', 'there is no proposal ' .. input.proposal) end
if p.state == 'pending' then return refuse('stale', 'the proposal is not decided yet') end
-- Two brokers may try at once: contracts that there are outweigh a refusal that was faster.
local open = p.engages and (p.state == 'approved' or (p.state == 'failed' and input.contracts))
if not open then return refuse('expired', 'the proposal is ' .. p.state) end

local state = input.contracts and 'engaged' or 'failed'
local name = key('proposal', p.id)
redis.call('HSET', name, 'state', state)
if input.contracts then
  redis.call('HSET', name, 'contracts', table.concat(input.contracts, ','))
  redis.call('HDEL', name, 'detail')
else
  redis.call('HSET', name, 'detail', input.detail, 'message', input.message)
end
end_proposal(p.id)
journal({
  kind = 'close-proposal', proposal = p.id, state = state, contracts = input.contracts, detail = input.detail,
  message = input.message,
})
return cjson.encode({
  ok = true, proposal = p.id, about = p.about, state = state, asker = p.by, conversation = p.conversation, at = now,
})
