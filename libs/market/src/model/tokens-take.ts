// Taking tokens in the model: take-tokens.lua's rules, which refuse each take by itself and clear the others together.
import {
  type Account,
  type AccountClass,
  advance,
  type Bucket,
  type BudgetDesk,
  clearTokens,
  copyOfBucket,
  costOf,
  floorOf,
  MAX_MICRO,
  mostOf,
  NO_USE,
  noisePermille,
  offeredRate,
  rankTokenBids,
  recentUse,
  roomInMs,
  TOKEN,
  type TokenBid,
  type Tokens,
  type Use,
  unitPrice,
  WHOLE_WINDOW,
  weightOf,
} from '@tender/credits';
import { beyondRules } from '../policy/ruling.js';
import type { Detail } from '../refusal.js';
import type { TokenAmounts } from '../tokens.js';
import { bucketAt, byLimit, countUse, tokensIn, weightIn } from './bucket.js';
import type { MarketState } from './market-state.js';
import type { TakeEntry } from './token-journal.js';
import type { NotTaken, TakeAnswer, TakeAsked, TakesAsked, TakesDone } from './tokens-command.js';
import { type HoldState, paymentId } from './tokens-record.js';

/** What a wait is said to be at most, in ms. */
const MAX_WAIT_MS = 86_400_000;
/** Whoever is too noisy for its price is looked at again after so long. */
const NOISE_WAIT_MS = 250;

/** A take that is cleared with the others: `owner` is in whose name it counts as recent use. */
interface Bidding extends TokenBid {
  readonly take: TakeAsked;
  readonly account: Account;
  readonly owner: string;
  readonly noise: number;
}

/** Not covered beside the most that others of this call may come to. */
interface Uncovered {
  readonly uncovered: TakeAsked;
  readonly class: AccountClass;
  readonly offered: number;
  readonly use: number;
  readonly priceMicro: string;
}

type Judged = TakeAnswer | Bidding | Uncovered;

export function notTaken(detail: Detail, more: Omit<NotTaken, 'ok' | 'detail'> = {}): NotTaken {
  return { ok: false, detail, ...more };
}

function ahead(cls: AccountClass): { readonly system?: true } {
  return cls === 'system' ? { system: true } : {};
}

/** The saved answer to who asks for a hold again, with how it has ended, or `duplicate`; undefined where the hold is new. */
export function heldBefore(
  market: MarketState,
  asked: { readonly by: string; readonly hold: string; readonly digest: string; readonly agent: string },
  nowMs: number,
): TakeAnswer | undefined {
  const hold = market.hold(asked.hold, nowMs);
  if (hold === undefined) return undefined;
  const { digest, agent } = hold.taken;
  const own = market.ledger.account(asked.agent) !== undefined && market.speaksFor(asked.by, asked.agent);
  if (digest !== asked.digest || agent !== asked.agent || !own) return notTaken('duplicate');
  const over = hold.state === 'held' && nowMs >= hold.taken.expiresAt ? 'expired' : hold.state;
  return { ok: true, replayed: true, ...told(hold), ...(over === 'held' ? {} : { ended: over }) };
}

export function told({ taken }: HoldState) {
  const { hold, bucket, agent, amounts, unitsMicro, amountMicro, ratePermille, noisePermille, expiresAt, at } = taken;
  const { class: accountClass } = taken;
  return {
    ...{ hold, bucket, agent, class: accountClass, amounts, unitsMicro, amountMicro },
    ...{ ratePermille, noisePermille, expiresAt, at },
  };
}

