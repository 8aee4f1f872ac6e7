// What TOKENS.md promises of every step, judged by what an onlooker sees of the model: levels, holds and accounts.
import { advance, type Bucket, copyOfBucket, hearUpstream, reserveIsLent, TOKEN, TREASURY } from '@tender/credits';
import { type HoldState, inHand, type MarketBook, setAside, type TakeAnswer, type TokenCommand } from '../src/index.js';
import { SYSTEM_AGENT } from './drawn.js';

type Takes = Extract<TokenCommand, { kind: 'take-tokens' }>;
type Return = Extract<TokenCommand, { kind: 'return-tokens' }>;

export interface Before {
  readonly bucket: Bucket | undefined;
  readonly holds: ReadonlyMap<string, HoldState>;
  /** What class system could spend. */
  readonly credits: number;
}

/** Hundreds of thousands of facts: vitest's own would take minutes. */
function must(holds: boolean, what: () => string): void {
  if (!holds) throw new Error(what());
}

export class TokenPromises {
  readonly #book: MarketBook;
  /** As large as the reserve, filled like the bucket, emptied by class system alone: what T2 lets it take. */
  #reserve: Bucket | undefined;
  /** How often T2 had something to say. */
  within = 0;

  constructor(book: MarketBook) {
    this.#book = book;
  }

  before(): Before {
    const bucket = this.#book.buckets.get('api');
    return {
      bucket: bucket && copyOfBucket(bucket),
      holds: new Map([...this.#book.holds].map(([id, hold]) => [id, { ...hold }])),
      credits: this.#book.ledger.account(SYSTEM_AGENT)?.available ?? 0,
    };
  }

  after(command: TokenCommand, answer: object, was: Before, nowMs: number): void {
    this.#conserves();
    const bucket = this.#book.buckets.get('api')!;
    for (const { level, capacity } of bucket.limits) {
      must(Math.abs(level) <= capacity * TOKEN, () => `level ${level} of ${capacity}`);
    }
    if (command.kind === 'open-bucket') this.#reopened(bucket);
    else if (command.kind === 'take-tokens' && 'takes' in answer && command.bucket === 'api') {
      this.#took(command, answer.takes as TakeAnswer[], was, nowMs);
    } else if (command.kind === 'return-tokens' && 'returned' in answer && !('replayed' in answer)) {
      this.#gaveBack(command, was.holds.get(command.hold)!, nowMs);
    }
    // A bucket that never lends its reserve holds what class system may take.
    if (bucket.spec.lendAfterMs > 0) return;
    bucket.limits.forEach(({ name, level }, index) => {
      const least = this.#reserve!.limits[index]!.level;
      must(level >= least, () => `${name}: level ${level}, class system may have ${least}`);
    });
  }

  /** T4, and nobody below zero. */
  #conserves(): void {
    const { ledger, holds } = this.#book;
    const aside = new Map<string, number>();
    for (const hold of holds.values()) {
      if (hold.state !== 'held') continue;
      must(setAside(hold) >= 0, () => `hold ${hold.taken.hold} has ${setAside(hold)} set aside`);
      aside.set(hold.taken.agent, (aside.get(hold.taken.agent) ?? 0) + setAside(hold));
    }
    let total = 0;
    for (const { id, available, pending } of ledger.accounts()) {
      if (id === TREASURY) continue;
      total += available + pending;
      must(available >= 0, () => `${id} has ${available}`);
      must(pending === (aside.get(id) ?? 0), () => `${id} has ${pending} pending, its holds ${aside.get(id)}`);
    }
    must(total === ledger.supply.minted, () => `${total} of ${ledger.supply.minted} minted`);
  }

  #reopened(bucket: Bucket): void {
    const limits = bucket.limits.map((limit) => ({
      ...{ ...limit, capacity: limit.reserve, level: Math.min(limit.level, limit.reserve * TOKEN) },
    }));
    this.#reserve = { ...copyOfBucket(bucket), limits };
  }

