// The table of a buyer's announced call, cell by cell.
import { readFileSync } from 'node:fs';
import { type HireEvent, type HireState, hireStep, hireTable } from '../src/index.js';
import { events, IN_THE_END, NOW, states } from './hire-support.js';
import { walkTable } from './task-support.js';

const [rejected, cancelled] = ['ended: reject finish', 'ended: cancel finish'];
const early = 'not-your-turn';
const page = readFileSync(new URL('../NEGOTIATION.md', import.meta.url), 'utf8');
walkTable<HireState, HireEvent>('hire', page, {
  ...{ table: hireTable, states, events, step: hireStep, times: [NOW, IN_THE_END] },
  expected: {
    calling: {
      ...{ tender: ['calling:', 'calling: reject'], refused: ['calling:', 'late'], withdrawn: 'calling:' },
      ...{ close: ['settling: engage', rejected], revise: early, settle: ['settling: engage', 'unknown'] },
      ...{ abort: rejected, engaged: early, filed: early, declined: early, decided: early, tick: [early, rejected] },
    },
    revising: {
      ...{ tender: 'revising: reject', refused: 'late', withdrawn: 'revising:', close: 'duplicate' },
      ...{ revise: ['calling: recall', 'late'], settle: ['settling: engage', 'unknown'], abort: cancelled },
      ...{ engaged: 'stale', filed: 'stale', declined: 'stale', decided: 'stale' },
      tick: [early, 'escalated: escalate'],
    },
    settling: {
      ...{ tender: 'settling: reject', refused: 'late', withdrawn: 'late', close: 'duplicate', revise: 'late' },
      ...{ settle: 'duplicate', abort: 'late', engaged: 'hired: inform finish', filed: 'pending: inform-pending' },
      ...{ declined: ['revising: choose', rejected], decided: early, tick: early },
    },
    pending: {
      ...{ tender: 'pending: reject', refused: 'late', withdrawn: 'late', close: 'duplicate', revise: 'late' },
      ...{ settle: 'duplicate', abort: 'late', engaged: 'hired: inform finish', filed: 'duplicate' },
      ...{ declined: 'stale', decided: rejected, tick: [early, rejected] },
    },
    escalated: {
      ...{ tender: 'escalated: reject', refused: 'late', withdrawn: 'late', close: 'duplicate', revise: 'round-limit' },
      ...{ settle: ['settling: engage', 'unknown'], abort: 'late', engaged: 'hired: inform finish' },
      ...{ filed: 'duplicate', declined: 'stale', decided: cancelled, tick: [early, cancelled] },
    },
    hired: {
      ...{ tender: 'hired: reject', refused: 'late', withdrawn: 'late', close: 'stale', revise: 'late' },
      ...{ settle: 'late', abort: 'late', engaged: 'duplicate', filed: 'stale', declined: 'stale', decided: 'stale' },
      tick: 'stale',
    },
    ended: {
      ...{ tender: 'ended: reject', refused: 'late', withdrawn: 'late', close: 'stale', revise: 'expired' },
      ...{ settle: 'expired', abort: 'duplicate', engaged: 'stale', filed: 'stale', declined: 'stale' },
      ...{ decided: 'stale', tick: 'stale' },
    },
  },
});
