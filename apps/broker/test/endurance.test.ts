// What a hostile seller, a hanging Redis, a late repetition and a careless operator may not do to the broker.
import { type Call, encode, subjects } from '@tender/market';
import { newId } from '@tender/market/nats';
import { spawnTethered } from '@tender/stack';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { brokerMain, type MarketUnderTest, startMarket, until } from '../../../test/market-under-test.js';
import type { WireClient } from '../../../test/wire-client.js';
import { EventPublisher } from '../src/event-publisher.js';

let market: MarketUnderTest;
let seller: WireClient;
let buyer: WireClient;
beforeAll(async () => {
  market = await startMarket(1);
  seller = await market.agent('seller');
  buyer = await market.agent('buyer');
  await market.pool('gpu', 'seller', 8);
});
afterAll(() => market?.stop());

const locks = () => market.redis.keys(`{${market.market}}:lock:gpu:*`);

test('a lock asked for three times at once, under one key, locks one slot', async () => {
  const offer = seller.offer('gpu', { ttlMs: 600_000 });
  const replies = await Promise.all([1, 2, 3].map(() => seller.ask('lock', offer)));
  for (const reply of replies) expect(reply.body).toEqual(replies[0]!.body);
  await until('the others are let go', async () => (await locks()).length === 1);
  await seller.done('release', { key: `release-${newId()}`, cfp: offer.cfp });
  expect(await locks()).toEqual([]);
});

test('extending gives time and takes none', async () => {
  const call: Call = await seller.done('lock', seller.offer('gpu', { ttlMs: 60_000 }));
  const [lock] = await locks();
  const { cfp } = call.terms;
  expect(await seller.done('extend', { key: `extend-${newId()}`, cfp, ttlMs: 50 })).toMatchObject({
    awardBy: call.awardBy,
  });
  expect(await market.redis.pttl(lock!)).toBeGreaterThan(30_000);
  const { awardBy } = await seller.done('extend', { key: `extend-${newId()}`, cfp, ttlMs: 120_000 });
  expect(awardBy).toBeGreaterThan(call.awardBy + 30_000);
  expect(await market.redis.pttl(lock!)).toBeGreaterThan(90_000);
  await seller.done('release', { key: `release-${newId()}`, cfp });
});

test('a burst of large facts travels in as many messages as it needs', async () => {
  const { nats } = market.operator;
  const publisher = new EventPublisher(nats, market.market, pino({ level: 'silent' }));
  const heard: string[] = [];
  const sub = nats.subscribe(subjects.events(market.market), {
    callback: (_error, msg) => {
      for (const fact of msg.json<{ facts: { cfp: string }[] }>().facts) heard.push(fact.cfp);
    },
  });
  await nats.flush();
  const winner = { participant: 'p'.repeat(48), intent: 'i'.repeat(48), units: 1, slots: [1], fences: [1] };
  const paid = { priceMicro: '1', amountMicro: '1', startedAt: 1, until: 2 };
  const winners = Array.from({ length: 64 }, (_, n) => ({ contract: `${'c'.repeat(26)}-${n}`, ...winner, ...paid }));
  const names = Array.from({ length: 100 }, (_, n) => `cfp-${n}`);
  for (const cfp of names) {
    publisher.awarded({
      ...{ ok: true, cfp, pool: 'gpu', initiator: 'seller', at: 1, rule: 'uniform-price', units: 64, durationMs: 1 },
      ...{ clearingPriceMicro: '1', winners, verdicts: [] },
    });
  }
  await until('all are heard', () => heard.length === names.length);
  expect(heard).toEqual(names);
  sub.unsubscribe();
});

test('nobody is opened under the name of the bank or of an operator', async () => {
  for (const id of ['bank', 'op']) {
    const reply = await market.say('account', { account: { id, kind: 'agent' } });
    expect(reply.body).toMatchObject({ detail: 'not-permitted' });
  }
});

test('a request nested beyond the stack is malformed, and no reason to ask again', async () => {
  const { operator } = market;
  const body = { nkey: operator.nkey, signature: 'A'.repeat(86), request: 0 };
  const deep = Buffer.from(encode(operator.envelope(body)))
    .toString()
    .replace('"request":0', `"request":${'['.repeat(9_000)}${']'.repeat(9_000)}`);
  const reply = await operator.raw(subjects.admin(market.market, 'op', 'grant'), Buffer.from(deep));
  expect(['malformed', 'bad-signature']).toContain(reply?.body.detail);
});

test('a broker with another secret is refused at the start', async () => {
  const child = spawnTethered(process.execPath, [brokerMain], {
    env: { PATH: process.env.PATH, ...market.env, TENDER_SECRET: 'ff'.repeat(32) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let text = '';
  child.process.stderr!.on('data', (chunk) => {
    text += chunk;
  });
  expect((await child.exited).code).toBe(1);
  expect(text).toContain('was opened with another TENDER_SECRET');
});

test('while Redis hangs the answer is 503, a scrape keeps nothing, and SIGTERM ends the process', async () => {
  const other = await startMarket(0);
  try {
    const broker = await other.broker();
    const bidder = await other.agent('bidder');
    await other.stack.redis.kill('SIGSTOP');
    const reply = await bidder.once('account', {}, 9_000);
    expect(reply?.body).toMatchObject({ status: 503, detail: 'unavailable' });
    await broker.kill('SIGTERM');
    expect([0, 1]).toContain((await broker.exited).code);
    await other.stack.redis.kill('SIGCONT');
  } finally {
    await other.stop();
  }
});

test('an ed25519 cheque for a call of nobody, or of another, is refused before its seal is looked at', async () => {
  const cheque = { participant: 'buyer', units: 1, priceMicro: '1', intent: 'i', until: Date.now(), seal: 'ed25519' };
  const bids = [{ ...cheque, nkey: buyer.nkey, signature: 'A'.repeat(86) }];
  const body = { key: `award-${newId()}`, cfp: 'nobodys', digest: 'd'.repeat(43), bids };
  expect((await buyer.once('award', body))?.body).toMatchObject({ detail: 'unknown' });
});
