// Deposits over the wire: taken back in time, back by themselves however long the call is extended, and told of to all.
import { type Call, type DepositFact, marketEvent } from '@tender/market';
import { newId } from '@tender/market/nats';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { amounts, ids, notAmounts, refusedWithoutChange } from './bad-values.js';
import { type MarketUnderTest, startMarket } from './market-under-test.js';
import type { Reply, WireClient } from './wire-client.js';

const DEPOSIT = '70';

let market: MarketUnderTest;
let seller: WireClient;
let buyer: WireClient;
let host: WireClient;
const told: DepositFact[] = [];

beforeAll(async () => {
  market = await startMarket(1);
  seller = await market.agent('seller');
  buyer = await market.agent('buyer', 1);
  host = await market.agent('host', 0);
  await market.agent('clerk', 1, { host: 'host' });
  await market.pool('gpu', 'seller', 8, { graceMs: 60_000 });
  await market.pool('gpu.soon', 'seller', 1, { graceMs: 50 });
  market.operator.nats.subscribe(`tender.${market.market}.event.deposit.*`, {
    callback: (_error, msg) => {
      const event = marketEvent.parse(JSON.parse(msg.string()));
      if (event.kind === 'deposit') told.push(...event.facts);
    },
  });
  await market.operator.nats.flush();
});
afterAll(() => market?.stop());

function opened(more: Record<string, unknown> = {}, pool = 'gpu'): Promise<Call> {
  const terms = { depositMicro: DEPOSIT, windowMs: 30_000, ttlMs: 60_000, rule: 'first-price' };
  return seller.done('lock', seller.offer(pool, { ...terms, ...more }));
}

const layDown = ({ terms, awardBy }: Call, more: Record<string, unknown> = {}) => ({
  ...{ key: `deposit-${newId()}`, cfp: terms.cfp, amountMicro: DEPOSIT, until: awardBy, ...more },
});
const takeBack = ({ terms }: Pick<Call, 'terms'>, more: Record<string, unknown> = {}) => ({
  ...{ key: `back-${newId()}`, cfp: terms.cfp, ...more },
});
const pending = async (client: WireClient, agent = client.id) => (await client.done('account', { agent })).pendingMicro;

/** What became of one call's deposits, as everybody heard. */
function storyOf({ terms }: Call): string[] {
  return told
    .filter(({ cfp }) => cfp === terms.cfp)
    .map(({ agent, state, amountMicro }) => `${agent} ${state} ${amountMicro}`);
}

test('taken back while the call takes bids, by the agent or its host, and with it what it bid', async () => {
  const call = await opened();
  expect(await buyer.done('deposit', layDown(call))).toEqual({
    ...{ cfp: call.terms.cfp, amountMicro: DEPOSIT, until: call.awardBy },
  });
  await host.done('deposit', layDown(call, { agent: 'clerk' }));
  expect([await pending(buyer), await pending(host, 'clerk')]).toEqual([DEPOSIT, DEPOSIT]);
  const bid = buyer.cheque(call, 9);
  await buyer.done('withdraw-deposit', takeBack(call));
  await host.done('withdraw-deposit', takeBack(call, { agent: 'clerk' }));
  expect([await pending(buyer), await pending(host, 'clerk')]).toEqual(['0', '0']);
  const award = await seller.ask('award', seller.award(call, [bid]));
  expect(award.body).toMatchObject({ detail: 'missing-dependency' });
  await seller.done('release', { key: newId(), cfp: call.terms.cfp });
  const story = ['buyer set-aside 70', 'clerk set-aside 70', 'buyer returned 70', 'clerk returned 70'];
  await expect.poll(() => storyOf(call), { timeout: 20_000 }).toEqual(story);
  expect(await market.breaches()).toEqual([]);
});

test('back by itself at the time that was announced first, though the seller has extended its call', async () => {
  const call = await opened({ windowMs: 3000, ttlMs: 5000 });
  await buyer.done('deposit', layDown(call));
  await seller.done('extend', { key: newId(), cfp: call.terms.cfp, ttlMs: 600_000 });
  expect(await pending(buyer)).toBe(DEPOSIT);
  await expect.poll(() => pending(buyer), { timeout: 30_000, interval: 100 }).toBe('0');
  await expect.poll(() => storyOf(call), { timeout: 20_000 }).toEqual(['buyer set-aside 70', 'buyer returned 70']);
  const [aside, back] = told.filter(({ cfp }) => cfp === call.terms.cfp);
  expect(aside!.until).toBe(call.awardBy);
  expect(back!.at).toBeGreaterThan(call.awardBy);
  await seller.done('release', { key: newId(), cfp: call.terms.cfp });
  expect(await market.breaches()).toEqual([]);
});

