-- How a market script answers: {ok:true,…} saved under the caller's key, or {ok:false,detail,message}, unsaved.
-- include: idempotency
-- `retry_at`: when it would pass by itself, in ms; absent or 0 where that is not known. `rule`: the one that says no.
local function refuse(detail, message, verdicts, retry_at, rule)
  local at = retry_at and retry_at > 0 and retry_at or nil
  return cjson.encode({
    ok = false, detail = detail, message = message, verdicts = verdicts, retryAt = at, retryAfterMs = at and at - now,
    rule = rule,
  })
end

-- The saved answer of an operation {by,key,digest}, if there is one.
local function replay(op)
  local found, saved = recall(op.by, op.key, op.digest)
  if found == 'same' then return '{"replayed":true,' .. string.sub(saved, 2) end
  if found == 'other' then return refuse('duplicate', 'this key was used with another body: take a new key') end
  return nil
end

-- Journals what was done and saves the answer.
local function done(op, entry, reply)
  entry.by, entry.key, entry.digest = op.by, op.key, op.digest
  journal(entry)
  reply.ok = true
  local text = cjson.encode(reply)
  remember(op.by, op.key, op.digest, text)
  return text
end
