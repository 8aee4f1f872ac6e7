-- The life of a task's contract, state by state: where each step leads, and why the others are refused.
-- src/task/life-cycle.ts states the same table, and a test walks both cell by cell.
local LIFE_CYCLE = {
  awarded = {
    to = {
      take = 'starting', ['turn-down'] = 'awarded', decommit = 'decommitted', preempt = 'preempted', overdue = 'violated',
    },
    no = {}, otherwise = 'not-your-turn',
  },
  starting = {
    to = {
      run = 'running', resume = 'starting', ['turn-down'] = 'awarded', fail = 'failed', decommit = 'decommitted', preempt = 'preempted',
      overdue = 'violated',
    },
    no = { take = 'duplicate' }, otherwise = 'not-your-turn',
  },
  running = {
    to = {
      resume = 'running', progress = 'running', ['ask-time'] = 'renewing', done = 'done', fail = 'failed',
      decommit = 'decommitted', preempt = 'preempted', overdue = 'failed',
    },
    no = { take = 'duplicate', run = 'duplicate', ['turn-down'] = 'late' }, otherwise = 'not-your-turn',
  },
  renewing = {
    to = {
      resume = 'renewing', progress = 'renewing', done = 'done', fail = 'failed', ['grant-time'] = 'running',
      ['deny-time'] = 'running', decommit = 'decommitted', preempt = 'preempted', overdue = 'failed',
    },
    no = { take = 'duplicate', run = 'duplicate', ['turn-down'] = 'late', ['ask-time'] = 'duplicate' },
    otherwise = 'not-your-turn',
  },
  done = {
    to = { accept = 'settled', dispute = 'disputed', overdue = 'settled' },
    no = { done = 'duplicate', resolve = 'not-your-turn' }, otherwise = 'late',
  },
  disputed = {
    to = { accept = 'settled', resolve = 'settled', overdue = 'settled' },
    no = { dispute = 'duplicate' }, otherwise = 'late',
  },
  settled = { to = {}, no = {}, otherwise = 'expired' },
}

-- Whose step each is; the clock's is asked for by nobody.
local STEP_OF = {
  take = 'provider', run = 'provider', resume = 'provider', ['turn-down'] = 'provider', progress = 'provider',
  ['ask-time'] = 'provider', done = 'provider', fail = 'provider', ['grant-time'] = 'buyer', ['deny-time'] = 'buyer', accept = 'buyer',
  dispute = 'buyer', decommit = 'either', preempt = 'operator', resolve = 'operator',
}
