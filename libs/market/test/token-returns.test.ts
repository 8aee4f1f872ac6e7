// Giving rate tokens back: what a surplus costs; and returns that share a script call, each decided as if it came alone.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBucket } from '../src/index.js';
import { TokenHand } from '../src/testing/index.js';
import { START_MS, startTestRedis, type TestRedis } from './market-under-test.js';

let server: TestRedis;
beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.stop());

async function bucketOf(tokens: TokenHand) {
  const { fields } = await tokens.view();
  return readBucket('api', fields!);
}

async function opened(price = '10') {
  const agents = [{ id: 'ann', host: 'ben' }, { id: 'ben' }, { id: 'cid' }];
  const market = await server.market({ agents, pools: [], grantMicro: 1_000 });
  await market.setClock(START_MS);
  const tokens = new TokenHand(market.redis, market.market);
  const limits = [{ name: 'requests', capacity: 10, refillPerSecond: 1, priceMicro: price }];
  for (const bucket of ['api', 'other']) await tokens.openBucket({ bucket, limits, noiseMaxPermille: 1000 });
  return { ...market, tokens };
}

describe('what was used beyond a hold', () => {
  it('is paid at no more than ten times its own rate, however high others bid', async () => {
    const { tokens, check } = await opened('1');
    const requests = (n: number) => ({ amounts: { requests: n } });
    await tokens.take({ agent: 'cid', hold: 'h1', ...requests(1), maxPrice: 1 });
    await tokens.takes([
      { agent: 'ann', ...requests(1), maxPrice: 300 },
      { agent: 'ben', ...requests(9), maxPrice: 1_000 },
    ]);
    expect((await bucketOf(tokens)).spotPermille).toBe(111_111);
    expect(await tokens.return('cid', 'h1', { requests: 3 })).toMatchObject({ paidMicro: '21' });
    await check();
  });
});

describe('returns that arrive together', () => {
  it('are each whole by itself: some refused, one twice, of two buckets, the level theirs together', async () => {
    const { tokens, ...market } = await opened();
    const take = async (hold: string, bucket = 'api') => {
      expect(await tokens.take({ agent: 'ann', hold, amounts: { requests: 2 }, maxPrice: 20 }, bucket)).toMatchObject({
        ok: true,
      });
    };
    for (const hold of ['h1', 'h2', 'h3']) await take(hold);
    await take('h4', 'other');
    const one = tokens.returnAsked({ by: 'ann', hold: 'h1', used: { requests: 1 } });
    const limited = { status: 429, retryAfterMs: 700 };
    const asked = [
      one,
      tokens.returnAsked({ by: 'cid', hold: 'h2', used: { requests: 0 } }),
      tokens.returnAsked({ by: 'ben', hold: 'h2', used: { requests: 0 }, upstream: limited }),
      one,
      { ...one, digest: 'other' },
      tokens.returnAsked({ by: 'ann', hold: 'h1', used: {} }),
      tokens.returnAsked({ by: 'ann', hold: 'h3', used: { requests: 3 } }),
      tokens.returnAsked({ by: 'ann', hold: 'none', used: {} }),
      tokens.returnAsked({ by: 'ann', hold: 'h4', used: { requests: 0 } }),
    ];
    const told = (await tokens.returns(asked)).map((reply) =>
      reply.ok ? [reply.hold, reply.returned.requests, reply.paidMicro, reply.replayed ?? false] : reply.detail,
    );
    expect(told).toEqual([
      ['h1', 1, '10', false],
      'not-permitted',
      ['h2', 2, '0', false],
      ['h1', 1, '10', true],
      'duplicate',
      'expired',
      ['h3', 0, '30', false],
      'unknown',
      ['h4', 2, '0', false],
    ]);
    // Ten, six taken; one and two came back, one more was used.
    expect((await bucketOf(tokens)).limits[0]!.level).toBe(6_000_000);
    expect(await bucketOf(tokens)).toMatchObject({ factor: 700, pausedUntil: START_MS + 700 });
    const before = await market.dump();
    // Asked again after an answer that was lost: the same answers, and nothing is changed.
    const again = await tokens.returns(asked);
    expect(again.map((reply) => (reply.ok ? reply.hold : reply.detail))).toEqual(
      told.map((one) => (Array.isArray(one) ? one[0] : one)),
    );
    expect(await market.dump()).toEqual(before);
    await market.check();
  });
});
