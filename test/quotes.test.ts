// Quotes over the real stack: what brokers know of prices together and after a restart, and how their forecasts are judged.
import { type Call, nextProbability } from '@tender/market';
import { newId } from '@tender/market/nats';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BrokerFigures } from './broker-figures.js';
import { type MarketUnderTest, startMarket, until } from './market-under-test.js';
import type { WireClient } from './wire-client.js';

/** Each goes to any of three brokers: that one of them hears none of so many happens once in ten million times. */
const ASKS_OF_ALL = 45;

let market: MarketUnderTest;
let seller: WireClient;
let ann: WireClient;
let ben: WireClient;
let brokers: BrokerFigures;

beforeAll(async () => {
  market = await startMarket(0);
  brokers = new BrokerFigures(market);
  await Promise.all([brokers.broker(), brokers.broker()]);
  seller = await market.agent('seller');
  ann = await market.agent('ann');
  ben = await market.agent('ben');
});
afterAll(() => market?.stop());

/** Sells one slot to the higher of two bids and has it given back; who wins pays the other's. */
async function sell(pool: string, annBids: number, benBids: number): Promise<void> {
  const call: Call = await seller.done('lock', seller.offer(pool));
  const bids = [ann.cheque(call, annBids), ben.cheque(call, benBids)];
  const { winners } = await seller.done('award', seller.award(call, bids));
  const winner = winners[0].participant === 'ann' ? ann : ben;
  await winner.done('settle', { key: `settle-${newId()}`, contract: winners[0].contract });
}

const figures = (name: string): Promise<number[]> => brokers.of(name);
const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);

describe('a quote', () => {
  test('of a pool without any sale says what there is, and nothing that it cannot know', async () => {
    await market.pool('fresh', 'seller', 2, { reservePriceMicro: '70' });
    const asked = { pool: 'fresh', priceMicro: '100', durationMs: 60_000, history: 10 };
    expect(await ann.done('quote', asked)).toEqual({
      ...{ pool: 'fresh', seller: 'seller', slots: 2, free: 2, reserve: 0, reservePriceMicro: '70' },
      ...{ spotMicro: '70', spotDurationMs: 0, noisePermille: 1000, history: [] },
    });
    expect(await ann.done('quote', { ...asked, priceMicro: '69' })).toMatchObject({ winProbability: 0 });
    expect(await ann.done('quote', { ...asked, units: 3 })).toMatchObject({ winProbability: 0 });
    expect((await ann.once('quote', { pool: 'none', priceMicro: '9' }))?.body).toMatchObject({ detail: 'unknown' });
  });

  test('knows what all brokers sold, and a broker that starts later knows it too', async () => {
    await market.pool('gpu', 'seller', 1);
    // Ann wins, and pays what ben bid; of five such sales ben outbids her in two.
    const prices = [100, 110, 300, 120, 310];
    for (const price of prices) await sell('gpu', 200, price);
    const cid = await market.agent('cid');
    // The latest first: above 310 is above every winner, 250 above those that ann won with.
    const asked = { pool: 'gpu', durationMs: 60_000, history: 3 };
    const known = [
      [311, [true, true, true, true, true]],
      [250, [false, true, false, true, true]],
      [200, [false, false, false, false, false]],
    ] as const;
    const tells = async (who: WireClient) => {
      for (const [price, outcomes] of known) {
        const quoted = await who.done('quote', { ...asked, priceMicro: String(price) });
        if (Math.abs((quoted.winProbability ?? 0) - nextProbability(outcomes)!) > 1e-9) return false;
      }
      return true;
    };
    const allTell = async () => {
      for (let n = 0; n < ASKS_OF_ALL; n += 1) if (!(await tells(cid))) return false;
      return true;
    };
    await until('both brokers know all sales', allTell);
    const quoted = await cid.done('quote', { ...asked, priceMicro: '311' });
    expect(
      quoted.history.map(({ priceMicro, units }: { priceMicro: string; units: number }) => [priceMicro, units]),
    ).toEqual([
      ['200', 1],
      ['120', 1],
      ['200', 1],
    ]);
    expect(quoted.startInMs).toBeGreaterThan(0);
    // In her own place, where ann won, ann need only bid more than ben.
    const place = await ann.done('quote', { ...asked, priceMicro: '130' });
    expect(place.winProbability).toBeCloseTo(nextProbability([false, true, false, true, true])!, 9);
    // Twice as long for twice the price is the same bid.
    const double = await cid.done('quote', { ...asked, durationMs: 120_000, priceMicro: '500' });
    expect(double.winProbability).toBeCloseTo(nextProbability(known[1][1])!, 9);

    const third = await brokers.broker();
    await until('the third broker knows them, too', async () => {
      for (let n = 0; n < ASKS_OF_ALL; n += 1) if (!(await tells(cid))) return false;
      return true;
    });
    expect(third.alive).toBe(true);
  });

  test('is a forecast: the next award judges it, and the figures say how well it did', async () => {
    await market.pool('judged', 'seller', 1);
    const cid = await market.agent('dot');
    await sell('judged', 200, 100);
    const asked = { pool: 'judged', durationMs: 60_000 };
    await until('all brokers know the sale', async () => {
      for (let n = 0; n < ASKS_OF_ALL; n += 1)
        if ((await cid.done('quote', { ...asked, history: 1 })).history.length === 0) return false;
      return true;
    });
    // 250 would have won, 150 would not: 0.75 and 0.25. Next time 250 wins and 150 does not.
    const forecasts = 12;
    for (let n = 0; n < forecasts; n += 1) {
      const high = n % 2 === 0;
      const quoted = await cid.done('quote', { ...asked, priceMicro: high ? '250' : '150' });
      expect(quoted.winProbability).toBe(high ? 0.75 : 0.25);
    }
    expect(sum(await figures('tender_quote_forecasts_total'))).toBe(0);
    await sell('judged', 200, 100);
    await until(
      'every forecast is judged',
      async () => sum(await figures('tender_quote_forecasts_total')) >= forecasts,
    );
    expect(sum(await figures('tender_quote_forecasts_total'))).toBe(forecasts);
    for (const brier of await figures('tender_quote_brier')) expect(brier).toBeCloseTo(0.0625, 9);
    expect(sum(await figures('tender_quote_reliability_count'))).toBe(forecasts);
  });

  test('tells the asker by what its own purchases multiply the price, as the bank then does', async () => {
    await market.pool('noisy', 'seller', 2, { noiseMaxPermille: 5_000, noiseWindowMs: 600_000 });
    const quoted = async () => (await ann.done('quote', { pool: 'noisy' })).noisePermille;
    expect(await quoted()).toBe(1000);
    const buy = async () => {
      const call: Call = await seller.done(
        'lock',
        seller.offer('noisy', { durationMs: 60_000, reservePriceMicro: '1000' }),
      );
      return (await seller.done('award', seller.award(call, [ann.cheque(call, 9_000)]))).winners[0];
    };
    expect((await buy()).priceMicro).toBe('1000');
    // A minute of one slot, of the twenty that two have in ten minutes: 50 thousandths of what leads up to fivefold; a
    // little less where a window of ten minutes has just ended.
    const noise = await quoted();
    expect(noise).toBeGreaterThan(1180);
    expect(noise).toBeLessThanOrEqual(1200);
    expect(Math.abs(Number((await buy()).priceMicro) - noise)).toBeLessThan(10);
    expect((await ben.done('quote', { pool: 'noisy' })).noisePermille).toBe(1000);
  });
});

