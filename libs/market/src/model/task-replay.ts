// Replay of tasks: engagements and steps as the journal tells them, done again in the model.
import { type Issues, issuesSpec } from '../task/issues.js';
import { lifeCycle } from '../task/life-cycle.js';
import { commitEngagement, type JudgedOffer } from './engage.js';
import type { EntryOf, JudgedOfferEntry } from './journal.js';
import type { MarketState } from './market-state.js';
import { commitStep, type Ended, endOf, type TakenStep } from './task.js';
import type { EngageAsked, TaskOffer } from './task-command.js';
import { paymentIds, type TaskRecord } from './task-record.js';

/** The issues of an offer as the journal has them; throws where they are none. */
export function issuesOf({ issues }: Pick<JudgedOfferEntry, 'issues'>): Issues {
  return issuesSpec.parse(JSON.parse(issues));
}

/** An offer as it was shown; what the script was told of its issues is read from the issues themselves. */
export function offerOf(entry: JudgedOfferEntry): TaskOffer {
  const { participant, intent, until, nkey, hold, completesAt, quality, risk, issues: issuesText } = entry;
  const { priceMicro, units, scope, startBy, deadline, durationMs } = issuesOf(entry);
  return {
    ...{ participant, intent, until_ms: until, hold, completesAt, quality, risk, issuesText },
    ...(nkey === undefined ? {} : { nkey }),
    ...{ price: Number(priceMicro), units, scope, startBy, deadline, durationMs },
  };
}

/** An engagement as it was asked. */
export function askedOf(entry: EntryOf<'engage'>): EngageAsked {
  const { frame: frameText, offers, ...asked } = entry;
  return { ...asked, frameText, offers: offers.map(offerOf) };
}

export function replayEngagement(market: MarketState, entry: EntryOf<'engage'>): string | undefined {
  const asked = askedOf(entry);
  const judged = entry.offers.map(
    ({ outcome, detail }, index): JudgedOffer => ({ offer: asked.offers[index]!, outcome, detail }),
  );
  const before = market.givenOut.get(`${entry.buyer}:${entry.task}`);
  if (before !== undefined && before.live > 0) {
    return `engage ${entry.conversation}: task ${entry.task} is given out in ${before.conversation}`;
  }
  if (entry.policy !== market.policyVersion) {
    return `engage ${entry.conversation}: by the rules of version ${entry.policy}, the market's are ${market.policyVersion}`;
  }
  const tasks = commitEngagement(market, asked, judged, entry.at, (index) => entry.winners[index]?.contract ?? '');
  const same = tasks.length === entry.winners.length && tasks.every((task, n) => sameWinner(task, entry.winners[n]!));
  return same
    ? undefined
    : `engage ${entry.conversation}: winners ${JSON.stringify(entry.winners)}, by the rules ${JSON.stringify(tasks)}`;
}

function sameWinner(task: TaskRecord, winner: EntryOf<'engage'>['winners'][number]): boolean {
  return (
    task.id === winner.contract &&
    task.participant === winner.participant &&
    task.intent === winner.intent &&
    sameSlots(task, winner)
  );
}

function sameSlots(task: TaskRecord, { slots = [], fences = [] }: Pick<EntryOf<'report'>, 'slots' | 'fences'>) {
  return task.slots.join() === slots.join() && task.fences.join() === fences.join();
}

export function replayReport(market: MarketState, entry: EntryOf<'report'>): string | undefined {
  const task = market.tasks.get(entry.contract);
  if (task === undefined) throw new Error(`there is no contract ${entry.contract}`);
  const { step, side, percent, deadline, text, process } = entry;
  const { policy = market.policyVersion } = entry;
  const inTime = policy === market.policyVersion && (step === 'overdue') === entry.at > task.dueAt;
  const before = { ...task };
  const cell = lifeCycle[task.state][step];
  const handedOver = entry.tried !== undefined;
  // An operator's ruling is the journal's to tell; for all the rest there are rules.
  const told = endedOf(entry);
  const ruled =
    step === 'resolve' || 'detail' in cell ? told : endOf(task, { step, side, to: cell.to, handedOver }, entry.at);
  const standby = standbyOf(task, entry);
  commitStep(market, task, { step, side, percent, deadline, text, process, standby, ended: told }, entry.at);
  const fits =
    inTime &&
    sameEnd(ruled, told) &&
    task.state === entry.state &&
    sameHandOver(task, entry) &&
    sameResumption(task, entry);
  if (told !== undefined || handedOver) forgetAttempt(market, before);
  if (told !== undefined) forgetTask(market, before);
  return fits
    ? undefined
    : `report ${entry.contract} ${step}: ${JSON.stringify(told ?? entry)}, by the rules ${JSON.stringify(ruled ?? cell)}`;
}

function standbyOf(task: TaskRecord, { tried }: EntryOf<'report'>): TakenStep['standby'] {
  if (tried === undefined) return undefined;
  const offer = task.standbys[tried - 1];
  if (offer === undefined || tried <= task.tried) throw new Error(`contract ${task.id} has no standby ${tried}`);
  return { offer, tried };
}

function sameHandOver(task: TaskRecord, entry: EntryOf<'report'>): boolean {
  if (entry.tried === undefined) return true;
  return task.participant === entry.participant && task.intent === entry.intent && sameSlots(task, entry);
}

function sameResumption(task: TaskRecord, entry: EntryOf<'report'>): boolean {
  return entry.step !== 'resume' || sameSlots(task, entry);
}

function endedOf({ outcome, paid, bondTo }: EntryOf<'report'>): Ended | undefined {
  return outcome === undefined || paid === undefined || bondTo === undefined ? undefined : { outcome, paid, bondTo };
}

function sameEnd(a: Ended | undefined, b: Ended | undefined): boolean {
  return a?.outcome === b?.outcome && a?.paid === b?.paid && a?.bondTo === b?.bondTo;
}

/** Drops what an attempt leaves behind, as of a lease: a replay never needs it. */
function forgetAttempt(market: MarketState, attempt: TaskRecord): void {
  const payments = paymentIds(attempt);
  market.ledger.forget(payments.price);
  market.ledger.forget(payments.bond);
  market.intents.delete(`${attempt.participant}:${attempt.intent}`);
  const call = market.calls.get(attempt.hold);
  if (call?.state === 'awarded' && call.leases === 0) market.calls.delete(attempt.hold);
}

function forgetTask(market: MarketState, { id, buyer, task }: TaskRecord): void {
  market.tasks.delete(id);
  if (market.givenOut.get(`${buyer}:${task}`)?.live === 0) market.givenOut.delete(`${buyer}:${task}`);
}
