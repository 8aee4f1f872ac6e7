// The tables of the two sides of a running contract, cell by cell.
import { readFileSync } from 'node:fs';
import {
  type OrderEvent,
  type OrderState,
  orderStep,
  orderTable,
  type ProvideEvent,
  type ProvideState,
  provideStep,
  provideTable,
} from '../src/index.js';
import { walkTable } from './task-support.js';
import { IN_THE_END, NOW, orderEvents, orderStates, provideEvents, provideStates } from './work-support.js';

const early = 'not-your-turn';
const page = readFileSync(new URL('../NEGOTIATION.md', import.meta.url), 'utf8');
const unbegun = { progress: early, 'ask-time': early, finished: early, leave: 'reporting: report' } as const;
walkTable<ProvideState, ProvideEvent>('provide', page, {
  ...{ table: provideTable, states: provideStates, events: provideEvents, step: provideStep },
  times: [NOW, IN_THE_END],
  expected: {
    waiting: {
      ...{ 'task-start': 'taking: report', validated: early, unfit: 'reporting: report', ...unbegun },
      ...{ seen: 'over: finish', refused: 'waiting:', unanswered: 'waiting:', nudge: 'waiting: inquire' },
      tick: [early, 'taking: report'],
    },
    taking: {
      ...{ 'task-start': 'duplicate', validated: early, unfit: 'reporting: report', ...unbegun },
      ...{ seen: 'over: finish', refused: 'taking:', unanswered: 'taking:', nudge: 'taking: inquire' },
      tick: [early, 'taking: report'],
    },
    validating: {
      ...{ 'task-start': 'duplicate', validated: 'starting: report', unfit: 'reporting: report', ...unbegun },
      ...{ seen: 'over: finish', refused: 'validating:', unanswered: 'validating:', nudge: 'validating: inquire' },
      tick: [early, 'validating: inquire'],
    },
    starting: {
      ...{ 'task-start': 'duplicate', validated: 'duplicate', unfit: 'late', ...unbegun },
      ...{ seen: 'over: finish', refused: 'starting:', unanswered: 'starting:', nudge: 'starting: inquire' },
      tick: [early, 'starting: report'],
    },
    resuming: {
      ...{ 'task-start': 'duplicate', validated: early, unfit: early, progress: early, 'ask-time': early },
      ...{ finished: early, leave: early, seen: 'over: finish', refused: 'resuming:', unanswered: 'resuming:' },
      ...{ nudge: 'resuming: inquire', tick: [early, 'resuming: report'] },
    },
    working: {
      ...{ 'task-start': 'duplicate', validated: 'duplicate', unfit: 'late', progress: 'working: tell-progress' },
      ...{ 'ask-time': 'asking-time: report', finished: 'reporting: report', leave: 'reporting: stop report' },
      ...{ seen: 'over: stop finish', refused: 'working:', unanswered: 'working:', nudge: 'working: report' },
      tick: [early, 'working: report'],
    },
    'asking-time': {
      ...{ 'task-start': 'duplicate', validated: 'duplicate', unfit: 'late', progress: 'asking-time: tell-progress' },
      ...{ 'ask-time': 'duplicate', finished: 'reporting: time report', leave: 'reporting: stop time report' },
      ...{ seen: 'over: stop time finish', refused: 'asking-time:', unanswered: 'asking-time:' },
      nudge: ['asking-time: report', 'asking-time: report report'],
      tick: [early, 'asking-time: report report'],
    },
    reporting: {
      ...{ 'task-start': 'duplicate', validated: 'late', unfit: 'late', progress: 'late', 'ask-time': 'late' },
      ...{ finished: 'late', leave: 'late', seen: 'over: tell-done finish', refused: 'reporting:' },
      ...{ unanswered: 'reporting:', nudge: 'reporting: inquire', tick: [early, 'reporting: report'] },
    },
    delivered: {
      ...{ 'task-start': 'late', validated: 'late', unfit: 'late', progress: 'late', 'ask-time': 'late' },
      ...{ finished: 'duplicate', leave: 'late', seen: 'over: finish', refused: 'delivered:' },
      ...{ unanswered: 'delivered:', nudge: 'delivered: inquire', tick: [early, 'delivered: inquire'] },
    },
    over: {
      ...{ 'task-start': 'expired', validated: 'stale', unfit: 'stale', progress: 'stale', 'ask-time': 'expired' },
      ...{ finished: 'stale', leave: 'expired', seen: 'stale', refused: 'stale', unanswered: 'stale' },
      ...{ nudge: 'stale', tick: 'stale' },
    },
  },
});

const undecided = { grant: early, deny: early, accept: early, dispute: early } as const;
const decidedTime = { grant: 'late', deny: 'late' } as const;
walkTable<OrderState, OrderEvent>('order', page, {
  ...{ table: orderTable, states: orderStates, events: orderEvents, step: orderStep, times: [NOW, IN_THE_END] },
  expected: {
    waiting: {
      ...{ progress: 'waiting: progress inquire', done: 'waiting: inquire', ...undecided, leave: 'waiting: report' },
      ...{ seen: 'over: finish', refused: 'waiting:', unanswered: 'waiting:', nudge: 'waiting: inquire' },
      tick: [early, 'waiting: inquire'],
    },
    running: {
      ...{ progress: 'running: progress', done: 'running: inquire', ...undecided, leave: 'running: report' },
      ...{ seen: 'over: finish', refused: 'running:', unanswered: 'running:', nudge: 'running: inquire' },
      tick: [early, 'running: inquire'],
    },
    granting: {
      ...{ progress: 'granting: progress', done: 'granting: inquire', grant: 'granting: report' },
      ...{ deny: 'granting: report', accept: early, dispute: early, leave: 'granting: report' },
      ...{ seen: 'over: finish', refused: 'granting:', unanswered: 'granting:', nudge: 'granting: inquire' },
      tick: [early, 'granting: inquire'],
    },
    deciding: {
      ...{ progress: 'late', done: 'duplicate', ...decidedTime, accept: 'deciding: report' },
      ...{ dispute: 'deciding: report', leave: 'late', seen: 'over: finish', refused: 'deciding:' },
      ...{ unanswered: 'deciding:', nudge: 'deciding: inquire', tick: [early, 'deciding: inquire'] },
    },
    disputed: {
      ...{ progress: 'late', done: 'duplicate', ...decidedTime, accept: 'disputed: report' },
      ...{ dispute: 'duplicate', leave: 'late', seen: 'over: finish', refused: 'disputed:' },
      ...{ unanswered: 'disputed:', nudge: 'disputed: inquire', tick: [early, 'disputed: inquire'] },
    },
    over: {
      ...{ progress: 'stale', done: 'stale', grant: 'expired', deny: 'expired', accept: 'expired' },
      ...{ dispute: 'expired', leave: 'expired', seen: 'stale', refused: 'stale', unanswered: 'stale' },
      ...{ nudge: 'stale', tick: 'stale' },
    },
  },
});
