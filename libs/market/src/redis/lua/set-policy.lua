#!lua
-- Replaces the market's rules; whatever was judged by an older version of them is refused from now on.
-- KEYS: meta
-- ARGV: by, key, digest, text
-- REPLY: ok, version, at
-- include: reply
local saved = replay(input)
if saved then return saved end

local version = redis.call('HINCRBY', META, 'policyVersion', 1)
redis.call('SET', key('policy'), input.text)
return done(input, { kind = 'set-policy', version = version, text = input.text }, { version = version, at = now })
