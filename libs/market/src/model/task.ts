// The life of a task's contract in the model: steps, hand-over, settlement; the rules of report.lua and task.lua.
import { parseMicro } from '@tender/credits';
import { type BrokenRule, beyondRules, type StandbyRuling } from '../policy/ruling.js';
import type { Detail } from '../refusal.js';
import {
  DISPUTE_LIMIT_MS,
  type KeptState,
  keptStates,
  lifeCycle,
  type TaskOutcome,
  type TaskState,
  type TaskStep,
  taskSteps,
} from '../task/life-cycle.js';
import { settlementOf, type TaskEnd } from '../task/settlement.js';
import { type Answer, type Asked, refused } from './command.js';
import { type Bound, giveTask, MAX_MS, noteTokens, nothingBound, uncovered, unfit } from './engage.js';
import { ENDED_KEPT_MS, type MarketState } from './market-state.js';
import type { PassedOver, ReportAsked, Reported, StandbyOffer } from './task-command.js';
import { paymentIds, type TaskRecord } from './task-record.js';
import { countHeld, noteUse, whoOf } from './wall.js';

export type Side = TaskEnd['by'];

/** A step, its consequences decided: what a journal tells, and what is done. */
export interface TakenStep {
  readonly step: TaskStep;
  readonly side: Side;
  /** Of progress, of a request for time, of a receipt. */
  readonly percent?: number | undefined;
  readonly deadline?: number | undefined;
  readonly text?: string | undefined;
  /** Of a process that takes the contract, or takes it over. */
  readonly process?: string | undefined;
  /** Who takes over after a turn-down, and how many were tried with it. */
  readonly standby?: { readonly offer: StandbyOffer; readonly tried: number } | undefined;
  readonly ended?: Ended | undefined;
}

export interface Ended {
  readonly outcome: TaskOutcome;
  readonly paid: number;
  readonly bondTo: 'buyer' | 'provider';
}

type Asking = (Asked & ReportAsked) | { readonly contract: string };

/** Without `step` it is the sweeper's question whether the contract is overdue. */
export function report(market: MarketState, asked: Asking, nowMs: number): Answer<Reported> {
  const task = market.task(asked.contract, nowMs);
  if (task === undefined) return refused('unknown');
  const asks = 'step' in asked ? asked : undefined;
  const asker = asks === undefined ? 'clock' : sideOf(market, task, asks);
  if (asker === undefined) return refused('not-permitted');
  if (asks !== undefined && asker === 'provider' && isTakenOver(task, asks)) return refused('stale');
  const over = task.state !== 'settled' && nowMs > task.dueAt;
  if (asks === undefined && task.state !== 'settled' && !over) return refused('stale');
  // What comes when the time is over finds the contract as the sweeper would leave it.
  const wanted = over ? undefined : asks;
  const step = wanted?.step ?? 'overdue';
  const cell = lifeCycle[task.state][step];
  if ('detail' in cell) return refused(cell.detail);
  const misfit = wanted && misfitOf(task, wanted);
  if (misfit !== undefined) return refused(misfit);
  const { percent, deadline, text }: Partial<ReportAsked> = wanted ?? {};
  const side = wanted === undefined ? 'clock' : asker;
  const turnsDown = wanted?.step === 'turn-down' && task.standbys.length > 0;
  if (turnsDown && wanted.policy !== market.policyVersion) return refused('stale');
  const { standby, passed } = turnsDown ? nextStandby(market, task, wanted.rulings ?? [], nowMs) : NOBODY;
  const turn: Turn = { step, side, to: cell.to, handedOver: standby !== undefined };
  const ended = wanted?.step === 'resolve' ? resolved(wanted) : endOf(task, turn, nowMs);
  const process = step === 'take' || step === 'resume' ? asks?.process : undefined;
  commitStep(market, task, { step, side, percent, deadline, text, process, standby, ended }, nowMs);
  const passedOver = passed.length > 0 ? { passedOver: passed } : {};
  return { ok: true, ...reportedOf(task, step, nowMs), ...passedOver };
}

