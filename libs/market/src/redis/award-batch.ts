// Awards that arrive together share one script call, and are told of as one.
import { metaKey, runScript } from '@tender/credits/redis';
import type { Redis } from 'ioredis';
import { ScriptBatch } from './script-batch.js';
import { type AwardInput, type AwardReply, marketScripts } from './scripts.js';

export class AwardBatch {
  readonly #batch: ScriptBatch<AwardInput, AwardReply>;

  /**
   * `onCommitted` gets the replies of each batch once, and what was asked, before their callers do: events are published
   * from it.
   */
  constructor(
    redis: Redis,
    market: string,
    onCommitted: (replies: readonly AwardReply[], awards: readonly AwardInput[]) => void = () => {},
  ) {
    const meta = metaKey(market);
    this.#batch = new ScriptBatch(async (awards) => {
      const replies = await runScript(redis, marketScripts.award, meta, { awards });
      onCommitted(replies, awards);
      return replies;
    });
  }

  /** Rejects where Redis is away: the outcome is then unknown, ask again under the same key. */
  award(input: AwardInput): Promise<AwardReply> {
    return this.#batch.ask(input);
  }
}
