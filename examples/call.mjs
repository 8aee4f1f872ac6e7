// Call: an upstream that answers 429 beyond its limit, called under rate tokens, so that it need not.
// Run it as examples/set-up.mjs says; the upstream is a small server of its own.
import { createServer } from 'node:http';
import { connectAgent } from '@tender/agent';
import { environment } from './market.mjs';

const env = environment('NATS_URL', 'TENDER_AGENT', 'TENDER_AGENT_SEED');
const { NATS_URL, TENDER_MARKET = 'demo', TENDER_BUCKET: bucket = 'api.model' } = env;
const { TENDER_AGENT: id, TENDER_AGENT_SEED: seed, CALLS = '30' } = env;

const agent = await connectAgent({ servers: NATS_URL, market: TENDER_MARKET, id, seed });

/** Takes 10 requests at once and 10 a second, whatever anybody pays. */
let room = 10;
let filledAt = performance.now();
const upstream = createServer((_request, response) => {
  const now = performance.now();
  room = Math.min(10, room + ((now - filledAt) / 1000) * 10);
  filledAt = now;
  if (room < 1) return response.writeHead(429, { 'retry-after': '1' }).end();
  room -= 1;
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ tokens: 700 }));
});
await new Promise((resolve) => upstream.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${upstream.address().port}`;

const counts = { ok: 0, refused: 0 };
const calls = Array.from({ length: Number(CALLS) }, () =>
  agent.withTokens(bucket, { requests: 1, tokens: 1000, maxPrice: 50_000 }, async (held) => {
    const response = await fetch(url, { signal: held.signal });
    counts[response.ok ? 'ok' : 'refused'] += 1;
    if (response.ok) held.used({ tokens: (await response.json()).tokens });
    return response;
  }),
);
await Promise.all(calls);
const { availableMicro } = await agent.account();
console.log(`${counts.ok} calls answered, ${counts.refused} refused; ${availableMicro} micro-credits left`);
await agent.close();
upstream.close();
