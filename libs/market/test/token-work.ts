// Tasks that bring rate tokens, for the random token markets: who is engaged with which hold, and how the work goes on.
import { bodyDigest } from '@tender/credits';
import fc from 'fast-check';
import type { MarketBook, MarketCommand } from '../src/index.js';
import { type TaskHand, testReceipt } from '../src/testing/index.js';
import { AGENTS, often } from './drawn.js';

type Command<K extends MarketCommand['kind']> = Extract<MarketCommand, { kind: K }>;
export type WorkCommand = Command<'engage' | 'report' | 'overdue-task'>;

export interface HireDraw {
  readonly kind: 'hire';
  /** `offered`: one of which something is offered to somebody. */
  readonly hold: string;
  readonly providers: readonly string[];
  readonly fill: 'one' | 'some';
  readonly disputeMs: number;
}

export interface WorkDraw {
  readonly kind: 'work';
  /** One of the contracts that there are, the latest first. */
  readonly which: number;
  readonly step: 'take' | 'run' | 'done' | 'fail' | 'turn-down' | 'decommit' | 'accept';
}

export const workDraw: fc.Arbitrary<HireDraw | WorkDraw> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('hire' as const),
      hold: often(
        fc.nat({ max: 4 }).map((n) => `any-${n}`),
        fc.constantFrom('offered', 'offered', 'nobody'),
      ),
      providers: fc.array(fc.constantFrom(...AGENTS), { minLength: 1, maxLength: 3 }),
      fill: fc.constantFrom('one' as const, 'some' as const),
      disputeMs: fc.constantFrom(0, 0, 900),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('work' as const),
      which: fc.nat({ max: 2 }),
      step: fc.constantFrom('take', 'run', 'done', 'done', 'fail', 'turn-down', 'decommit', 'accept'),
    }),
  },
);

/** An engagement in a conversation of its own, by whoever has the hold. */
export function hireOf(hand: TaskHand, book: MarketBook, { providers, ...draw }: HireDraw, id: string) {
  const buyer = book.holds.get(draw.hold)?.taken.agent ?? AGENTS[0];
  const { fill, disputeMs } = draw;
  const input = hand.engageInput({
    ...{ conversation: id, task: id, buyer, tokens: draw.hold, fill, total: fill === 'some' ? 2 : 1 },
    conditions: { bondMicro: '1', disputeMs },
    offers: providers.map((participant, n) => ({ participant, intent: `${id}-${n}`, price: 3 })),
  });
  return { kind: 'engage', ...input } satisfies Command<'engage'>;
}

/** A step of the side whose it is; undefined where there is no contract. */
export function workOf(book: MarketBook, { which, step }: WorkDraw, id: string, nowMs: number) {
  const task = [...book.tasks.values()].at(-1 - which);
  if (task === undefined) return undefined;
  const buys = step === 'accept' || (step === 'decommit' && which > 0);
  const outcome = step === 'done' ? 'done' : 'failed';
  const receipt =
    step === 'done' || step === 'fail' ? ({ receiptOutcome: outcome, text: testReceipt(outcome, nowMs) } as const) : {};
  const judged = step === 'turn-down' ? { policy: 0 } : {};
  const body = { contract: task.id, step, ...receipt, ...judged };
  const by = buys ? task.buyer : task.participant;
  return { kind: 'report', by, key: id, digest: bodyDigest('report', body), ...body } satisfies Command<'report'>;
}
