// A provider and an order as most tests of tasks want them.
import { onTestFinished } from 'vitest';
import type { Agent, HireOptions, ProvideOptions } from '../src/index.js';
import { CREDIT } from './support.js';

/** Offers and runs whatever comes, until the test has ended. */
export async function provide(agent: Agent, resource: string, more: Partial<ProvideOptions> = {}): Promise<void> {
  const providing = agent.provide(resource, {
    appraise: () => ({ ok: true, costMicro: CREDIT }),
    run: () => ({}),
    ...more,
  });
  onTestFinished(() => providing.stop());
  await providing.ready;
}

export function order(resource: string, more: Partial<HireOptions> = {}): HireOptions {
  return {
    task: { resource, inputs: { n: 1 } },
    ask: { priceMicro: 2 * CREDIT },
    closeAfterAnswers: 1,
    windowMs: 20_000,
    ...more,
  };
}
