// Those who want tokens of one bucket: tried together as they come, and where not all can be served cleared together.
import type { TakeAsked, TakeRank } from '@tender/market';
import type { TakeReply } from '@tender/market/redis';

/** A script that gives and refuses; it must not keep Redis from others for long. */
export type RunTakes = (takes: readonly TakeAsked[]) => Promise<readonly TakeReply[]>;
type Refused = Extract<TakeReply, { ok: false }>;
type MustWait = Refused & { readonly wait: NonNullable<Refused['wait']> };

/** Takes in one script call, while nobody waits. */
const MAX_BATCH = 64;
/** So many make a batch worth sending before the turn ends. */
const EARLY = 16;
const MAX_IN_FLIGHT = 4;
/** In one clearing's call, of those that wait the best: 256 keep Redis for some 5 ms. */
const MAX_CLEARED = 256;
/** Between two clearings: what comes meanwhile shares a price. */
const CLEAR_MS = 25;
/** A call of so many ms is followed by three times as long without one, up to LONGEST_MS. */
const CLEAR_SHARE = 0.25;
const LONGEST_MS = 100;
/** What comes back through another broker is found out so soon. */
const LOOK_MS = 200;
/** More do not wait for one bucket here. */
export const MAX_WAITING = 4096;
/** Of one agent. */
export const MAX_WAITING_EACH = 64;

/** So many ask for the same hold at once; whoever asks again thereafter takes the first one's place. */
const MAX_ASKERS = 16;

export interface Asker {
  resolve(reply: TakeReply): void;
  reject(error: unknown): void;
}

/** One who wants tokens, and all who ask for it under the same hold. */
export interface Wish {
  readonly take: TakeAsked;
  readonly seq: number;
  /** Until when it waits, of `performance.now()`. */
  dueAt: number;
  readonly askers: Asker[];
  /** The bank's last word, and when it could pass by it; absent before it was tried. */
  last?: MustWait;
  passAt: number;
}

const ASKED_AGAIN: TakeReply = {
  ok: false,
  detail: 'unavailable',
  message: 'it was asked again since: the last ones are answered',
};

export interface QueueWatch {
  /** A wish is answered, or about to be. */
  ended(wish: Wish): void;
  /** Nobody is there any more. */
  empty(): void;
}

export class BucketQueue {
  readonly #run: RunTakes;
  readonly #on: QueueWatch;
  /** Not tried yet, as they came. */
  #arrived: Wish[] = [];
  readonly #waiting = new Set<Wish>();
  readonly #perAgent = new Map<string, number>();
  #asleep = 0;
  #inFlight = 0;
  #clearing = false;
  #clearedAt = Number.NEGATIVE_INFINITY;
  /** Until the next clearing at least, in ms. */
  #pauseMs = CLEAR_MS;
  #turning = false;
  /** Something came back since the last clearing. */
  #stirred = false;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  constructor(run: RunTakes, on: QueueWatch) {
    this.#run = run;
    this.#on = on;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * What those want at least who come before a take of this rank, by limit: class system first, then who offers as much.
   * Who waits for its own noise or share to pass is in nobody's way.
   */
  ahead({ rate, system }: TakeRank): Readonly<Record<string, number>> {
    const sum: Record<string, number> = {};
    for (const { take, last } of this.#waiting) {
      const { offeredPermille, system: first = false } = last!.wait;
      if (offeredPermille === undefined || (first === system ? offeredPermille < rate : system)) continue;
      const least = { ...take.amounts, ...take.atLeast };
      for (const [limit, amount] of Object.entries(least)) sum[limit] = (sum[limit] ?? 0) + amount;
    }
    return sum;
  }

  /** How many requests are kept here for their turn. */
  get asleep(): number {
    return this.#asleep;
  }

