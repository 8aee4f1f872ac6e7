#!lua
-- Ends a hold whose time is over: what was not given back counts as used, and is paid.
-- KEYS: meta
-- ARGV: hold
-- REPLY: ok, hold, bucket, agent, paidMicro, at
-- include: reply
-- include: bucket
local h = hold_of(input.hold)
if not h then return refuse('unknown', 'there is no hold ' .. input.hold) end
if h.state ~= 'held' then return refuse('expired', 'the hold is ' .. h.state) end
if now < h.expires_at then return refuse('stale', 'the hold lasts until ' .. h.expires_at) end

end_hold(h, 'expired', h.amount - h.paid)
journal({ kind = 'expire-hold', hold = h.id, paid = h.amount })
return cjson.encode({
  ok = true, hold = h.id, bucket = h.bucket, agent = h.agent, paidMicro = digits(h.amount), at = now,
})
