// Provide: does small tasks for others, whoever calls for them or asks for one, and works on what it wins.
// Run it as examples/set-up.mjs says, and examples/hire.mjs beside it.
import { connectAgent } from '@tender/agent';
import { environment } from './market.mjs';

const env = environment('NATS_URL', 'TENDER_AGENT', 'TENDER_AGENT_SEED');
const { NATS_URL, TENDER_MARKET = 'demo', TENDER_POOL: resource = 'gpu.h100' } = env;
const { TENDER_AGENT: id, TENDER_AGENT_SEED: seed, TASKS = '2' } = env;

const agent = await connectAgent({ servers: NATS_URL, market: TENDER_MARKET, id, seed });
let settled = 0;
await new Promise((finish) => {
  agent.provide(resource, {
    capability: {
      units: 2,
      // A task takes a second of one unit, and costs what is needed to set it up and the time.
      effort: { setupMs: 100, workMs: 900, setupMicro: 50_000, unitHourMicro: 3_600_000 },
      wishPermille: 2000,
    },
    run: async ({ inputs }, bench) => {
      bench.progress({ percent: 50 });
      return { words: String(inputs.text).split(/\s+/).length };
    },
    onContract: ({ contract, frame }) => console.log(`${contract}: ${frame.task.summary}, for ${frame.buyer}`),
    onSettled: ({ contract, outcome, paidMicro }) => {
      console.log(`${contract}: ${outcome}, paid ${paidMicro}`);
      if (++settled === Number(TASKS)) finish();
    },
  });
});
await agent.close();
