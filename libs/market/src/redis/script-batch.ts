// What arrives together shares one script call: each stays atomic by itself, the call's overhead is split.

/** At most this many in one script call: it must not keep Redis from others for long. */
export const MAX_BATCH = 64;
/** At most this many script calls under way, so that requests gather while Redis works. */
const MAX_IN_FLIGHT = 4;
/** So many make a batch worth sending before the turn ends. */
const EARLY = 16;

interface Waiting<Input, Reply> {
  readonly input: Input;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: unknown) => void;
}

export class ScriptBatch<Input, Reply> {
  readonly #run: (inputs: readonly Input[]) => Promise<readonly Reply[]>;
  #waiting: Waiting<Input, Reply>[] = [];
  #inFlight = 0;
  #scheduled = false;

  /** `run` answers each of its inputs, in their order. */
  constructor(run: (inputs: readonly Input[]) => Promise<readonly Reply[]>) {
    this.#run = run;
  }

  /** Rejects where Redis is away: the outcome is then unknown, ask again under the same key. */
  ask(input: Input): Promise<Reply> {
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
      void this.#settle(batch).finally(() => {
        this.#inFlight -= 1;
        this.#send();
      });
    }
  }

  async #settle(batch: readonly Waiting<Input, Reply>[]): Promise<void> {
    try {
      const replies = await this.#run(batch.map(({ input }) => input));
      batch.forEach(({ resolve }, index) => {
        resolve(replies[index]!);
      });
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}
