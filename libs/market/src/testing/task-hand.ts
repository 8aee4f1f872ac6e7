// A hand on a market's tasks for tests and benches: engagements and reports in one line each, keys made up.
import { canonicalJson } from '@tender/credits';
import { bodyDigest, metaKey, runScript } from '@tender/credits/redis';
import type { Redis } from 'ioredis';
import type { TaskOffer } from '../model/task-command.js';
import { marketScripts } from '../redis/scripts.js';
import type { EngageInput, EngageReply, ReportInput, ReportReply } from '../redis/task-scripts.js';
import type { Conditions, Frame } from '../task/deal.js';
import type { Issues } from '../task/issues.js';
import type { Receipt } from '../task/receipt.js';

/** An offer with what a test does not care about left out: one unit, all of the scope, no hold, valid for an hour. */
export type OfferDraft = Partial<Omit<TaskOffer, 'issuesText'>> & { readonly participant: string };

export type EngageDraft = Partial<Omit<EngageInput, 'conditions' | 'offers' | 'frameText'>> & {
  readonly conversation: string;
  readonly conditions?: Partial<Conditions>;
  readonly offers: readonly OfferDraft[];
};

/** Tight but forgiving: a second of grace, a report every ten seconds, ten seconds late at half the price. */
const TEST_CONDITIONS: Conditions = {
  ...{ graceMs: 1_000, reportEveryMs: 10_000, lateMs: 10_000, rebatePermille: 500, bondMicro: '10' },
  ...{ penaltyPermille: 100, disputeMs: 0 },
};

const DEFAULT_BUYER = 'ann';

/** A receipt that says how it went, and little else. */
export function testReceipt(outcome: Receipt['outcome'], at: number): string {
  return canonicalJson({ outcome, startedAt: at, endedAt: at, outputs: {}, used: {}, warnings: [] } satisfies Receipt);
}

export class TaskHand {
  readonly #redis: Redis;
  readonly #market: string;
  readonly #nowMs: () => number;
  #keys = 0;

  /** @param nowMs the market's clock: drafts start and end some seconds from it. */
  constructor(redis: Redis, market: string, nowMs: () => number) {
    this.#redis = redis;
    this.#market = market;
    this.#nowMs = nowMs;
  }

  #key(): string {
    this.#keys += 1;
    return `task-key-${String(this.#keys).padStart(6, '0')}`;
  }

  offer(draft: OfferDraft, index = 0): TaskOffer {
    const now = this.#nowMs();
    const full = {
      ...{ intent: `intent-${index}`, until_ms: now + 3_600_000, price: 100, units: 1, scope: 1_000 },
      ...{ startBy: now + 1_000, deadline: now + 20_000, durationMs: 10_000, hold: '' },
      ...{ completesAt: now + 11_000, quality: 1_000 - index, risk: 500 },
      ...draft,
    };
    return { ...full, issuesText: canonicalJson(issuesOf(full)) };
  }

  engageInput({ conditions: some, offers: drafts, ...draft }: EngageDraft): EngageInput {
    const offers = drafts.map((offer, index) => this.offer(offer, index));
    const conditions = { ...TEST_CONDITIONS, ...some };
    const input = {
      ...{ by: draft.buyer ?? DEFAULT_BUYER, buyer: DEFAULT_BUYER, task: 'task-1', resource: 'gpu', policy: 0 },
      ...({ fill: 'one', counts: 'units', total: 1, key: this.#key() } as const),
      // Ranked as they are listed: quality falls from one to the next.
      ...({ rule: 'best-score', weights: { cost: 0, speed: 0, quality: 1_000, risk: 0 } } as const),
      ...draft,
      conditions,
      offers,
    };
    const body = { ...input, frameText: canonicalJson(this.#frame(input)) };
    return { digest: bodyDigest('engage', body), ...body };
  }

  #frame({ buyer, conversation, task, resource, conditions }: Omit<EngageInput, 'frameText' | 'digest'>): Frame {
    const doing = { task, summary: 'a task', resource, dataClass: 'public' as const, inputs: { frames: 3 } };
    return { market: this.#market, conversation, buyer, conditions, task: doing };
  }

  engage(draft: EngageDraft): Promise<EngageReply> {
    return runScript(this.#redis, marketScripts.engage, metaKey(this.#market), this.engageInput(draft));
  }

  report(
    by: string,
    contract: string,
    step: ReportInput['step'],
    more: Partial<ReportInput> = {},
  ): Promise<ReportReply> {
    const receiptOutcome: ReportInput['receiptOutcome'] =
      step === 'done' ? 'done' : step === 'fail' ? 'failed' : undefined;
    const receipt =
      receiptOutcome === undefined ? {} : { receiptOutcome, text: testReceipt(receiptOutcome, this.#nowMs()) };
    const judged = step === 'turn-down' ? { policy: 0 } : {};
    const body = { contract, step, ...receipt, ...judged, ...more };
    const input: ReportInput = { by, key: this.#key(), digest: bodyDigest('report', body), ...body };
    return runScript(this.#redis, marketScripts.report, metaKey(this.#market), input);
  }

  overdue(contract: string): Promise<ReportReply> {
    return runScript(this.#redis, marketScripts.report, metaKey(this.#market), { kind: 'overdue', contract });
  }
}

function issuesOf(offer: Omit<TaskOffer, 'issuesText'>): Issues {
  const { price, startBy, deadline, durationMs, units, scope } = offer;
  return { priceMicro: String(price), startBy, deadline, durationMs, units, batch: 1, scope, region: 'eu' };
}
