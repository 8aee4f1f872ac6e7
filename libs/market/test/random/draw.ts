// What a random negotiation is about, and who in it is good, slow, greedy, a liar, or about to die.
import {
  type Bounds,
  type Conditions,
  DEFAULT_CONDITIONS,
  type Fill,
  type Frame,
  type Issues,
  type Offer,
  type Protocol,
  type TaskCall,
} from '../../src/index.js';
import type { Chance } from '../haggle-world.js';
import { FORGED } from './bank.js';

export const RESOURCE = 'gpu.h100';
export const forms = ['one', 'all', 'some', 'iterated', 'monotonic-concession', 'alternating-offers'] as const;
export type Form = (typeof forms)[number];

export interface Plan {
  readonly form: Form;
  readonly conversation: string;
  readonly buyer: string;
  readonly call: TaskCall;
  /** How far the buyer would go beyond what it announces. */
  readonly limits: Bounds;
  readonly escalates: boolean;
  /** The first bilateral provider. */
  readonly provider: string;
}

const shares: readonly Form[] = [
  ...(['one', 'one', 'one', 'all', 'some', 'iterated', 'iterated'] as const),
  ...(['monotonic-concession', 'monotonic-concession', 'alternating-offers'] as const),
];

export function planOf(
  chance: Chance,
  n: number,
  nowMs: number,
  buyers: readonly string[],
  providers: readonly string[],
): Plan {
  const form = chance.of(shares);
  const conversation = `k${n}`;
  const buyer = chance.of(buyers);
  const windowMs = 120 + chance.below(200);
  const frame = frameOf(chance, conversation, buyer);
  const startBy = nowMs + 2500 + chance.below(4000);
  const durationMs = 100 + chance.below(900);
  const ask: Issues = {
    ...{
      priceMicro: String(300 + chance.below(700)),
      startBy,
      deadline: startBy + 1500 + chance.below(1500),
      durationMs,
    },
    ...{ units: form === 'all' || form === 'some' ? 4 : 1 + chance.below(2), batch: 8, scope: 1000, region: 'eu' },
  };
  const limits: Bounds = {
    priceMicro: { min: '1', max: '1000' },
    deadline: { min: nowMs, max: ask.deadline + 6000 },
  };
  const bilateral = form === 'monotonic-concession' || form === 'alternating-offers';
  const protocol: Protocol = {
    ...{ kind: bilateral ? form : 'contract-net' },
    ...{
      mode: form === 'iterated' || chance.happens(0.5) ? 'optimal' : 'fast',
      maxRounds: 1 + chance.below(bilateral ? 14 : 7),
    },
    ...{ roundMs: 150 + chance.below(350), endsAt: nowMs + 3000 + chance.below(6000), minImprovementPermille: 10 },
    ...(form === 'alternating-offers' ? { discountPermille: { buyer: 700 + chance.below(300), provider: 900 } } : {}),
  };
  const fill: Fill = { kind: form === 'all' ? 'all' : form === 'some' ? 'some' : 'one', by: 'units' };
  const call: TaskCall = {
    ...{ direction: 'buy', frame, ask, bounds: boundsOf(chance, form, ask), fill, protocol, round: 1 },
    ...(chance.happens(0.3)
      ? { rule: 'best-score', weights: { cost: 700, speed: 300, quality: 200, risk: 100 } }
      : { rule: 'lowest-price' }),
    closesAt: nowMs + windowMs,
  };
  return { form, conversation, buyer, call, limits, escalates: chance.happens(0.6), provider: chance.of(providers) };
}

function frameOf(chance: Chance, conversation: string, buyer: string): Frame {
  const conditions: Conditions = {
    ...DEFAULT_CONDITIONS,
    ...{ graceMs: 400 + chance.below(600), reportEveryMs: 300 + chance.below(600), lateMs: 200 + chance.below(800) },
    ...{ bondMicro: chance.happens(0.4) ? '20' : '0', disputeMs: chance.happens(0.4) ? 400 : 0 },
  };
  return {
    ...{ market: 'm', conversation, buyer, conditions },
    task: {
      // At times the same task twice: given out once.
      ...{ task: chance.happens(0.08) ? 'common' : `task-${conversation}`, summary: 'work', resource: RESOURCE },
      ...{ dataClass: 'internal', inputs: { conversation } },
    },
  };
}