/** A process that another has taken over from may have slept, and not know it. */
function isTakenOver(task: TaskRecord, { step, process }: ReportAsked): boolean {
  return step !== 'resume' && task.process !== undefined && task.process !== process;
}

/**
 * Whose step it is: that of the agent it is taken for, or `by` itself, or whom the host `by` speaks for; for who may be
 * both, the buyer's.
 */
function sideOf(market: MarketState, task: TaskRecord, asked: Asked & ReportAsked): Side | undefined {
  const whose = taskSteps[asked.step];
  if (whose === 'operator') return asked.operator === true ? 'operator' : undefined;
  const { by, agent } = asked;
  const isSide = agent === undefined || agent === task.buyer || agent === task.participant;
  if (!isSide || (agent !== undefined && !market.speaksFor(by, agent))) return undefined;
  const speaks = by === task.buyer || (by !== task.participant && market.speaksFor(by, task.buyer));
  const buys = agent === undefined ? speaks : agent === task.buyer;
  if (whose !== 'provider' && buys) return 'buyer';
  return whose !== 'buyer' && agent !== task.buyer && market.speaksFor(asked.by, task.participant)
    ? 'provider'
    : undefined;
}

/** What a step says that it may not say. */
function misfitOf(task: TaskRecord, asked: ReportAsked): Detail | undefined {
  const { step, percent = -1, deadline = 0, receiptOutcome, paidMicro = '', bondTo } = asked;
  if (step === 'resume' && asked.process === undefined) return 'malformed';
  if (step === 'progress' && (percent < 0 || percent > 100)) return 'malformed';
  if (step === 'ask-time' && (deadline <= task.deadline || deadline > MAX_MS)) return 'malformed';
  if ((step === 'done' && receiptOutcome !== 'done') || (step === 'fail' && receiptOutcome !== 'failed')) {
    return 'malformed';
  }
  if (step !== 'resolve') return undefined;
  const paid = parseMicro(paidMicro);
  return paid === undefined || paid > task.price || bondTo === undefined ? 'malformed' : undefined;
}

/** Who was paid nothing has done nothing: the task can be given out again. */
function resolved({ paidMicro, bondTo }: ReportAsked): Ended {
  const paid = Number(paidMicro);
  return { outcome: paid > 0 ? 'done' : 'failed', paid, bondTo: bondTo! };
}

interface Turn {
  readonly step: TaskStep;
  readonly side: Side;
  readonly to: TaskState;
  readonly handedOver: boolean;
}

/** How the contract ends with a step, by the rules; undefined where it goes on. An operator's ruling is its own. */
export function endOf(task: TaskRecord, { step, side, to, handedOver }: Turn, nowMs: number): Ended | undefined {
  const end = (outcome: TaskOutcome, at: number, more: Partial<TaskEnd> = {}): Ended => {
    const money = {
      priceMicro: task.price,
      deadline: task.deadline,
      durationMs: task.durationMs,
      conditions: task,
    };
    const { paid, forfeited } = settlementOf({ outcome, by: side, at, startedAt: task.startedAt, ...more }, money);
    return { outcome, paid, bondTo: forfeited ? 'buyer' : 'provider' };
  };
  if (step === 'turn-down') return handedOver ? undefined : end('failed', nowMs, { turnedDown: true });
  if (to === 'settled' || (to === 'done' && task.disputeMs === 0)) return end('done', task.doneAt ?? nowMs);
  if (to === 'failed' && step === 'overdue' && task.dueAt >= task.deadline + task.lateMs) return end('expired', nowMs);
  return isKept(to) ? undefined : end(to, nowMs);
}

function isKept(state: TaskState): state is KeptState {
  return (keptStates as readonly TaskState[]).includes(state);
}