  /** T1 to T3. */
  #took(command: Takes, answers: readonly TakeAnswer[], was: Before, nowMs: number): void {
    const bucket = this.#book.buckets.get('api')!;
    const fresh = answers.flatMap((answer) => (answer.ok && !answer.replayed ? [answer] : []));
    answers.forEach((answer, index) => {
      const { maxPrice } = command.takes[index]!;
      if (answer.ok)
        must(Number(answer.amountMicro) <= maxPrice, () => `${answer.hold} costs ${answer.amountMicro} of ${maxPrice}`);
      else if (answer.wait) must(answer.wait.ms > 0, () => `waits ${answer.wait?.ms}`);
    });
    const standard = fresh.filter(({ agent }) => !this.#isSystem(agent));
    // One rate for all, but for the one owner who would have bid against itself: that one pays less.
    const ownerOf = (agent: string) => this.#book.ledger.account(agent)?.owner ?? agent;
    const highest = Math.max(...standard.map(({ ratePermille }) => ratePermille));
    const below = standard.filter(({ ratePermille }) => ratePermille < highest);
    const paid = new Set(below.map(({ agent, ratePermille }) => `${ownerOf(agent)} ${ratePermille}`));
    must(paid.size <= 1, () => `of those who pay less than ${highest}: ${[...paid]}`);
    for (const { amounts } of reserveIsLent(was.bucket!, nowMs) ? [] : standard) {
      for (const { name, level, reserve } of bucket.limits) {
        must(!amounts[name] || level >= reserve * TOKEN, () => `${name}: ${level} left of ${reserve} reserved`);
      }
    }
    const reserve = copyOfBucket(this.#reserve!);
    advance(reserve, nowMs);
    this.#neverRefused(command, answers, reserve, was, nowMs);
    if (fresh.length === 0) return;
    this.#reserve = reserve;
    for (const { agent, amounts } of fresh) {
      if (!this.#isSystem(agent)) continue;
      for (const limit of reserve.limits) limit.level -= (amounts[limit.name] ?? 0) * TOKEN;
    }
  }

  #isSystem(agent: string): boolean {
    return this.#book.ledger.account(agent)?.class === 'system';
  }

  /** T2. */
  #neverRefused(
    { takes }: Takes,
    answers: readonly TakeAnswer[],
    reserve: Bucket,
    { bucket, credits }: Before,
    nowMs: number,
  ): void {
    const { spec, pausedUntil } = bucket!;
    if (spec.lendAfterMs > 0 || spec.ownerMaxPermille < 1000 || nowMs < pausedUntil) return;
    const asked = takes.flatMap((take, index) => {
      const answer = answers[index]!;
      // Who is too noisy for its price lacks money, not capacity.
      const dear = !answer.ok && answer.detail === 'below-reserve-price';
      const judged = answer.ok ? !answer.replayed : answer.wait !== undefined && !dear;
      return this.#isSystem(take.agent) && judged ? [{ take, answer }] : [];
    });
    const within = reserve.limits.every(
      ({ name, level }) => asked.reduce((sum, { take }) => sum + (take.amounts[name] ?? 0), 0) * TOKEN <= level,
    );
    // Refused for want of credits, beside the most that its other takes may come to, is not for capacity.
    const covered = asked.reduce((sum, { take }) => sum + take.maxPrice, 0) <= credits;
    // So is refused, or made to wait, beyond a cap of the market's rules.
    const capped = asked.some(({ take }) => take.bounds !== undefined);
    if (!within || !covered || capped || asked.length === 0) return;
    this.within += 1;
    for (const { take, answer } of asked) must(answer.ok, () => `${take.hold} was refused within the reserve`);
  }

  /** What was used beyond the hold, and what the upstream says is left, is gone for all. */
  #gaveBack(command: Return, hold: HoldState, nowMs: number): void {
    const reserve = this.#reserve!;
    advance(reserve, nowMs);
    for (const limit of reserve.limits) {
      if (hold.taken.amounts[limit.name] === undefined) continue;
      const held = inHand(hold, limit.name);
      const back = (held - (command.used[limit.name] ?? held)) * TOKEN;
      if (back > 0 && hold.taken.class !== 'system') continue;
      limit.level = Math.min(limit.capacity * TOKEN, limit.level + back);
    }
    const cls = this.#isSystem(hold.taken.agent) ? 'system' : 'standard';
    if (command.upstream !== undefined) hearUpstream(reserve, command.upstream, cls, nowMs);
    const after = this.#book.holds.get(command.hold)!;
    must(after.paid <= Number(after.taken.amountMicro), () => `${command.hold} paid ${after.paid}`);
  }
}
