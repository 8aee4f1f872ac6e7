// The bank as an agent sees it: one method, typed by the operation, that neither loses nor doubles what it asks.
import { randomInt } from 'node:crypto';
import {
  type BankOperation,
  type BankRequest,
  type BankResult,
  bankResults,
  decode,
  encode,
  envelopeOf,
  type Refusal,
  refusal,
  refusalSpec,
  subjects,
} from '@tender/market';
import { type Inbox, newUlid } from '@tender/market/nats';
import type { MsgHdrs } from 'nats';
import { z } from 'zod';
import type { MarketClock } from './market-clock.js';

/** `sentMs`: when what was answered went out, of `performance.now()`. */
export type BankAnswer<O extends BankOperation> =
  | { readonly ok: true; readonly value: BankResult<O>; readonly sentMs: number }
  | Refusal;

/** What a broker's clock showed between the two, which are of `performance.now()`. */
export interface Moment {
  readonly brokerMs: number;
  readonly sentMs: number;
  readonly receivedMs: number;
}

/** The connection, as far as asking needs it. */
export interface AskingLink {
  readonly market: string;
  readonly sender: string;
  readonly inbox: Inbox;
  readonly clock: MarketClock;
  readonly connected: boolean;
  readonly closed: boolean;
  readonly counts: { malformed: number };
  lastRefused: Moment | undefined;
  whenConnected(withinMs: number): Promise<void>;
}

export interface AskOptions {
  /** How long an answer is awaited, retries included; default 10,000 ms. */
  readonly withinMs?: number | undefined;
  /** What it belongs to, a call's id for instance; default: the sender's. */
  readonly conversation?: string | undefined;
  readonly headers?: MsgHdrs | undefined;
}

const refusing = (['refuse', 'failure', 'not-understood'] as const).map((performative) =>
  envelopeOf(performative, refusalSpec),
);

/** What an answer may look like, around a result of the given shape. */
export function answerSpec<S extends z.ZodType>(result: S) {
  const [refuse, failure, notUnderstood] = refusing;
  return z.discriminatedUnion('performative', [envelopeOf('inform', result), refuse!, failure!, notUnderstood!]);
}

const answerSpecs = Object.fromEntries(
  Object.entries(bankResults).map(([operation, result]) => [operation, answerSpec(result)]),
) as unknown as { readonly [O in BankOperation]: z.ZodType<Answer<BankResult<O>>> };

const FIRST_ATTEMPT_MS = 1000;
const FIRST_PAUSE_MS = 40;
const LONGEST_PAUSE_MS = 1000;

export interface Answer<T> {
  readonly performative: string;
  readonly sentAt: number;
  readonly body: T | Refusal;
}

/**
 * Asks until an answer comes or the time is over: again after a timeout, a broken connection, a 503. `payload` is
 * made anew for each attempt; what it asks must carry the same idempotency key each time. `sentMs` tells when the attempt
 * that was answered went out (`performance.now()`).
 */
export async function askUntil<T>(
  link: AskingLink,
  subject: string,
  payload: () => Uint8Array,
  spec: z.ZodType<Answer<T>>,
  options: { readonly withinMs: number; readonly headers?: MsgHdrs | undefined },
): Promise<{ readonly ok: true; readonly answer: Answer<T>; readonly sentMs: number } | Refusal> {
  const due = performance.now() + options.withinMs;
  let last = 'no broker answered';
  for (let attempt = 0; ; attempt++) {
    const left = due - performance.now();
    if (left <= 0 || link.closed) break;
    if (!link.connected) {
      last = 'the connection is broken';
      await link.whenConnected(left);
      continue;
    }
    const patience = Math.min(left, FIRST_ATTEMPT_MS * 2 ** Math.min(attempt, 3));
    const sentMs = performance.now();
    const answered = await link.inbox.request(subject, payload(), patience, options.headers);
    if (answered.kind === 'reply') {
      const decoded = decode(spec, answered.msg.data);
      if (!decoded.ok) {
        link.counts.malformed++;
        last = `the answer cannot be read: ${decoded.message}`;
      } else if (!isUnavailable(decoded.value.body)) {
        return { ok: true, answer: decoded.value, sentMs };
      } else {
        last = (decoded.value.body as Refusal).message;
      }
    } else if (answered.kind === 'no-responders') {
      last = 'no broker serves this market';
    }
    if (answered.kind !== 'timeout') await pause(Math.min(due - performance.now(), pauseMs(attempt)));
  }
  return refusal('unavailable', `${last}; the outcome is unknown: ask again under the same key`);
}

function isUnavailable(body: unknown): boolean {
  return typeof body === 'object' && body !== null && (body as Partial<Refusal>).detail === 'unavailable';
}

/** Rising, and spread so that a swarm does not come back in step. */
function pauseMs(attempt: number): number {
  return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt) * (0.5 + randomInt(1000) / 1000);
}

function pause(ms: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, Math.max(0, ms)));
}

/** The operations of the bank over one connection, in the name of its sender. */
export class Bank {
  readonly #link: AskingLink;

  constructor(link: AskingLink) {
    this.#link = link;
  }

  /**
   * Asks the bank. An operation that changes something carries its `key` in the body: asked again after a lost
   * answer, it gets the saved result. The refusal `unavailable` alone leaves open whether it was done.
   */
  async ask<O extends BankOperation>(
    operation: O,
    body: BankRequest<O>,
    options: AskOptions = {},
  ): Promise<BankAnswer<O>> {
    const link = this.#link;
    const { withinMs = 10_000, conversation = link.sender, headers } = options;
    const sentAt = link.clock.now();
    const payload = encode({
      v: 1,
      id: newUlid(),
      conversation,
      sender: link.sender,
      sentAt,
      replyBy: sentAt + Math.ceil(withinMs),
      performative: 'request',
      body,
    });
    const subject = subjects.bank(link.market, link.sender, operation);
    const asked = await askUntil(link, subject, () => payload, answerSpecs[operation], { withinMs, headers });
    if (!asked.ok) return asked;
    const { sentMs, answer } = asked;
    const { performative, body: result, sentAt: brokerMs } = answer;
    if (performative === 'inform') return { ok: true, value: result as BankResult<O>, sentMs };
    link.lastRefused = { brokerMs, sentMs, receivedMs: performance.now() };
    return result as Refusal;
  }
}
