// Sell: calls for proposals on a pool's free slots, as its registered seller, and says who won at what price.
// Run it as examples/set-up.mjs says: only the seller that an operator registered may call on a pool.
import { connectAgent } from '@tender/agent';
import { environment } from './market.mjs';

const env = environment('NATS_URL', 'TENDER_AGENT', 'TENDER_AGENT_SEED');
const { NATS_URL, TENDER_MARKET = 'demo', TENDER_POOL: pool = 'gpu.h100' } = env;
const { TENDER_AGENT: id, TENDER_AGENT_SEED: seed, CALLS = '20' } = env;

const agent = await connectAgent({ servers: NATS_URL, market: TENDER_MARKET, id, seed });
/** No call of this agent on this pool would ever pass. */
const hopeless = ['not-permitted', 'unknown', 'bad-signature'];
for (let n = 0; n < Number(CALLS); n++) {
  const sale = await agent.call({ pool, units: 2, atLeast: 1, durationMs: 2000, windowMs: 250, seals: ['mac'] });
  if (!sale.ok) console.log(`not sold: ${sale.detail}: ${sale.message}`);
  if (hopeless.includes(sale.detail)) {
    console.error(`Only the seller of ${pool} may call on it: node examples/set-up.mjs opens a pool with a seller.`);
    process.exitCode = 1;
    break;
  }
  for (const one of sale.winners ?? []) console.log(`sold slot ${one.slots} to ${one.participant}, ${one.priceMicro}`);
}
await agent.close();