/** One call: takes of one bucket that arrived together, an answer for each. */
export function takeTokens(market: MarketState, asked: TakesAsked, nowMs: number): { readonly ok: true } & TakesDone {
  if (asked.policy !== market.policyVersion) {
    return { ok: true, takes: asked.takes.map(() => notTaken('stale')), left: {} };
  }
  const stored = market.buckets.get(asked.bucket);
  let batch = stored === undefined ? undefined : new Batch(market, stored, nowMs);
  const judged = asked.takes.map((take, index): Judged | number => {
    const first = asked.takes.findIndex(({ hold }) => hold === take.hold);
    return first < index ? first : (batch?.judge(take) ?? notTaken('unknown'));
  });
  let order: readonly number[] = judged.map((_, index) => index);
  if (stored !== undefined && judged.some((one) => typeof one === 'object' && 'uncovered' in one)) {
    batch = new Batch(market, stored, nowMs);
    order = judgeAgain(batch, stored, asked.takes, judged);
  }
  const bids = order.map((index) => judged[index]!).filter((one) => typeof one === 'object' && 'take' in one);
  const answers = new Map(batch?.clear(bids).map((answer, index) => [bids[index], answer]));
  const answered = judged.map((one) => {
    if (typeof one === 'number') return undefined;
    if ('uncovered' in one) return batch!.coverNow(one);
    return 'take' in one ? answers.get(one) : one;
  });
  const takes = judged.map((one, index): TakeAnswer => {
    if (typeof one !== 'number') return answered[index]!;
    const [before, take] = [asked.takes[one]!, asked.takes[index]!];
    if (before.digest !== take.digest || before.agent !== take.agent || before.by !== take.by)
      return notTaken('duplicate');
    const answer = answered[one]!;
    return answer.ok ? { ...answer, replayed: true } : answer;
  });
  return { ok: true, takes, left: batch?.left ?? {} };
}

/**
 * Whoever is served first is covered first: else what waits in vain would keep others from a budget that they share.
 * Returns the order in which they were looked at.
 */
function judgeAgain(
  batch: Batch,
  bucket: Bucket,
  takes: readonly TakeAsked[],
  judged: (Judged | number)[],
): readonly number[] {
  const again = judged.flatMap((one, index) =>
    typeof one === 'object' && 'offered' in one
      ? [{ class: one.class, offered: one.offered, use: one.use, index }]
      : [],
  );
  const order = rankTokenBids(bucket, again).map((place) => again[place]!.index);
  for (const index of order) judged[index] = batch.judge(takes[index]!);
  return order;
}

class Batch {
  readonly #market: MarketState;
  readonly #bucket: Bucket;
  readonly #nowMs: number;
  readonly #desk: BudgetDesk;
  readonly #spent = new Map<string, number>();
  readonly #taken = new Map<string, number>();