/** What the present provider gives back counts as there. */
export function boundWithout(market: MarketState, task: TaskRecord, nowMs: number): Bound {
  const bound = nothingBound(market, nowMs);
  const payments = paymentIds(task);
  for (const id of [payments.price, payments.bond]) {
    const { budgets, amount = 0 } = market.ledger.transfer(id) ?? {};
    if (budgets !== undefined) bound.desk.giveBack(budgets, amount);
  }
  bound.spent = -task.price;
  bound.bonds.set(task.participant, -task.bond);
  const back = -task.slots.length;
  bound.walled.set(task.pool, task.class === 'standard' ? back : 0);
  bound.owned.set(task.pool, task.owner === whoOf(market.ledger.account(task.buyer)!) ? back : 0);
  return bound;
}

/** Who takes over, if anybody, and whom the market's rules kept from it. */
interface Next {
  readonly standby?: TakenStep['standby'];
  readonly passed: readonly PassedOver[];
}
const NOBODY: Next = { passed: [] };

/** The first standby that may be engaged in the present provider's place. */
function nextStandby(market: MarketState, task: TaskRecord, rulings: readonly StandbyRuling[], nowMs: number): Next {
  const bound = boundWithout(market, task, nowMs);
  const passed: PassedOver[] = [];
  for (const [index, offer] of task.standbys.entries()) {
    if (index < task.tried) continue;
    const broken = barredByRules(market, task, offer, rulings[index], bound);
    if (broken !== undefined) passed.push({ participant: offer.participant, intent: offer.intent, ...broken });
    else if (
      unfit(market, offer, task, bound, nowMs) === undefined &&
      uncovered(market, offer, task, bound) === undefined
    ) {
      return { standby: { offer, tried: index + 1 }, passed };
    }
  }
  return { passed };
}

/** The rule that keeps a standby from taking over, by what is bound without its forerunner. */
export function barredByRules(
  market: MarketState,
  { buyer }: Pick<TaskRecord, 'buyer'>,
  { price }: Pick<StandbyOffer, 'price'>,
  ruling: StandbyRuling | undefined,
  bound: Pick<Bound, 'spent'>,
): BrokenRule | undefined {
  if (ruling?.barred !== undefined) return ruling.barred;
  return beyondRules(ruling?.bounds, { payer: market.ledger.account(buyer)!.pending + bound.spent + price });
}

/** Takes a step; checks nothing but that the contract has such a step now, and throws where it has none. */
export function commitStep(market: MarketState, task: TaskRecord, taken: TakenStep, nowMs: number): void {
  const { step, standby, ended } = taken;
  market.ledger.tick(nowMs);
  const cell = lifeCycle[task.state][step];
  if ('detail' in cell) throw new Error(`contract ${task.id} is ${task.state}: no ${step} now`);
  note(task, taken, nowMs);
  if (cell.to !== 'renewing') task.askedDeadline = undefined;
  if (step === 'done' && ended === undefined) leaveWork(market, task, nowMs);
  if (step === 'resume') raiseFences(market, task);
  if (standby !== undefined) handOver(market, task, standby, nowMs);
  else if (ended !== undefined) endTask(market, task, ended, nowMs);
  else if (isKept(cell.to)) goOn(market, task, cell.to, nowMs);
  else throw new Error(`contract ${task.id}: ${step} ends it, but how is not told`);
}

function goOn(market: MarketState, task: TaskRecord, state: KeptState, nowMs: number): void {
  task.state = state;
  task.dueAt = Math.min(dueAt(task, nowMs), MAX_MS);
  market.deadlines.set(`task:${task.id}`, task.dueAt);
}

/** What a step says of the work. */
function note(task: TaskRecord, { step, percent, deadline, text, process }: TakenStep, nowMs: number): void {
  const resumed = step === 'resume' && task.state !== 'starting';
  if (step === 'run' || step === 'progress' || step === 'ask-time' || resumed) task.heardAt = nowMs;
  if (process !== undefined) task.process = process;
  if (step === 'run') task.startedAt = nowMs;
  if (step === 'progress') task.percent = percent!;
  if (step === 'ask-time') task.askedDeadline = deadline;
  if (step === 'grant-time') task.deadline = task.askedDeadline!;
  if (step === 'done' || step === 'fail') task.receipt = text!;
  if (step === 'done') {
    task.percent = 100;
    task.doneAt = nowMs;
  }
}

