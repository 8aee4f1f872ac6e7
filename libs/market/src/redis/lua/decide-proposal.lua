#!lua
-- Decides what waits: an operator approves or denies it, or the sweeper finds its time over.
-- KEYS: meta
-- ARGV: kind, by, key, digest, proposal
-- REPLY: ok, proposal, about, state, asker, conversation, at
-- include: reply
-- include: proposal
local sweep = input.kind == 'expire'
if not sweep then
  local saved = replay(input)
  if saved then return saved end
end
local p = proposal_of(input.proposal)
if not p then return refuse('unknown', 'there is no proposal ' .. input.proposal) end
if p.state == 'approved' then return refuse('duplicate', 'the proposal is approved already') end
if p.state ~= 'pending' then return refuse('expired', 'the proposal is ' .. p.state) end
if sweep and now < p.expires_at then return refuse('stale', 'the proposal may still be decided') end
if not sweep and now >= p.expires_at then
  return refuse('expired', 'the proposal had to be decided by ' .. p.expires_at)
end

local verdicts = { approve = 'approved', deny = 'denied', expire = 'expired' }
local state = verdicts[input.kind]
redis.call('HSET', key('proposal', p.id), 'state', state, 'decidedBy', input.by or '', 'decidedAt', now)
stop_waiting(p)
if state == 'approved' and p.engages then
  redis.call('ZADD', key('deadlines'), now + CLOSED_WITHIN_MS, 'proposal:' .. p.id)
else
  end_proposal(p.id)
end
local entry = { kind = 'decide-proposal', proposal = p.id, state = state }
local reply = {
  proposal = p.id, about = p.about, state = state, asker = p.by, conversation = p.conversation, at = now,
}
if sweep then
  journal(entry)
  reply.ok = true
  return cjson.encode(reply)
end
return done(input, entry, reply)
