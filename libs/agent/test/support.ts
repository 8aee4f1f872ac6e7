// A market with the SDK's own operator, for the SDK's tests: real servers, a real broker.

import { publicNkeyOf, type Sale } from '@tender/market';
import { connectNats } from '@tender/market/nats';
import type { StackOptions } from '@tender/stack';
import { onTestFinished, vi } from 'vitest';
import { type MarketUnderTest, startMarket } from '../../../test/market-under-test.js';
import {
  type Agent,
  type AgentKeys,
  bid,
  type CallOptions,
  type CallOutcome,
  connectAgent,
  connectHost,
  createSeed,
  type Hired,
  type HireOutcome,
  type Host,
  type ListenHandlers,
  type Listening,
} from '../src/index.js';

export const CREDIT = 1_000_000;

/** What an operator writes on an account, its class for instance. */
type Labels = Readonly<Record<string, string>>;

export interface SdkMarket extends MarketUnderTest {
  /** An agent of the SDK, with an account and credits. */
  sdkAgent(id: string, more?: Partial<AgentKeys> & { credits?: number; account?: Labels }): Promise<Agent>;
  sdkHost(id: string): Promise<Host>;
  /** Opens an account for an agent behind a host and adds it to the host. */
  hosted(host: Host, id: string, more?: Partial<AgentKeys> & { credits?: number }): Promise<Agent>;
}

export async function sdkMarket(options: StackOptions = {}): Promise<SdkMarket> {
  const under = await startMarket(1, options);
  const servers = under.stack.natsUrl;
  const { market } = under;
  const closers: (() => Promise<void>)[] = [];
  const natsOptions = { reconnectTimeWait: 20, reconnectJitter: 20 };
  const account = async (id: string, seed: string, credits: number, labels: Labels = {}) => {
    // Asked again for an agent that comes back, it is done once.
    const opened = { id, kind: 'agent', nkey: publicNkeyOf(seed), ...labels };
    await under.order('account', { key: `open-${id}-0`, account: opened });
    if (credits === 0) return;
    await under.order('grant', { key: `grant-${id}-0`, to: id, amountMicro: String(credits * CREDIT) });
  };
  return {
    ...under,
    async sdkAgent(id, { credits = 1000, account: labels, ...keys } = {}) {
      const seed = keys.seed ?? createSeed();
      await account(id, seed, credits, labels);
      const agent = await connectAgent({ servers, market, id, natsOptions, ...keys, seed });
      closers.push(() => agent.close());
      return agent;
    },
    async sdkHost(id) {
      const host = await connectHost({ servers, market, id, natsOptions });
      closers.push(() => host.close());
      return host;
    },
    async hosted(host, id, { credits = 1000, ...keys } = {}) {
      const seed = keys.seed ?? createSeed();
      await account(id, seed, credits, { host: host.id });
      return host.agent({ id, ...keys, seed });
    },
    async stop() {
      await Promise.all(closers.map((close) => close()));
      await under.stop();
    },
  };
}

/** The sale, or an error with the refusal. */
export function sold(outcome: CallOutcome): Sale {
  if (!outcome.ok) throw new Error(JSON.stringify(outcome));
  return outcome;
}

/**
 * A call that its last bid or refusal closes, the first one unless `closeAfterBids` says otherwise: the window is for
 * machines on which a bid takes seconds. A call that nobody answers needs a short `windowMs` of its own.
 */
export function offer(pool: string, more: Partial<CallOptions> = {}): CallOptions {
  return { pool, units: 1, durationMs: 60_000, windowMs: 20_000, ttlMs: 40_000, closeAfterBids: 1, ...more };
}

/** A negotiation on a machine on which an answer takes seconds. */
export const PATIENT = { roundMs: 20_000, withinMs: 60_000 };

export function sleep(ms: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, ms));
}

/** Listens until the test is over, also where it fails; resolves when a call that is made from now on is heard. */
export async function listen(agent: Agent, pool: string, handlers: Partial<ListenHandlers> = {}): Promise<Listening> {
  const listening = agent.listen(pool, {
    evaluate: () => bid({ price: CREDIT }),
    onLease: (lease) => void lease.release(),
    ...handlers,
  });
  onTestFinished(() => listening.stop());
  await listening.ready;
  return listening;
}

/** Opens when told to: what one does after the other, whatever the machine is busy with. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

const steady = performance.now.bind(performance);
let clock = steady;

/** The steady clock of this process runs otherwise until the test is over; timers take no notice. */
function runClock(otherwise: () => number): void {
  clock = otherwise;
  const spy = vi.spyOn(performance, 'now').mockImplementation(otherwise);
  onTestFinished(() => {
    spy.mockRestore();
    clock = steady;
  });
}

/** From now on it shows so many ms more: what is due by then is due, and nobody has waited. */
export function putForward(ms: number): void {
  const before = clock;
  runClock(() => before() + ms);
}

/** It stands still: what follows takes no time. */
export function standStill(): void {
  const now = clock();
  runClock(() => now);
}

/** The contracts, or an error with the refusal. */
export function hiredBy(outcome: HireOutcome): readonly Hired[] {
  if (!outcome.ok) throw new Error(JSON.stringify({ ...outcome, trail: undefined }));
  return outcome.tasks;
}

export interface Overheard {
  readonly subject: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly message: { performative: string; sender: string; conversation: string; body: Record<string, unknown> };
}

/** Everything that agents say to each other, as a tap on the wire hears it. */
export async function wiretap(m: SdkMarket): Promise<{ readonly heard: Overheard[]; stop(): void }> {
  const tap = await connectNats({ servers: m.stack.natsUrl, sender: 'tap' });
  const heard: Overheard[] = [];
  for (const kind of ['talk', 'bid', 'cfp']) {
    tap.subscribe(`tender.${m.market}.${kind}.>`, {
      callback: (_error, msg) => {
        const headers = Object.fromEntries([...(msg.headers?.keys() ?? [])].map((key) => [key, msg.headers!.get(key)]));
        heard.push({ subject: msg.subject, headers, message: JSON.parse(new TextDecoder().decode(msg.data)) });
      },
    });
  }
  await tap.flush();
  return { heard, stop: () => void tap.close() };
}
