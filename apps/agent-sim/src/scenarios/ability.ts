// Claims of ability: who is fastest by its own word wins the task; a bond makes the word cost what it is worth.
import type { Agent, HireOutcome } from '@tender/agent';
import { CREDIT } from '@tender/credits';
import type { TaskView } from '@tender/market';
import type { Prng } from '../prng.js';
import { MINUTE, PATIENCE_MS, provideFor, seenThrough } from './cast.js';

export const CALLS = 9;
export const BOND_MICRO = 15 * CREDIT;
/** A bluffer does what it claims once in so many times. */
const LUCKY = 3;

export interface Race {
  readonly bonded: boolean;
  readonly outcome: HireOutcome;
  readonly views: readonly TaskView[];
}

/** Says when it will really be done, and is. */
export async function honest(agent: Agent, resource: string, prng: Prng): Promise<void> {
  const minutes = 3 + prng.int(3);
  await provideFor(agent, resource, ({ nowMs }) => {
    const costMicro = Math.round((9 + 2 * prng.next()) * CREDIT);
    return { ok: true, costMicro, wishMicro: costMicro, completesAt: nowMs + minutes * MINUTE };
  });
}

/**
 * Says that it will be done at once, which it manages once in three times. One that can reckon stays away where its
 * bond is worth more than its luck; one that cannot does not.
 */
export async function bluffer(agent: Agent, resource: string, prng: Prng, reckons: boolean): Promise<void> {
  let started = 0;
  await provideFor(
    agent,
    resource,
    ({ frame, nowMs }) => {
      const costMicro = Math.round((7 + 2 * prng.next()) * CREDIT);
      const gain = costMicro / LUCKY - (Number(frame.conditions.bondMicro) * (LUCKY - 1)) / LUCKY;
      if (reckons && gain < 0) {
        return { ok: false, detail: 'deadline-infeasible', message: 'not for sure', final: true };
      }
      return { ok: true, costMicro, wishMicro: costMicro, completesAt: nowMs + MINUTE, quality: 1000, risk: 0 };
    },
    {
      run: () => {
        if (started++ % LUCKY > 0) throw new Error('it cannot be done that fast');
        return {};
      },
    },
  );
}

/** A call for the fastest of the cheap. */
export async function race(buyer: Agent, resource: string, answers: number, bonded: boolean): Promise<Race> {
  const outcome = await buyer.hire({
    task: { resource, summary: 'as soon as possible' },
    ask: { priceMicro: 12 * CREDIT, deadline: buyer.now() + 10 * MINUTE },
    bounds: { priceMicro: { min: '1', max: String(12 * CREDIT) } },
    conditions: { bondMicro: bonded ? String(BOND_MICRO) : '0' },
    rule: 'best-score',
    weights: { cost: 400, speed: 600, quality: 0, risk: 0 },
    closeAfterAnswers: answers,
    windowMs: PATIENCE_MS,
  });
  return { bonded, outcome, views: await seenThrough(outcome) };
}

/** What an agent has, set aside or not, by the bank's books. */
export async function wealthOf(agent: Agent): Promise<number> {
  const account = await agent.account();
  return account.ok ? Number(account.availableMicro) + Number(account.pendingMicro) : Number.NaN;
}
