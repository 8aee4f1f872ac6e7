// Hire: has a task done by whoever offers best, then another one by the same provider at a price that both agree on.
// Run it as examples/set-up.mjs says, with examples/provide.mjs beside it.
import { connectAgent } from '@tender/agent';
import { environment } from './market.mjs';

const env = environment('NATS_URL', 'TENDER_AGENT', 'TENDER_AGENT_SEED');
const { NATS_URL, TENDER_MARKET = 'demo', TENDER_POOL: resource = 'gpu.h100' } = env;
const { TENDER_AGENT: id, TENDER_AGENT_SEED: seed, TEXT = 'a rose is a rose is a rose' } = env;

const agent = await connectAgent({ servers: NATS_URL, market: TENDER_MARKET, id, seed });
const output = { type: 'object', properties: { words: { type: 'integer' } }, required: ['words'] };
const task = { resource, summary: 'count words', inputs: { text: TEXT }, output };

/** Prints what came of it; the first contract, if there is one. */
async function tell(outcome) {
  if (!outcome.ok) throw new Error(`${outcome.detail}: ${outcome.message}`);
  const [hired] = outcome.tasks;
  hired.on('progress', ({ percent }) => console.log(`${percent} %`));
  const end = await hired.receipt;
  const { priceMicro } = hired.view.issues;
  if (!end.ok) throw new Error(`${hired.provider}: ${end.outcome}: ${end.receipt?.message}`);
  console.log(`${hired.provider} counted ${end.receipt.outputs.words} words for ${priceMicro}`);
  return hired;
}

const { provider } = await tell(
  await agent.hire({ task, ask: { priceMicro: 500_000 }, windowMs: 5000, closeAfterAnswers: 1 }),
);
const talked = await agent.negotiate(provider, { task, ask: { priceMicro: 20_000 }, limitMicro: 200_000 });
for (const { by, what, issues } of talked.trail) if (issues) console.log(`${by}: ${what} ${issues.priceMicro}`);
await tell(talked);
await agent.close();
