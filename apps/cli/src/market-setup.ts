// Sets a market up as its operator: the steward, the pool and whom it pays. The one place that does.
import { connectOperator, type Operator } from '@tender/agent';
import { publicNkeyOf } from '@tender/market';
import type { MarketKeys } from './market-keys.js';

export const OPERATOR = 'op';
export const STEWARD = 'steward';

export interface PoolPlan {
  readonly pool: string;
  readonly slots: number;
  /** The priority reserve: slots that only system agents may take. */
  readonly reserve: number;
  /** Per slot and term. */
  readonly reservePriceMicro: string;
}

export interface SetupOptions {
  readonly natsUrl: string;
  readonly market: string;
  readonly keys: MarketKeys;
  readonly plan: PoolPlan;
}

/** Opens what is not open yet: a market whose data was kept is set up already. Throws where the bank refuses. */
export async function setUpMarket({ natsUrl, market, keys, plan }: SetupOptions): Promise<void> {
  const operator = await connectOperator({ servers: natsUrl, market, id: OPERATOR, seed: keys.operatorSeed });
  try {
    const income = `pool-${plan.pool.replaceAll('.', '-')}`;
    await opened(operator.openAccount({ id: STEWARD, kind: 'agent', nkey: publicNkeyOf(keys.stewardSeed) }));
    await opened(operator.openAccount({ id: income, kind: 'pool' }));
    const { pool, slots, reserve, reservePriceMicro } = plan;
    await opened(operator.openPool({ pool, account: income, seller: STEWARD, slots, reserve, reservePriceMicro }));
  } finally {
    await operator.close();
  }
}

/** Opens an agent's account with credits, so that somebody can bid at once. */
export async function welcomeAgent(
  options: Omit<SetupOptions, 'plan'>,
  agent: { readonly id: string; readonly seed: string; readonly amountMicro: string },
): Promise<void> {
  const { natsUrl, market, keys } = options;
  const operator = await connectOperator({ servers: natsUrl, market, id: OPERATOR, seed: keys.operatorSeed });
  try {
    await opened(operator.openAccount({ id: agent.id, kind: 'agent', nkey: publicNkeyOf(agent.seed) }));
    await opened(operator.grant({ to: agent.id, amountMicro: agent.amountMicro }));
  } finally {
    await operator.close();
  }
}

async function opened(asked: ReturnType<Operator['openAccount']>): Promise<void> {
  const answer = await asked;
  if (answer.ok || answer.detail === 'duplicate') return;
  throw new Error(`The market cannot be set up: ${answer.detail}, ${answer.message}`);
}
