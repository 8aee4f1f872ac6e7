-- How a ledger script answers: one status of the closed list, saved under the caller's key where state changed.
-- include: idempotency
local function refuse(status, detail, retry_at)
  return cjson.encode({ status = status, detail = detail, retryAt = retry_at })
end

-- The saved answer to this key, if there is one.
local function replay()
  local found, saved = recall(input.by, input.key, input.digest)
  if found == 'same' then
    local reply = cjson.decode(saved)
    reply.replayed = true
    return cjson.encode(reply)
  end
  if found == 'other' then return refuse('key-reused', 'this key was used with another body: take a new key') end
  return nil
end

local function done(status, entry)
  entry.by, entry.key, entry.digest = input.by, input.key, input.digest
  journal(entry)
  local reply = cjson.encode({ status = status })
  remember(input.by, input.key, input.digest, reply)
  return reply
end
