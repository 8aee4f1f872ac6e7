// I10 to I12 and I14 for rate tokens: whether each take was right, by the bucket and the accounts just before it.
import {
  advance,
  type Bucket,
  copyOfBucket,
  NO_USE,
  noisePermille,
  recentUse,
  reserveIsLent,
  TOKEN,
  WHOLE_WINDOW,
} from '@tender/credits';
import type { EntryOf } from '../model/journal.js';
import type { MarketState } from '../model/market-state.js';
import { type Finding, Tally } from './finding.js';
import type { SaleTallies } from './sale-tallies.js';

type Take = EntryOf<'take'>;

/** What came into a limit and what went out of it, in millionths of a token, by the journal alone. */
interface Flow {
  refillMilli: number;
  since: number;
  inflow: number;
  taken: number;
}

export class TokenCheck {
  readonly #tallies: SaleTallies;
  readonly #flowed = new Tally('I14');
  /** By bucket, then by limit. */
  readonly #flows = new Map<string, Map<string, Flow>>();
  /** Takes of one instant were cleared together: whether the reserve was lent before the first of them. */
  readonly #lent = new Map<string, { readonly at: number; readonly lent: boolean }>();

  constructor(tallies: SaleTallies) {
    this.#tallies = tallies;
  }

  /** Called before the replay takes the entry, as all of these. */
  openBucket({ bucket, at }: EntryOf<'open-bucket'>): void {
    this.#lent.delete(bucket.bucket);
    const flows = this.#flows.get(bucket.bucket) ?? new Map<string, Flow>();
    this.#flows.set(bucket.bucket, flows);
    for (const { name, capacity, refillPerSecond } of bucket.limits) {
      const was = flows.get(name);
      const flow = { refillMilli: Math.round(refillPerSecond * 1000), since: at };
      if (was === undefined) flows.set(name, { ...flow, inflow: capacity * TOKEN, taken: 0 });
      else Object.assign(was, { inflow: was.inflow + was.refillMilli * (at - was.since) }, flow);
    }
    // A limit that is dropped loses what it held; under its name a new one may be opened, full.
    const names = new Set(bucket.limits.map(({ name }) => name));
    for (const name of flows.keys()) if (!names.has(name)) flows.delete(name);
  }

  take(market: MarketState, entry: Take): void {
    const stored = market.buckets.get(entry.bucket);
    if (stored === undefined) return;
    const bucket = copyOfBucket(stored);
    advance(bucket, entry.at);
    this.#checkAccount(market, entry);
    this.#checkReserve(bucket, entry);
    this.#checkPrice(market, bucket, entry);
    this.#checkFlow(bucket, entry);
  }

