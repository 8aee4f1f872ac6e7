-- The record of a hold of rate tokens, for those who sell, end or only ask for it.
-- include: market

-- A hold's journal entry, verbatim, and what became of it since, both as they are kept: the entry as text, then, after a
-- line break and once something became of it: state, paid, sold, offer, tasks (the contracts whose work has its tokens);
-- endedAt and the answer to whoever ended it.
-- nil where there is none.
local function hold_record(id)
  local text = redis.call('GET', key('hold', id))
  if not text then return nil end
  local line = string.find(text, '\n', 1, true)
  if not line then return text, { state = 'held', paid = 0 } end
  return string.sub(text, 1, line - 1), cjson.decode(string.sub(text, line + 1))
end

-- Whether somebody has tokens in hand under this id.
local function holds_tokens(id, agent)
  local taken_text, since = hold_record(id)
  if not taken_text or since.state ~= 'held' then return false end
  local taken = cjson.decode(taken_text)
  return taken.agent == agent and now < taken.expiresAt
end

-- Notes that a contract's work has the tokens of a hold from now on, or no longer. Of a hold that is over nothing is left.
local function note_tokens_at_work(id, contract, at_work)
  local taken_text, since = hold_record(id)
  if not taken_text or since.state ~= 'held' then return end
  local tasks, known = {}, false
  for _, other in ipairs(since.tasks or {}) do
    if other == contract then known = true else tasks[#tasks + 1] = other end
  end
  if known == at_work then return end
  if at_work then tasks[#tasks + 1] = contract end
  since.tasks = #tasks > 0 and tasks or nil
  redis.call('SET', key('hold', id), taken_text .. '\n' .. cjson.encode(since))
end
