// What operators watch: counts and times of the bank's work, credits and slots as they are at the scrape.

import { advance, type Bucket, TOKEN } from '@tender/credits';
import { runScript } from '@tender/credits/redis';
import { readBucket } from '@tender/market';
import { marketScripts, type Snapshot } from '@tender/market/redis';
import type { Redis } from 'ioredis';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

const seconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** A snapshot of a large market keeps Redis for tens of milliseconds: scrapers share one. */
const FRESH_MS = 2_000;

export class Metrics {
  #takenAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;
  readonly registry = new Registry();
  readonly #awards = this.#counter('tender_awards_total', 'Calls awarded', ['pool']);
  readonly #units = this.#counter('tender_units_awarded_total', 'Slots awarded', ['pool']);
  readonly refusals = this.#counter('tender_refusals_total', 'Requests refused', ['operation', 'detail']);
  readonly lockLosses = this.#counter('tender_lock_losses_total', 'Requests refused because a lock was lost', []);
  readonly #takes = this.#counter('tender_token_takes_total', 'Takes of rate tokens that were served', ['bucket']);
  readonly #tokens = this.#counter('tender_tokens_taken_total', 'Rate tokens taken', ['bucket', 'limit']);
  readonly limited = this.#counter('tender_upstream_429_total', "Upstreams' 429s that were reported", ['bucket']);
  readonly #factor = this.#gauge('tender_bucket_factor_permille', 'How much of its refill a bucket gets', ['bucket']);
  readonly #spot = this.#gauge('tender_bucket_spot_permille', "A bucket's last clearing rate", ['bucket']);
  readonly #level = this.#gauge('tender_bucket_level', 'Rate tokens in a bucket', ['bucket', 'limit']);
  readonly #tokensWaiting = this.#gauge('tender_tokens_waiting', 'Who wait for rate tokens at this broker', ['bucket']);
  readonly invariantBreaks = this.#gauge(
    'tender_invariant_breaks',
    'Breaches that the last background check found',
    [],
  );
  readonly latency = new Histogram({
    name: 'tender_operation_seconds',
    help: 'Time from the arrival of a request to its reply',
    labelNames: ['operation'],
    buckets: seconds,
    registers: [this.registry],
  });
  readonly #credits = this.#gauge('tender_credits_micro', 'Credits by kind, in micro-credits', ['kind']);
  readonly #slots = this.#gauge('tender_slots', 'Slots by pool and state', ['pool', 'state']);
  readonly #waiting = this.#gauge('tender_proposals_waiting', 'Proposals that wait for an operator', []);
  readonly #journal = this.#gauge('tender_journal_entries', 'Journal entries so far', []);
  readonly #whoWaits: () => ReadonlyMap<string, number>;

  /** `whoWaits`: for the tokens of each bucket, asked at each scrape. */
  constructor(whoWaits: () => ReadonlyMap<string, number>) {
    this.#whoWaits = whoWaits;
    collectDefaultMetrics({ register: this.registry });
  }

  awarded({ pool, winners }: { readonly pool: string; readonly winners: readonly { readonly units: number }[] }): void {
    this.#awards.inc({ pool });
    this.#units.inc(
      { pool },
      winners.reduce((sum, { units }) => sum + units, 0),
    );
  }

  /** What a batch of takes gave out. */
  took(bucket: string, given: readonly { readonly amounts: Readonly<Record<string, number>> }[]): void {
    if (given.length === 0) return;
    this.#takes.inc({ bucket }, given.length);
    const sums = new Map<string, number>();
    for (const { amounts } of given) {
      for (const [limit, amount] of Object.entries(amounts)) sums.set(limit, (sums.get(limit) ?? 0) + amount);
    }
    for (const [limit, sum] of sums) this.#tokens.inc({ bucket, limit }, sum);
  }

  #gauge<L extends string>(name: string, help: string, labelNames: L[]): Gauge<L> {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }

  #counter<L extends string>(name: string, help: string, labelNames: L[]): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  /** The text for Prometheus, with credits and slots not older than FRESH_MS; without them where Redis is away. */
  async render(redis: Redis, meta: string): Promise<string> {
    if (performance.now() - this.#takenAt > FRESH_MS) {
      this.#reading ??= runScript(redis, marketScripts.snapshot, meta, {})
        .then(
          (snapshot) => this.#take(snapshot),
          () => undefined,
        )
        .finally(() => {
          this.#reading = undefined;
        });
      await this.#reading;
    }
    this.#tokensWaiting.reset();
    for (const [bucket, waiting] of this.#whoWaits()) this.#tokensWaiting.set({ bucket }, waiting);
    return this.registry.metrics();
  }

  #take(snapshot: Snapshot): void {
    this.#takenAt = performance.now();
    let available = 0;
    let pending = 0;
    for (const account of Object.values(snapshot.accounts)) {
      if (account.kind === 'treasury') continue;
      available += Number(account.available);
      pending += Number(account.pending);
    }
    this.#credits.set({ kind: 'available' }, available);
    this.#credits.set({ kind: 'pending' }, pending);
    this.#credits.set({ kind: 'minted' }, snapshot.minted);
    this.#credits.set({ kind: 'burned' }, snapshot.burned);
    this.#journal.set(snapshot.seq);
    this.#waiting.set(Object.values(snapshot.proposals).filter(({ state }) => state === 'pending').length);
    for (const [pool, record] of Object.entries(snapshot.pools)) {
      const names = Object.keys(snapshot.slots).filter((name) => name.startsWith(`${pool}:`));
      const leased = names.filter((name) => snapshot.slots[name]!.contract !== '').length;
      const calls = Object.values(snapshot.calls).filter((call) => call.pool === pool);
      const offered = calls.reduce((sum, call) => sum + (call.slots ?? '').split(',').length, 0);
      this.#slots.set({ pool, state: 'leased' }, leased);
      this.#slots.set({ pool, state: 'under-negotiation' }, offered);
      this.#slots.set({ pool, state: 'free' }, Number(record.slots) - leased - offered);
    }
    for (const [id, fields] of Object.entries(snapshot.buckets)) this.#show(readBucket(id, fields));
  }

  #show(bucket: Bucket): void {
    advance(bucket, Date.now());
    this.#factor.set({ bucket: bucket.id }, bucket.factor);
    this.#spot.set({ bucket: bucket.id }, bucket.spotPermille);
    for (const { name, level } of bucket.limits) {
      this.#level.set({ bucket: bucket.id, limit: name }, Math.floor(level / TOKEN));
    }
  }
}
