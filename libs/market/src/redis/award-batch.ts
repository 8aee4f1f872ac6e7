// Awards that arrive together share one script call: each stays atomic by itself, the call's overhead is split.
import { metaKey, runScript } from '@tender/credits/redis';
import type { Redis } from 'ioredis';
import { type AwardInput, type AwardReply, marketScripts } from './scripts.js';

/** At most this many awards in one script call: it must not keep Redis from others for long. */
export const MAX_BATCH = 64;
/** At most this many script calls under way, so that awards gather while Redis works. */
const MAX_IN_FLIGHT = 4;

/** So many make a batch worth sending before the turn ends. */
const EARLY = 16;

interface Waiting {
  readonly input: AwardInput;
  readonly resolve: (reply: AwardReply) => void;
  readonly reject: (error: unknown) => void;
}

export class AwardBatch {
  readonly #redis: Redis;
  readonly #meta: string;
  readonly #onCommitted: (replies: readonly AwardReply[], awards: readonly AwardInput[]) => void;
  #waiting: Waiting[] = [];
  #inFlight = 0;
  #scheduled = false;

  /**
   * `onCommitted` gets the replies of each batch once, and what was asked, before their callers do: events are published
   * from it.
   */
  constructor(
    redis: Redis,
    market: string,
    onCommitted: (replies: readonly AwardReply[], awards: readonly AwardInput[]) => void = () => {},
  ) {
    this.#redis = redis;
    this.#meta = metaKey(market);
    this.#onCommitted = onCommitted;
  }

  /** Rejects where Redis is away: the outcome is then unknown, ask again under the same key. */
  award(input: AwardInput): Promise<AwardReply> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ input, resolve, reject });
      // A wave of requests is read in one turn of the loop: Redis need not wait for the last of them.
      if (this.#waiting.length >= EARLY && this.#inFlight < MAX_IN_FLIGHT) return this.#send();
      if (this.#scheduled) return;
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.#send();
      });
    });
  }

  #send(): void {
    while (this.#waiting.length > 0 && this.#inFlight < MAX_IN_FLIGHT) {
      const batch = this.#waiting.splice(0, MAX_BATCH);
      this.#inFlight += 1;
      void this.#run(batch).finally(() => {
        this.#inFlight -= 1;
        this.#send();
      });
    }
  }

  async #run(batch: readonly Waiting[]): Promise<void> {
    try {
      const awards = batch.map((waiting) => waiting.input);
      const replies = await runScript(this.#redis, marketScripts.award, this.#meta, { awards });
      this.#onCommitted(replies, awards);
      batch.forEach((waiting, index) => {
        waiting.resolve(replies[index]!);
      });
    } catch (error) {
      for (const waiting of batch) waiting.reject(error);
    }
  }
}
