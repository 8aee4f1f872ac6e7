// How the same agents ask through the market: tokens first, the request under them, and what was not used back.
import { setTimeout as delay } from 'node:timers/promises';
import { type Agent, RefusedError } from '@tender/agent';
import { type Player, PRICE } from './rate-plan.js';
import { tokensUsed, type Way } from './rate-play.js';

/** What an agent makes of the lengths of answers that it has seen: what to hold for the next one. */
class Estimate {
  #count = 0;
  #mean = 0;
  /** Sum of squared distances from the mean (Welford 1962). */
  #spread = 0;

  seen(tokens: number): void {
    this.#count++;
    const distance = tokens - this.#mean;
    this.#mean += distance / this.#count;
    this.#spread += distance * (tokens - this.#mean);
  }

  /** Two standard deviations above the mean; a guess until three were seen. */
  get next(): number {
    if (this.#count < 3) return FIRST_GUESS;
    return Math.ceil(this.#mean + 2 * Math.sqrt(this.#spread / (this.#count - 1)));
  }
}

const FIRST_GUESS = 64;
/** Longer than any answer takes. */
const TTL_MS = 20_000;
/** After 429s in spite of it all. */
const RETRIES = 3;

/** `agents` by number, as the arrivals name them. */
export function managed(bucket: string, agents: readonly Agent[], players: readonly Player[]): Way {
  const estimates = players.map(() => new Estimate());
  return async ({ arrival, leftMs, send }) => {
    const estimate = estimates[arrival.agent]!;
    const tokens = arrival.contextTokens + estimate.next;
    const maxPriceMicro = Math.round((PRICE.requests + PRICE.tokens * tokens) * players[arrival.agent]!.worth);
    const order = { requests: 1, tokens, maxPriceMicro };
    const options = { waitMs: Math.max(0, leftMs()), ttlMs: TTL_MS, retries: RETRIES };
    try {
      let done = { tokens: 0, paidMicro: 0, noiseMicro: 0 };
      const response = await agents[arrival.agent]!.withTokens(
        bucket,
        order,
        async (held) => {
          const answer = await send();
          if (answer.status === 429) return answer;
          const used = await tokensUsed(answer);
          estimate.seen(used - arrival.contextTokens);
          held.used({ tokens: used });
          const paidMicro = held.unitsMicro.requests! + used * held.unitsMicro.tokens!;
          done = { tokens: used, paidMicro, noiseMicro: paidMicro * (1 - 1000 / held.noisePermille) };
          return answer;
        },
        options,
      );
      return response.status === 429 ? { ...done, refused: '429' } : done;
    } catch (error) {
      if (error instanceof RefusedError)
        return { tokens: 0, paidMicro: 0, noiseMicro: 0, refused: error.refusal.detail };
      throw error;
    }
  };
}

const ASK_EVERY_MS = 50;

/**
 * How long the bank takes to answer a mere question, asked at even times until it is over: what a busy machine costs.
 * Counted from when it was to be asked, so that a stall counts for all that fell into it.
 */
export async function questionMs(agent: Agent, bucket: string, over: AbortSignal): Promise<number[]> {
  const asked: Promise<number>[] = [];
  for (let dueMs = performance.now(); !over.aborted; dueMs += ASK_EVERY_MS) {
    await delay(Math.max(0, dueMs - performance.now()));
    asked.push(agent.bucket(bucket).then(() => performance.now() - dueMs));
  }
  return Promise.all(asked);
}