/** When the contract is overdue in the state that it has come to. */
function dueAt(task: TaskRecord, nowMs: number): number {
  switch (task.state) {
    case 'running':
    case 'renewing':
      return Math.min(task.heardAt! + task.reportEveryMs, task.deadline + task.lateMs);
    case 'done':
      return nowMs + task.disputeMs;
    case 'disputed':
      return nowMs + DISPUTE_LIMIT_MS;
    default:
      return task.dueAt;
  }
}

function endAttempt(market: MarketState, task: TaskRecord, paid: number, forfeited: boolean, nowMs: number): void {
  const payments = paymentIds(task);
  market.ledger.endPending(payments.price, paid, paid > 0 ? 'posted' : 'voided');
  if (task.bond > 0) {
    market.ledger.endPending(payments.bond, forfeited ? task.bond : 0, forfeited ? 'posted' : 'voided');
  }
  // Slots of a provider that is paid nothing were nobody's purchase: else it could make its buyer's noise.
  if (paid === 0 && task.hold !== '') {
    const who = whoOf(market.ledger.account(task.buyer)!);
    noteUse(market.pools.get(task.pool)!, who, -task.slots.length * task.durationMs, nowMs, task.handedAt);
  }
  market.leaveIntent(task, nowMs);
}

/** Slots and rate tokens are free as soon as the work is over, whatever becomes of a dispute. */
function leaveWork(market: MarketState, task: TaskRecord, nowMs: number): void {
  noteTokens(market, task, false);
  if (task.hold === '') return;
  market.freeSlots(task.pool, task.slots, task.hold, nowMs);
  countHeld(market.pools.get(task.pool)!, -task.slots.length, task.class, task.owner);
}

/** Another process works on the slots from now on: whatever guards them refuses the one before. */
function raiseFences(market: MarketState, task: TaskRecord): void {
  const slots = market.pools.get(task.pool)?.slots ?? [];
  task.fences = task.slots.map((n) => {
    slots[n]!.fence += 1;
    return slots[n]!.fence;
  });
}

function handOver(
  market: MarketState,
  task: TaskRecord,
  { offer, tried }: NonNullable<TakenStep['standby']>,
  nowMs: number,
): void {
  endAttempt(market, task, 0, false, nowMs);
  leaveWork(market, task, nowMs);
  task.attempt += 1;
  task.tried = tried;
  task.process = undefined;
  Object.assign(task, giveTask(market, task, offer, nowMs));
}

function endTask(market: MarketState, task: TaskRecord, { outcome, paid, bondTo }: Ended, nowMs: number): void {
  endAttempt(market, task, paid, bondTo === 'buyer', nowMs);
  if (task.state !== 'done' && task.state !== 'disputed') leaveWork(market, task, nowMs);
  const forgottenAt = nowMs + ENDED_KEPT_MS;
  Object.assign(task, { state: 'settled', outcome, paid, bondTo, settledAt: nowMs, dueAt: nowMs, forgottenAt });
  market.deadlines.delete(`task:${task.id}`);
  const name = `${task.buyer}:${task.task}`;
  const givenOut = market.givenOut.get(name);
  if (givenOut === undefined) throw new Error(`task ${name} is not given out`);
  givenOut.live -= 1;
  if (outcome === 'done') givenOut.done += 1;
  if (givenOut.live > 0) return;
  if (givenOut.done > 0) givenOut.forgottenAt = forgottenAt;
  else market.givenOut.delete(name);
}

function reportedOf(task: TaskRecord, step: TaskStep, nowMs: number): Reported {
  const { id: contract, state, attempt, participant, dueAt, percent, price, outcome, paid = 0, bondTo } = task;
  return {
    ...{ contract, step, state, attempt, participant, at: nowMs, dueAt, percent },
    ...(outcome === undefined || bondTo === undefined
      ? {}
      : { outcome, paidMicro: String(paid), refundedMicro: String(price - paid), bondTo }),
  };
}