  #checkAccount(market: MarketState, entry: Take): void {
    const { by, agent, who, hold } = entry;
    const account = market.ledger.account(agent);
    this.#tallies.accounts.fact(
      account?.kind === 'agent' &&
        account.class === entry.class &&
        (account.owner ?? agent) === who &&
        market.speaksFor(by, agent) &&
        account.available >= Number(entry.amountMicro),
      () =>
        `hold ${hold}: ${by} took for ${agent} of ${who} as ${entry.class}, ${entry.amountMicro} micro-credits; its ` +
        `account is ${account?.class ?? 'none'}, of ${account?.owner ?? agent}, ${account?.available ?? 0} available`,
    );
  }

  #checkReserve(bucket: Bucket, entry: Take): void {
    const before = this.#lent.get(bucket.id);
    const lent = before?.at === entry.at ? before.lent : reserveIsLent(bucket, entry.at);
    this.#lent.set(bucket.id, { at: entry.at, lent });
    if (entry.class === 'system' || lent) return;
    for (const { name, reserve, level } of bucket.limits) {
      const amount = entry.amounts[name] ?? 0;
      if (amount === 0 || reserve === 0) continue;
      const left = Math.floor(level / TOKEN) - amount;
      this.#tallies.reserve.fact(
        left >= reserve,
        () => `hold ${entry.hold}: ${entry.agent} leaves ${left} ${name} of a reserve of ${reserve} in ${bucket.id}`,
      );
    }
  }

  /** Nobody pays more than the clearing rate, nor than it offered; noise is at least one's own. */
  #checkPrice(market: MarketState, bucket: Bucket, entry: Take): void {
    const { hold, ratePermille: rate, clearingPermille: clearing, noisePermille: noise } = entry;
    const { noiseWindowMs, noiseMaxPermille } = bucket.spec;
    const use = recentUse(market.taken.get(bucket.id)?.get(entry.who) ?? NO_USE, noiseWindowMs, entry.at);
    const least = noisePermille(use, WHOLE_WINDOW, noiseMaxPermille);
    this.#tallies.rule.fact(
      rate <= clearing && Number(entry.amountMicro) <= entry.maxPrice,
      () =>
        `hold ${hold}: pays ${entry.amountMicro} of ${entry.maxPrice} at rate ${rate}, the clearing's is ${clearing}`,
    );
    this.#tallies.rule.fact(
      noise >= least && noise <= Math.max(1000, noiseMaxPermille),
      () => `hold ${hold}: noise ${noise}, by what ${entry.who} took ${least} at least, ${noiseMaxPermille} at most`,
    );
    this.#tallies.rule.fact(
      entry.at >= bucket.pausedUntil,
      () => `hold ${hold}: taken at ${entry.at}, the upstream asked for a pause until ${bucket.pausedUntil}`,
    );
  }

  #checkFlow(bucket: Bucket, entry: Take): void {
    for (const { name, level } of bucket.limits) {
      const amount = (entry.amounts[name] ?? 0) * TOKEN;
      if (amount === 0) continue;
      const flow = this.#flows.get(bucket.id)?.get(name);
      if (flow !== undefined) flow.taken += amount;
      const inflow = flow === undefined ? 0 : flow.inflow + flow.refillMilli * (entry.at - flow.since);
      this.#flowed.fact(
        level >= amount && (flow?.taken ?? 0) <= inflow,
        () =>
          `hold ${entry.hold}: ${amount} of ${name} taken from ${bucket.id}, whose level is ${level}; ` +
          `${flow?.taken} taken in all of ${inflow} that flowed in (millionths)`,
      );
    }
  }

  return(market: MarketState, entry: EntryOf<'return'>): void {
    const hold = market.holds.get(entry.hold);
    if (hold === undefined) return;
    const { agent, bucket, amounts } = hold.taken;
    this.#tallies.accounts.fact(
      market.speaksFor(entry.by, agent),
      () => `hold ${entry.hold}: ${entry.by} gave back what is ${agent}'s`,
    );
    for (const [name, flow] of this.#flows.get(bucket) ?? []) {
      const held = (amounts[name] ?? 0) - (hold.sold?.[name] ?? 0);
      flow.taken -= Math.max(0, held - (entry.used[name] ?? held)) * TOKEN;
    }
  }

  buy(market: MarketState, entry: EntryOf<'buy-tokens'>): void {
    const account = market.ledger.account(entry.agent);
    const { reserve, accounts } = this.#tallies;
    accounts.fact(
      account?.kind === 'agent' &&
        (account.owner ?? account.id) === entry.who &&
        market.speaksFor(entry.by, entry.agent) &&
        account.available >= entry.price,
      () => `hold ${entry.hold}: ${entry.by} bought for ${entry.agent} of ${entry.who} at ${entry.price}`,
    );
    const seller = market.holds.get(entry.of);
    reserve.fact(
      seller === undefined ||
        (seller.taken.class === entry.class && (entry.class !== 'system' || account?.class === 'system')),
      () => `hold ${entry.hold}: what class ${seller?.taken.class} took was sold to ${entry.agent}, ${account?.class}`,
    );
  }

  finish(): Finding {
    return this.#flowed.finding();
  }
}
