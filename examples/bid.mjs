// Bid: wins one slot of a pool, works on it for as long as the price is right, gives it back.
// Run it with what `tender up` prints, or as examples/set-up.mjs says.
import { setTimeout as work } from 'node:timers/promises';
import { connectAgent } from '@tender/agent';
import { environment } from './market.mjs';

const env = environment('NATS_URL', 'TENDER_AGENT', 'TENDER_AGENT_SEED');
const { NATS_URL, TENDER_MARKET = 'demo', TENDER_POOL: pool = 'gpu.h100' } = env;
const { TENDER_AGENT: id, TENDER_AGENT_SEED: seed, WORK_MS = '1500' } = env;

const agent = await connectAgent({ servers: NATS_URL, market: TENDER_MARKET, id, seed });
const lease = await agent.win(pool, { maxPriceMicro: 5_000_000, deadlineMs: 60_000 });
console.log(`won slot ${lease.slots} of ${pool} under fence ${lease.fences} for ${lease.priceMicro} micro-credits`);
lease.autoRenew({ maxPriceMicro: 5_000_000 });
await work(Number(WORK_MS), undefined, { signal: lease.signal }).catch(() => console.log('the lease was lost'));
const settled = await lease.release();
console.log(settled.ok ? `paid ${settled.paidMicro}, got ${settled.refundedMicro} back` : settled.message);
await agent.close();