function boundsOf(chance: Chance, form: Form, ask: Issues): Bounds {
  const { priceMicro, deadline } = ask;
  const bilateral = form === 'monotonic-concession' || form === 'alternating-offers';
  return {
    priceMicro: { min: '1', max: bilateral ? '1200' : String(Number(priceMicro) + 100) },
    ...(form === 'all' || form === 'some' ? { units: { min: 1, max: 4 } } : {}),
    // The 48 hours of the issue: fixed in many calls, so that a later deadline is a counter-proposal.
    ...(chance.happens(0.5) ? { deadline: { min: ask.startBy, max: deadline + 500 } } : {}),
  };
}

/** A provider in one negotiation. */
export interface Character {
  readonly intent: string;
  readonly costMicro: number;
  /** Cannot be done before that. */
  readonly readyAt: number;
  readonly mood: 'willing' | 'refuses' | 'silent' | 'forges' | 'greedy' | 'busy';
  readonly units: number;
  readonly holds: boolean;
  readonly validMs: number;
  readonly work: 'done' | 'fails' | 'hangs' | 'leaves' | 'turns down' | 'asks time';
  /** Dies so long after it was asked, and comes back with what it wrote down; or never. */
  readonly diesAfterMs: number | undefined;
  readonly comesBackAfterMs: number | undefined;
}

const moods = [
  ...(['willing', 'willing', 'willing', 'willing', 'willing', 'willing', 'willing'] as const),
  ...(['refuses', 'silent', 'forges', 'greedy', 'busy', 'busy'] as const),
];
const works = [
  ...(['done', 'done', 'done', 'done', 'done', 'done', 'done', 'done'] as const),
  ...(['fails', 'hangs', 'leaves', 'turns down', 'turns down', 'asks time', 'asks time'] as const),
];

export function characterOf(chance: Chance, call: TaskCall, provider: string): Character {
  const { ask, frame, fill } = call;
  const dies = chance.happens(0.12);
  return {
    ...{ intent: `${provider}-${frame.conversation}`, costMicro: 100 + chance.below(900), mood: chance.of(moods) },
    readyAt: chance.happens(0.25) ? ask.deadline + 1 + chance.below(5000) : ask.deadline,
    ...{ units: fill.kind === 'one' ? ask.units : 1 + chance.below(3), holds: chance.happens(0.4) },
    ...{ validMs: chance.happens(0.1) ? 10 + chance.below(600) : 800 + chance.below(9000), work: chance.of(works) },
    diesAfterMs: dies ? chance.below(chance.happens(0.5) ? 1500 : 8000) : undefined,
    comesBackAfterMs: chance.happens(0.6) ? 100 + chance.below(3000) : undefined,
  };
}

/** When a buyer's process dies, and whether another takes over what the bank knows. */
export function buyersDeath(
  chance: Chance,
): { readonly atMs: number; readonly backMs: number | undefined } | undefined {
  if (!chance.happens(0.12)) return undefined;
  return {
    atMs: chance.below(chance.happens(0.6) ? 900 : 8000),
    backMs: chance.happens(0.7) ? 100 + chance.below(2000) : undefined,
  };
}

export function offerOf(
  call: TaskCall,
  provider: string,
  intent: string,
  issues: Issues,
  until: number,
  more: { readonly hold?: string | undefined; readonly forged?: boolean },
): Offer {
  const { units, priceMicro } = issues;
  const signature = more.forged === true ? FORGED : 'A'.repeat(43);
  return {
    issues,
    seal: {
      ...{ participant: provider, units, priceMicro, intent, until, seal: 'mac', session: 's', sessionUntil: until },
      signature,
    },
    ...(more.hold === undefined ? {} : { hold: more.hold }),
    ...{
      completesAt: Math.min(issues.deadline, issues.startBy + issues.durationMs),
      assumptions: [],
      dependencies: [],
    },
    ...{ quality: 500 + (Number(priceMicro) % 400), risk: 100 + (call.round % 10) },
  };
}
