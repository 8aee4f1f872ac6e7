-- What waits for an operator: a proposal's record, how many may wait, and what goes when one waits no more.
-- include: slots

-- Operators can look through so many; one asker must not take all the room.
local MAX_WAITING, MAX_ASKED = 10000, 64

-- So many of one asker may wait while so many wait in all: less and less as the room goes, so that whoever has nothing
-- there still finds some.
local function share_of(waiting) return min(MAX_ASKED, ceil((MAX_WAITING - waiting) / MAX_ASKED)) end
-- An approved engagement is done at once; where the broker died before, another one takes it up after so long.
local CLOSED_WITHIN_MS = 5000

local function proposal_of(id)
  local f = redis.call('HMGET', key('proposal', id), 'state', 'by', 'about', 'conversation', 'text', 'expiresAt')
  if not f[1] then return nil end
  return {
    id = id, state = f[1], by = f[2], about = f[3], conversation = f[4], engages = f[5] ~= '', expires_at = tonumber(f[6]),
  }
end

-- It is looked up for a day yet.
local function end_proposal(id)
  redis.call('PEXPIRE', key('proposal', id), ENDED_KEPT_MS)
  redis.call('ZREM', key('deadlines'), 'proposal:' .. id)
end

local function stop_waiting(p)
  redis.call('ZREM', key('proposals'), p.id)
  if redis.call('HINCRBY', key('asking'), p.by, -1) == 0 then redis.call('HDEL', key('asking'), p.by) end
end
