// What the end of the journal tells a broker that starts: each clearing of a bucket as it was, but for who was turned away.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bucketPoint } from '../src/index.js';
import { type RecentPrice, recentPrices } from '../src/redis/index.js';
import { TokenHand } from '../src/testing/index.js';
import { START_MS, startTestRedis, type TestMarket, type TestRedis } from './market-under-test.js';

let server: TestRedis;
beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.stop());

async function pricesOf({ redis, market }: TestMarket): Promise<RecentPrice[]> {
  const all: RecentPrice[] = [];
  for await (const one of recentPrices(redis, market)) all.push(one);
  return all;
}

describe('the prices that the journal remembers', () => {
  it('are those of the clearings that served somebody', async () => {
    const agents = [{ id: 'ann' }, { id: 'ben' }, { id: 'sys', class: 'system' as const }];
    const market = await server.market({ agents, pools: [], grantMicro: 10_000 });
    await market.setClock(START_MS);
    const tokens = new TokenHand(market.redis, market.market);
    const limits = [{ name: 'requests', capacity: 10, refillPerSecond: 1, reserve: 2, priceMicro: '10' }];
    for (const bucket of ['api', 'other']) await tokens.openBucket({ bucket, limits, noiseMaxPermille: 1000 });
    const clear = async (drafts: Parameters<TokenHand['takes']>[0], bucket = 'api') => {
      const takes = drafts.map((draft) => tokens.takeAsked(draft));
      return { takes, reply: await tokens.clearing(takes, bucket) };
    };
    const requests = (agent: string, n: number, maxPrice: number) => ({ agent, amounts: { requests: n }, maxPrice });
    const first = await clear([requests('ann', 3, 60), requests('sys', 2, 20)]);
    // At the same instant: another clearing all the same.
    const second = await clear([requests('ben', 2, 30), requests('ann', 4, 48)]);
    const elsewhere = await clear([requests('ann', 1, 10)], 'other');
    await market.setClock(START_MS + 100);
    await clear([requests('ben', 9, 90), requests('ben', 8, 80)]);
    const [one, two, three, ...more] = await pricesOf(market);
    expect(more).toEqual([]);
    const pointOf = ({ takes, reply }: typeof first) => bucketPoint({ seq: 0, at: START_MS }, takes, reply);
    expect(one).toMatchObject({ bucket: 'api', point: withoutSeq(pointOf(first)) });
    expect(second.reply.answers.map(({ ok }) => ok)).toEqual([true, false]);
    expect(two).toMatchObject({
      bucket: 'api',
      point: { ...withoutSeq(pointOf(second)), lost: [{ rate: 1_200, system: false, waited: false }] },
    });
    expect(three).toMatchObject({ bucket: 'other', point: withoutSeq(pointOf(elsewhere)) });
  });
});

function withoutSeq(point: ReturnType<typeof bucketPoint>) {
  const { seq: _, ...rest } = point!;
  return rest;
}
