#!lua
-- Ends a hold whose time is over: what was not given back counts as used, and is paid.
-- KEYS: meta
-- ARGV: hold
-- REPLY: ok, hold, bucket, agent, paidMicro, at
-- include: reply
-- include: bucket
local h = hold_of(input.hold)
if not h then return refuse('unknown', 'there is no hold ' .. input.hold) end
if h.since.state ~= 'held' then return refuse('expired', 'the hold is ' .. h.since.state) end
if now < h.expiresAt then return refuse('stale', 'the hold lasts until ' .. h.expiresAt) end

local posted = h.amount - h.since.paid
end_hold(h, 'expired', posted)
save_hold(h)
journal({ kind = 'expire-hold', hold = h.hold, paid = posted })
return cjson.encode({
  ok = true, hold = h.hold, bucket = h.bucket, agent = h.agent, paidMicro = digits(h.since.paid), at = now,
})
