#!lua
-- Reads a bucket as it is kept, and what is known of the account that asks about it.
-- KEYS: meta
-- ARGV: bucket, agent
-- REPLY: fields, use, class, at
-- include: bucket
local agent = given(input.agent)
local account = agent and account_of(agent)
local reply = { at = now, class = account and account.class or nil }
local flat = redis.call('HGETALL', key('bucket', input.bucket))
if #flat > 0 then
  reply.fields = {}
  for i = 1, #flat, 2 do reply.fields[flat[i]] = flat[i + 1] end
  local use = account and redis.call('HGET', key('taken', input.bucket), account.owner or account.id)
  reply.use = use or nil
end
return cjson.encode(reply)
