// Set up: as operator, opens a pool with its seller, a bucket, a buyer and a host's three agents, and prints how to run
// each.
// Run it with what `tender up` prints: TENDER_OPERATOR_SEED is the operator's id and seed, <id>:SU…
import { connectOperator, createSeed } from '@tender/agent';
import { publicNkeyOf } from '@tender/market';
import { environment } from './market.mjs';

const { NATS_URL, TENDER_MARKET = 'demo', TENDER_OPERATOR_SEED } = environment('NATS_URL', 'TENDER_OPERATOR_SEED');
const [id, seed = ''] = TENDER_OPERATOR_SEED.split(':');
const operator = await connectOperator({ servers: NATS_URL, market: TENDER_MARKET, id, seed });
const tag = Date.now().toString(36);
const [pool, host] = [`gpu.${tag}`, `host-${tag}`];

/** Everything here refuses with a reason instead of throwing; this script has nothing better to do than to stop. */
async function must(answer) {
  const { ok, detail, message } = await answer;
  if (!ok) throw new Error(`${detail}: ${message}`);
}

/** An account with 100 credits and a key of its own; only the public half goes to the bank. */
async function agent(name, more = {}) {
  const keys = { id: `${name}-${tag}`, seed: createSeed() };
  await must(operator.openAccount({ id: keys.id, kind: 'agent', nkey: publicNkeyOf(keys.seed), ...more }));
  await must(operator.grant({ to: keys.id, amountMicro: '100000000' }));
  return keys;
}

const [seller, buyer, ...hosted] = await Promise.all([
  agent('seller'),
  agent('buyer'),
  ...['a', 'b', 'c'].map((name) => agent(name, { host })),
]);
await must(operator.openAccount({ id: `till-${tag}`, kind: 'pool' }));
await must(
  operator.openPool({ pool, account: `till-${tag}`, seller: seller.id, slots: 4, reservePriceMicro: '500000' }),
);
const limits = [
  // A little less than the upstream of examples/call.mjs grants: calls do not reach it as evenly as tokens are taken.
  { name: 'requests', capacity: 5, refillPerSecond: 9, priceMicro: '100' },
  { name: 'tokens', capacity: 20_000, refillPerSecond: 20_000 },
];
await must(operator.openBucket({ bucket: `api.${tag}`, account: `till-${tag}`, limits }));
const as = (keys) => `TENDER_POOL=${pool} TENDER_AGENT=${keys.id} TENDER_AGENT_SEED=${keys.seed}`;
console.log(`${as(seller)} node examples/sell.mjs`);
console.log(`${as(buyer)} node examples/bid.mjs`);
console.log(`${as(buyer)} node examples/plain-nats.mjs`);
console.log(`${as(seller)} node examples/provide.mjs`);
console.log(`${as(buyer)} node examples/hire.mjs`);
console.log(`TENDER_BUCKET=api.${tag} ${as(buyer)} node examples/call.mjs`);
console.log(`TENDER_POOL=${pool} TENDER_HOST=${host} TENDER_AGENTS='${JSON.stringify(hosted)}' node examples/host.mjs`);
await operator.close();