  add(wish: Wish): void {
    this.#arrived.push(wish);
    // Whoever comes while others wait is cleared together with them: neither before them, nor after all of them.
    if (this.#crowded) this.#schedule();
    else if (this.#arrived.length >= EARLY && this.#inFlight < MAX_IN_FLIGHT) this.#send();
    else if (!this.#turning) {
      this.#turning = true;
      setImmediate(() => {
        this.#turning = false;
        this.#send();
      });
    }
  }

  /** Somebody asks for the same once more: answered with the others. */
  join(wish: Wish, asker: Asker, dueAt: number): void {
    wish.dueAt = Math.max(wish.dueAt, dueAt);
    wish.askers.push(asker);
    if (wish.askers.length > MAX_ASKERS) wish.askers.shift()!.resolve(ASKED_AGAIN);
    else if (this.#waiting.has(wish)) this.#asleep += 1;
  }

  /** Tokens came back: the next clearing need not wait for the refill. */
  stir(): void {
    this.#stirred = true;
    this.#schedule();
  }

  /** Nobody wants it any more; what is being tried just now is answered as it comes out. */
  drop(wish: Wish): void {
    wish.dueAt = Number.NEGATIVE_INFINITY;
    const place = this.#arrived.indexOf(wish);
    if (place >= 0) this.#arrived.splice(place, 1);
    if (place >= 0 || (this.#waiting.has(wish) && !this.#clearing)) this.#refuse(wish);
    this.#send();
  }

  /** Nobody is kept waiting any longer; `reply` says why. */
  close(reply: TakeReply): void {
    clearTimeout(this.#timer);
    for (const wish of [...this.#arrived.splice(0), ...this.#waiting]) this.#answer(wish, reply);
  }

  get #crowded(): boolean {
    return this.#waiting.size > 0 || this.#clearing;
  }

  #send(): void {
    while (this.#arrived.length > 0 && this.#inFlight < MAX_IN_FLIGHT && !this.#crowded) {
      const batch = this.#arrived.splice(0, MAX_BATCH);
      this.#inFlight += 1;
      void this.#try(batch).finally(() => {
        this.#inFlight -= 1;
        this.#send();
      });
    }
    if (this.#waiting.size > 0) this.#schedule();
    else if (this.#arrived.length === 0 && this.#inFlight === 0 && !this.#clearing) this.#on.empty();
  }

  async #try(batch: readonly Wish[]): Promise<void> {
    try {
      const replies = await this.#run(batch.map(({ take }) => take));
      const now = performance.now();
      batch.forEach((wish, index) => {
        this.#heard(wish, replies[index]!, now);
      });
    } catch (error) {
      for (const wish of batch) {
        this.#forget(wish);
        for (const { reject } of wish.askers) reject(error);
      }
    }
  }

  #heard(wish: Wish, reply: TakeReply, now: number): void {
    if (reply.ok || reply.wait === undefined) {
      this.#answer(wish, reply);
      return;
    }
    wish.last = { ...reply, wait: reply.wait };
    wish.passAt = now + reply.wait.ms;
    if (wish.dueAt <= now || !this.#admit(wish)) this.#refuse(wish);
  }

  #admit(wish: Wish): boolean {
    if (this.#waiting.has(wish)) return true;
    const { agent } = wish.take;
    const ofAgent = this.#perAgent.get(agent) ?? 0;
    // A crowd keeps nobody of class system from waiting: operators decide how many of these there are.
    const full = this.#waiting.size >= MAX_WAITING && wish.last?.wait.system !== true;
    if (full || ofAgent >= MAX_WAITING_EACH) return false;
    // The first who must wait has just been tried: that was a look, too.
    if (this.#waiting.size === 0 && !this.#clearing) this.#clearedAt = performance.now();
    this.#waiting.add(wish);
    this.#asleep += wish.askers.length;
    this.#perAgent.set(agent, ofAgent + 1);
    return true;
  }

  #refuse(wish: Wish): void {
    const { message, wait } = wish.last ?? { message: 'it was not tried', wait: { ms: 0, priceMicro: '0' } };
    const advice = `${message}: wait longer, come again, or offer more`;
    this.#answer(wish, { ok: false, detail: 'token-limit', message: advice, wait });
  }

  #answer(wish: Wish, reply: TakeReply): void {
    this.#forget(wish);
    for (const { resolve } of wish.askers) resolve(reply);
  }

  #forget(wish: Wish): void {
    if (this.#waiting.delete(wish)) {
      this.#asleep -= wish.askers.length;
      const { agent } = wish.take;
      const left = this.#perAgent.get(agent)! - 1;
      if (left === 0) this.#perAgent.delete(agent);
      else this.#perAgent.set(agent, left);
    }
    this.#on.ended(wish);
  }

  /** One timer, for the next clearing. */
  #schedule(): void {
    if (this.#clearing || this.#waiting.size === 0) return;
    const due = this.#clearAt();
    if (due >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = due;
    this.#timer = setTimeout(() => this.#wake(), Math.max(0, due - performance.now()));
  }

  #clearAt(): number {
    const soonest = this.#clearedAt + this.#pauseMs;
    if (this.#arrived.length > 0 || this.#stirred) return soonest;
    let next = this.#clearedAt + LOOK_MS;
    // Whoever has waited long enough is tried once more: another broker may have served it meanwhile.
    for (const { passAt, dueAt } of this.#waiting) next = Math.min(next, passAt, dueAt);
    return Math.max(soonest, next);
  }

  #wake(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    if (this.#waiting.size === 0) this.#send();
    else if (this.#clearAt() > performance.now()) this.#schedule();
    else void this.#clear();
  }

  /** Everybody who came since the last one is tried, together with the best of those who wait. */
  async #clear(): Promise<void> {
    this.#clearing = true;
    this.#stirred = false;
    this.#clearedAt = performance.now();
    const arrived = this.#arrived.splice(0);
    let calls = 0;
    do {
      calls += 1;
      const fresh = arrived.splice(0, Math.max(MAX_CLEARED / 2, MAX_CLEARED - this.#waiting.size));
      const batch = [...this.#best(MAX_CLEARED - fresh.length), ...fresh].sort((a, b) => a.seq - b.seq);
      if (batch.length > 0) await this.#try(batch);
    } while (arrived.length > 0);
    const now = performance.now();
    for (const wish of this.#waiting) if (wish.dueAt <= now) this.#refuse(wish);
    const each = (now - this.#clearedAt) / calls;
    this.#pauseMs = Math.min(LONGEST_MS, Math.max(CLEAR_MS, each / CLEAR_SHARE));
    this.#clearing = false;
    this.#send();
  }

  #best(limit: number): Wish[] {
    const all = [...this.#waiting];
    return all.length <= limit ? all : all.sort(byWorth).slice(0, limit);
  }
}

/** Accounts of class system first, then who offers the larger share of what would have served it. */
function byWorth(a: Wish, b: Wish): number {
  const [one, two] = [worth(a), worth(b)];
  return one === two ? a.seq - b.seq : two > one ? 1 : -1;
}

function worth({ take, last }: Wish): number {
  const { wait } = last!;
  return wait.system ? Number.POSITIVE_INFINITY : take.maxPrice / Math.max(1, Number(wait.priceMicro));
}
