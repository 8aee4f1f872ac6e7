// The desk for rate tokens: who asks twice waits once, who waits is kept here, and what was given is told.
import type { TakeAsked, TakeRank } from '@tender/market';
import type { TakeReply } from '@tender/market/redis';
import { BucketQueue, type Wish } from './bucket-queue.js';

interface Waiting {
  readonly wish: Wish;
  readonly queue: BucketQueue;
}

const CLOSED: TakeReply = {
  ok: false,
  detail: 'unavailable',
  message: 'this broker stops: ask again with the same hold',
};

/** Where a wish outlives its broker nothing is lost but the place among those who wait: it is asked again. */
export class TokenDesk {
  /** Tells the other brokers that nobody waits for a hold. */
  readonly tellForgotten: (by: string, hold: string) => void;
  readonly #run: (bucket: string, takes: readonly TakeAsked[]) => Promise<readonly TakeReply[]>;
  readonly #queues = new Map<string, BucketQueue>();
  /** By who asks and the hold. */
  readonly #wishes = new Map<string, Waiting>();
  #seq = 0;
  #closed = false;

  /** `run` has a batch of takes of one bucket decided; what it gave it tells to whoever must know. */
  constructor(
    run: (bucket: string, takes: readonly TakeAsked[]) => Promise<readonly TakeReply[]>,
    tellForgotten: (by: string, hold: string) => void = () => {},
  ) {
    this.#run = run;
    this.tellForgotten = tellForgotten;
  }

  /**
   * Takes at once, or within `waitMs`. A refusal with `wait` says that the time was too short. Rejects where Redis is
   * away: the outcome is then unknown, ask again under the same hold.
   */
  take(bucket: string, take: TakeAsked, waitMs: number): Promise<TakeReply> {
    if (this.#closed) return Promise.resolve(CLOSED);
    const key = `${take.by}|${take.hold}`;
    const dueAt = waitMs > 0 ? performance.now() + waitMs : Number.NEGATIVE_INFINITY;
    const known = this.#wishes.get(key);
    if (known !== undefined && known.wish.take.digest !== take.digest) {
      const message = `the hold ${take.hold} waits for something else: each take has an id of its own`;
      return Promise.resolve({ ok: false, detail: 'duplicate', message });
    }
    return new Promise((resolve, reject) => {
      if (known !== undefined) {
        known.queue.join(known.wish, { resolve, reject }, dueAt);
        return;
      }
      this.#seq += 1;
      const wish: Wish = { take, seq: this.#seq, dueAt, askers: [{ resolve, reject }], passAt: 0 };
      const queue = this.#queueOf(bucket);
      this.#wishes.set(key, { wish, queue });
      queue.add(wish);
    });
  }

  /** Nobody waits for this hold any more; whether somebody did, here. */
  forget(by: string, hold: string): boolean {
    const waiting = this.#wishes.get(`${by}|${hold}`);
    if (waiting === undefined) return false;
    waiting.queue.drop(waiting.wish);
    return true;
  }

  /** Tokens of the bucket came back. */
  stir(bucket: string): void {
    this.#queues.get(bucket)?.stir();
  }

  /** Requests that are kept here for their turn: nothing is being done for them. */
  get asleep(): number {
    let asleep = 0;
    for (const queue of this.#queues.values()) asleep += queue.asleep;
    return asleep;
  }

  /** What those want who wait here and come before a take of this rank: whole tokens by limit. */
  ahead(bucket: string, rank: TakeRank): Readonly<Record<string, number>> {
    return this.#queues.get(bucket)?.ahead(rank) ?? {};
  }

  /** How many wait, by bucket. */
  waiting(): ReadonlyMap<string, number> {
    return new Map([...this.#queues].map(([bucket, queue]) => [bucket, queue.waiting]));
  }

  /** Nobody is kept any longer: another broker is asked. */
  close(): void {
    this.#closed = true;
    for (const queue of this.#queues.values()) queue.close(CLOSED);
  }

  #queueOf(bucket: string): BucketQueue {
    const known = this.#queues.get(bucket);
    if (known !== undefined) return known;
    const queue: BucketQueue = new BucketQueue((takes) => this.#run(bucket, takes), {
      ended: ({ take }) => this.#wishes.delete(`${take.by}|${take.hold}`),
      empty: () => this.#queues.delete(bucket),
    });
    this.#queues.set(bucket, queue);
    return queue;
  }
}