describe('a quote of rate tokens', () => {
  const asked = { bucket: 'api', amounts: { requests: 1 } };
  const take = (who: WireClient, amounts = 1, maxPriceMicro = '100') => {
    const body = { hold: `h-${newId()}`, bucket: 'api', amounts: { requests: amounts }, maxPriceMicro, ttlMs: 60_000 };
    return who.ask('tokens', body);
  };
  const chance = async (maxPriceMicro: string) =>
    (await ann.done('bucket', { ...asked, maxPriceMicro })).quote.winProbability as number | undefined;

  test('tells how likely a take is to be served, and the next clearing judges it', async () => {
    const limits = [{ name: 'requests', capacity: 40, refillPerSecond: 0.001, priceMicro: '100' }];
    await market.order('account', { account: { id: 'api-till', kind: 'pool' } });
    const bucket = { bucket: 'api', account: 'api-till', limits, noiseMaxPermille: 1_000 };
    await market.order('bucket', { bucket });
    expect(await chance('100')).toBeUndefined();
    expect(await chance('99')).toBe(0);

    // Each broker remembers its own clearings: takes until all of them have seen one.
    await until('a take is known', async () => {
      expect((await take(ben)).performative).toBe('inform');
      for (let n = 0; n < ASKS_OF_ALL; n += 1) if ((await chance('100')) === undefined) return false;
      return true;
    });
    expect(await chance('100')).toBeGreaterThanOrEqual(0.75);
    await until('forecasts are judged', async () => {
      await take(ben);
      return sum(await figures('tender_bucket_quote_forecasts_total')) > 0;
    });
    for (const brier of await figures('tender_bucket_quote_brier')) expect(brier).toBeLessThanOrEqual(0.0625);

    // The bucket runs dry: whoever asks is turned away, and the chances fall.
    await until('the bucket is empty', async () => (await take(ben, 1)).performative !== 'inform');
    await until('it is known everywhere', async () => {
      for (let n = 0; n < 5; n += 1) await take(ben);
      for (let n = 0; n < ASKS_OF_ALL; n += 1) if (((await chance('100')) ?? 1) > 0.5) return false;
      return true;
    });
  });

  test('outlives the brokers: one that starts reads what was sold, of pools and buckets', async () => {
    const limits = [{ name: 'requests', capacity: 40, refillPerSecond: 0.001, priceMicro: '100' }];
    const bucket = { bucket: 'kept', account: 'api-till', limits, noiseMaxPermille: 1_000 };
    await market.order('bucket', { bucket });
    const order = { bucket: 'kept', amounts: { requests: 10 }, maxPriceMicro: '1000', ttlMs: 60_000 };
    expect((await ben.ask('tokens', { hold: `h-${newId()}`, ...order })).performative).toBe('inform');
    await brokers.kill();
    await brokers.broker();
    // Thirty are left; the last taker may come again for ten, and offers no more than the reserve price.
    const quoted = async (requests: number, maxPriceMicro: number) => {
      const asked = { bucket: 'kept', amounts: { requests }, maxPriceMicro: String(maxPriceMicro) };
      return (await ann.done('bucket', asked)).quote.winProbability as number;
    };
    expect(await quoted(20, 2_000)).toBe(0.75);
    expect(await quoted(21, 2_100)).toBe(0.25);
    expect(await quoted(21, 2_200)).toBe(0.75);
    expect((await ann.done('quote', { pool: 'gpu', durationMs: 60_000, history: 9 })).history).toHaveLength(5);
  });
});
