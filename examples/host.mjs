// Host: many agents over one connection; each values a slot differently, all bid in one message per call.
// Run it as examples/set-up.mjs says: an operator registered each agent's account with its host.
import { bid, connectHost, refuse } from '@tender/agent';
import { environment } from './market.mjs';

const env = environment('NATS_URL', 'TENDER_HOST', 'TENDER_AGENTS');
const { NATS_URL, TENDER_MARKET = 'demo', TENDER_POOL: pool = 'gpu.h100' } = env;
const { TENDER_HOST: id, TENDER_AGENTS: agents, WINS = '3' } = env;

const host = await connectHost({ servers: NATS_URL, market: TENDER_MARKET, id });
let wins = 0;
await new Promise((done) => {
  JSON.parse(agents).forEach(async (keys, n) => {
    const agent = await host.agent(keys);
    agent.listen(pool, {
      evaluate: (call) =>
        call.durationMs > 60_000 ? refuse('deadline-infeasible') : bid({ price: (n + 1) * 1_000_000 }),
      onLease: async (lease) => {
        console.log(`${agent.id} won slot ${lease.slots} for ${lease.priceMicro}`);
        await lease.release();
        if (++wins === Number(WINS)) done();
      },
      onLost: ({ detail, clearingPriceMicro }) =>
        console.log(`${agent.id} lost: ${detail}, price ${clearingPriceMicro}`),
    });
  });
});
await host.close({ release: true });