  constructor(market: MarketState, stored: Bucket, nowMs: number) {
    this.#market = market;
    this.#bucket = copyOfBucket(stored);
    this.#nowMs = nowMs;
    this.#desk = market.ledger.budgets.desk(nowMs);
    advance(this.#bucket, nowMs);
  }

  /** Why a take is refused before anything is cleared; or the bid that it makes. */
  judge(take: TakeAsked): Judged {
    const [market, bucket] = [this.#market, this.#bucket];
    const saved = heldBefore(market, take, this.#nowMs);
    if (saved !== undefined) return saved;
    const account = market.ledger.account(take.agent);
    if (account?.kind !== 'agent') return notTaken('unknown');
    if (!market.speaksFor(take.by, take.agent)) return notTaken('not-permitted');
    if (take.barred !== undefined) return notTaken(take.barred.detail, { rule: take.barred.rule });
    const amounts = this.#amountsOf(take.amounts);
    const least = amounts && this.#leastOf(take, amounts);
    if (amounts === undefined || least === undefined) return notTaken('malformed');
    const beyond = bucket.limits.some((limit, index) => least[index]! > mostOf(bucket, limit, account.class));
    if (beyond) return notTaken('no-capacity');
    if (take.ttlMs > bucket.spec.maxTtlMs) return notTaken('malformed');
    return this.#priced(take, account, amounts, least);
  }

  #priced(take: TakeAsked, account: Account, amounts: Tokens, least: Tokens): NotTaken | Bidding | Uncovered {
    const [bucket, owner] = [this.#bucket, account.owner ?? account.id];
    const weight = weightOf(bucket, amounts);
    const use = recentUse(this.#useOf(owner), bucket.spec.noiseWindowMs, this.#nowMs) + (this.#taken.get(owner) ?? 0);
    const noise = noisePermille(use, WHOLE_WINDOW, bucket.spec.noiseMaxPermille);
    const offered = offeredRate(bucket, amounts, take.maxPrice, noise);
    const leastPrice = this.#price(amounts, 1000, noise);
    if (offered === undefined) {
      // Noise passes: who could pay without it need only wait.
      const payable = take.maxPrice >= costOf(bucket, amounts, 1000, 1000);
      if (!payable) return notTaken('below-reserve-price', { priceMicro: leastPrice });
      const wait = { ms: NOISE_WAIT_MS, priceMicro: leastPrice, ...ahead(account.class) };
      return notTaken('below-reserve-price', { wait });
    }
    if (bucket.spec.ownerMaxPermille < 1000) {
      const room = bucket.spec.ownerMaxPermille * 1000 - weight;
      if (room < 0) return notTaken('no-capacity');
      const { noiseWindowMs } = bucket.spec;
      const ms = roomInMs(this.#useOf(owner), room, noiseWindowMs, this.#nowMs, this.#taken.get(owner));
      if (ms !== undefined) {
        const wait = { ms: Math.min(ms, MAX_WAIT_MS), priceMicro: leastPrice };
        return notTaken('token-limit', { wait: { ...wait, ...ahead(account.class) } });
      }
    }
    // What a lent reserve alone could give waits apart: among the others it would keep them from what is there.
    const unlent = bucket.limits.some(
      (limit, index) => least[index]! > limit.capacity - floorOf(bucket, limit, account.class, this.#nowMs),
    );
    if (unlent) {
      const ms = bucket.systemAt + bucket.spec.lendAfterMs - this.#nowMs;
      return notTaken('token-limit', { wait: { ms, priceMicro: leastPrice } });
    }
    const before = this.#spent.get(account.id) ?? 0;
    const covered =
      account.available - before >= take.maxPrice &&
      beyondRules(take.bounds, { payer: account.pending + before + take.maxPrice }) === undefined;
    if (!covered || this.#desk.tryTake(account.budget, take.maxPrice) !== undefined) {
      return { uncovered: take, class: account.class, offered, use, priceMicro: leastPrice };
    }
    this.#spent.set(account.id, before + take.maxPrice);
    this.#taken.set(owner, (this.#taken.get(owner) ?? 0) + weight);
    return { take, account, owner, class: account.class, amounts, least, offered, use, noise };
  }

  /** Whole tokens of each limit that are there; while the bucket is paused, of none. */
  get left(): Readonly<Record<string, number>> {
    return this.#nowMs < this.#bucket.pausedUntil ? {} : tokensIn(this.#bucket);
  }

  #amountsOf(named: TokenAmounts): Tokens | undefined {
    const names = this.#bucket.limits.map(({ name }) => name);
    return Object.keys(named).every((name) => names.includes(name)) ? byLimit(this.#bucket, named) : undefined;
  }

  /** The least that it is content with; a limit that is not named is wanted whole. */
  #leastOf(take: TakeAsked, amounts: Tokens): Tokens | undefined {
    if (take.atLeast === undefined) return amounts;
    const named = this.#amountsOf(take.atLeast);
    if (named === undefined || named.some((least, index) => least > amounts[index]!)) return undefined;
    return named.map((least, index) => (least === 0 ? amounts[index]! : least));
  }

  #useOf(owner: string): Use {
    return this.#market.taken.get(this.#bucket.id)?.get(owner) ?? NO_USE;
  }

  #price(amounts: Tokens, rate: number, noise: number): string {
    return String(Math.min(MAX_MICRO, costOf(this.#bucket, amounts, rate, noise)));
  }

  /** Clears the bids, commits the winners in the order in which they came, and answers each. */
  clear(bids: readonly Bidding[]): TakeAnswer[] {
    const { rate, verdicts } = clearTokens(this.#bucket, bids, this.#nowMs);
    const last = verdicts.findLastIndex(({ granted }) => granted !== undefined);
    return bids.map((bid, index) => {
      const verdict = verdicts[index]!;
      if (verdict.granted === undefined) {
        const wait = { ms: verdict.waitMs, priceMicro: this.#price(bid.amounts, verdict.rate, bid.noise) };
        return notTaken('token-limit', { wait: { ...wait, ...ahead(bid.class), offeredPermille: bid.offered } });
      }
      const entry = this.#entryOf(bid, verdict.granted, verdict.rate, rate);
      const whole = index === last ? { ...entry, left: this.left } : entry;
      return { ok: true, ...told(commitTake(this.#market, whole)) };
    });
  }

  /** Whether what was not covered before is covered now that the others have paid what it came to. */
  coverNow({ uncovered, class: accountClass, priceMicro }: Uncovered): NotTaken {
    const { ledger } = this.#market;
    const account = ledger.account(uncovered.agent)!;
    if (account.available < uncovered.maxPrice) return notTaken('insufficient-credits');
    const broken = beyondRules(uncovered.bounds, { payer: account.pending + uncovered.maxPrice });
    if (broken !== undefined) return notTaken(broken.detail, { rule: broken.rule });
    const short = account.budget && ledger.budgets.desk(this.#nowMs).short(account.budget, uncovered.maxPrice);
    if (short) return notTaken('over-budget', short.retryAt > 0 ? { retryAt: short.retryAt } : {});
    return notTaken('token-limit', { wait: { ms: 1, priceMicro, ...ahead(accountClass) } });
  }

  #entryOf(bid: Bidding, granted: Tokens, rate: number, clearing: number): TakeEntry {
    const { take, account, owner, noise } = bid;
    const bucket = this.#bucket;
    const named = bucket.limits.flatMap(({ name, price }, index) =>
      bid.amounts[index] === 0 ? [] : [{ name, price, amount: granted[index]! }],
    );
    const cost = Math.min(take.maxPrice, costOf(bucket, granted, rate, noise));
    return {
      ...{ kind: 'take', at: this.#nowMs, by: take.by, digest: take.digest, hold: take.hold, agent: account.id },
      ...{ who: owner, class: account.class, bucket: bucket.id, payee: bucket.account },
      amounts: Object.fromEntries(named.map(({ name, amount }) => [name, amount])),
      unitsMicro: Object.fromEntries(named.map(({ name, price }) => [name, String(unitPrice(price, rate, noise))])),
      ...{ amountMicro: String(cost), maxPrice: take.maxPrice, ratePermille: rate, noisePermille: noise },
      ...{ clearingPermille: clearing, expiresAt: this.#nowMs + take.ttlMs },
    };
  }
}

/** Takes what an entry says from its bucket and sets the price aside; throws where there is no such bucket or account. */
export function commitTake(market: MarketState, entry: TakeEntry): HoldState {
  const { at, agent, payee, amounts } = entry;
  market.ledger.tick(at);
  const bucket = bucketAt(market, entry.bucket, at);
  for (const limit of bucket.limits) limit.level -= (amounts[limit.name] ?? 0) * TOKEN;
  bucket.spotPermille = entry.clearingPermille;
  if (entry.clearingPermille > 1000) bucket.scarceAt = at;
  if (entry.class === 'system') bucket.systemAt = at;
  countUse(market, bucket, entry.who, weightIn(bucket, amounts), at);
  const amount = Number(entry.amountMicro);
  const id = paymentId(entry.hold);
  market.ledger.forget(id);
  const tags = { agent, bucket: bucket.id };
  if (amount > 0) market.ledger.openPending({ id, debit: agent, credit: payee, amount, tags }, undefined);
  const budgets = market.ledger.transfer(id)?.budgets;
  const taken = { ...entry, ...(budgets === undefined ? {} : { budgets }) };
  const hold: HoldState = { taken, state: 'held', paid: 0 };
  market.holds.set(entry.hold, hold);
  market.deadlines.set(`hold:${entry.hold}`, entry.expiresAt);
  return hold;
}