test('a loser has it back with the award, a winner when it begins; who does not begin forfeits it', async () => {
  const call = await opened();
  for (const [who, agent] of [
    [buyer, 'buyer'],
    [host, 'clerk'],
  ] as const)
    await who.done('deposit', layDown(call, { agent }));
  const sale = await seller.done('award', seller.award(call, [buyer.cheque(call, 9)]));
  await expect.poll(() => storyOf(call), { timeout: 20_000 }).toHaveLength(3);
  await buyer.done('report', { key: newId(), contract: sale.winners[0].contract, step: 'run' });
  const story = ['buyer set-aside 70', 'clerk set-aside 70', 'clerk returned 70', 'buyer returned 70'];
  await expect.poll(() => storyOf(call), { timeout: 20_000 }).toEqual(story);
  const soon = await opened({}, 'gpu.soon');
  await buyer.done('deposit', layDown(soon));
  await seller.done('award', seller.award(soon, [buyer.cheque(soon, 9)]));
  await expect.poll(() => storyOf(soon), { timeout: 20_000 }).toEqual(['buyer set-aside 70', 'buyer forfeited 70']);
  expect(await market.breaches()).toEqual([]);
});

const refused = (ask: () => Promise<Reply | undefined>) => refusedWithoutChange(market.redis, ask);

test('who may not, comes too late or is told otherwise is refused', async () => {
  const call = await opened();
  await buyer.done('deposit', layDown(call));
  const cases: [string, WireClient, 'deposit' | 'withdraw-deposit', Record<string, unknown>][] = [
    ['not-permitted', host, 'withdraw-deposit', takeBack(call, { agent: 'buyer' })],
    ['unknown', host, 'withdraw-deposit', takeBack(call, { agent: 'clerk' })],
    ['unknown', buyer, 'withdraw-deposit', takeBack(call, { cfp: newId() })],
    ['stale', host, 'deposit', layDown(call, { agent: 'clerk', until: call.awardBy + 1 })],
    ['stale', host, 'deposit', layDown(call, { agent: 'clerk', until: call.awardBy - 1 })],
    ['duplicate', buyer, 'deposit', layDown(call)],
  ];
  for (const [detail, who, operation, body] of cases)
    expect((await refused(() => who.once(operation, body))).body, JSON.stringify(body)).toMatchObject({ detail });
  // An old client names no time.
  await host.done('deposit', layDown(call, { agent: 'clerk', until: undefined }));
  await seller.done('release', { key: newId(), cfp: call.terms.cfp });
  expect((await refused(() => buyer.once('withdraw-deposit', takeBack(call)))).body.detail).toBe('expired');
});

const some = { terms: { cfp: 'c1' } } as Call;
type Row = [what: string, operation: 'deposit' | 'withdraw-deposit', body: unknown];
test.each<Row>([
  ...ids.map((cfp) => [`cfp ${JSON.stringify(cfp)}`, 'withdraw-deposit', takeBack(some, { cfp })] as Row),
  ...ids.map((agent) => [`agent ${JSON.stringify(agent)}`, 'withdraw-deposit', takeBack(some, { agent })] as Row),
  ...notAmounts.map(
    (agent) => [`agent ${JSON.stringify(agent)}`, 'withdraw-deposit', takeBack(some, { agent })] as Row,
  ),
  ...[...amounts, ...notAmounts].map((amountMicro) => ['an amount', 'deposit', layDown(some, { amountMicro })] as Row),
  ...[-1, 0.5, 1e15, '1', null, [], {}].map((until) => ['a time', 'deposit', layDown(some, { until })] as Row),
  ['no key', 'withdraw-deposit', { cfp: 'c1' }],
  ['an amount to take back', 'withdraw-deposit', takeBack(some, { amountMicro: '7' })],
  ['a list', 'withdraw-deposit', []],
  ['nothing', 'withdraw-deposit', null],
])('%s for %s is malformed', async (_what, operation, body) => {
  expect((await refused(() => buyer.once(operation, body))).body).toMatchObject({ status: 400, detail: 'malformed' });
});
