// Sell: calls for proposals on a pool's free slots, as its registered seller, and says who won at what price.
// Run it as examples/set-up.mjs says: only the seller that an operator registered may call on a pool.
import { connectAgent } from '@tender/agent';

const { NATS_URL = 'nats://127.0.0.1:4222', TENDER_MARKET = 'demo', TENDER_POOL: pool = 'gpu.h100' } = process.env;
const { TENDER_AGENT: id, TENDER_AGENT_SEED: seed, CALLS = '20' } = process.env;

const agent = await connectAgent({ servers: NATS_URL, market: TENDER_MARKET, id, seed });
for (let n = 0; n < Number(CALLS); n++) {
  const sale = await agent.call({ pool, units: 2, atLeast: 1, durationMs: 2000, windowMs: 250, seals: ['mac'] });
  if (!sale.ok) console.log(`not sold: ${sale.detail}: ${sale.message}`);
  for (const one of sale.winners ?? []) console.log(`sold slot ${one.slots} to ${one.participant}, ${one.priceMicro}`);
}
await agent.close();
