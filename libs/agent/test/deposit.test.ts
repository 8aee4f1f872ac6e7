// Deposits through the SDK: laid down before the first bid, back with the loss or the lease's beginning, gone for a no-show.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, bid, type CallView, type Lease, type LostBid, refuse } from '../src/index.js';
import { CREDIT, listen, offer, type SdkMarket, sdkMarket, sold } from './support.js';

const DEPOSIT = 3 * CREDIT;
const POOL = 'gpu.kept';

let m: SdkMarket;
let seller: Agent;

beforeAll(async () => {
  m = await sdkMarket({ name: 'sdk-deposit' });
  seller = await m.sdkAgent('seller');
  await m.pool(POOL, 'seller', 8, { graceMs: 50_000 });
});
afterAll(() => m.stop());

const call = (more = {}, pool = POOL) => seller.call(offer(pool, { depositMicro: DEPOSIT, ...more }));
async function money(agent: Agent): Promise<{ available: number; pending: number }> {
  const account = await agent.account();
  if (!account.ok) throw new Error(account.message);
  return { available: Number(account.availableMicro), pending: Number(account.pendingMicro) };
}

interface Seen {
  readonly calls: CallView[];
  readonly leases: Lease[];
  readonly lost: LostBid[];
}

/** Bids so much in every call until the test is over, and notes what comes of it. */
async function bidding(agent: Agent, price: number, pool = POOL): Promise<Seen> {
  const seen: Seen = { calls: [], leases: [], lost: [] };
  await listen(agent, pool, {
    evaluate: (view) => {
      seen.calls.push(view);
      return price > 0 ? bid({ price }) : refuse('not-permitted');
    },
    onLease: (lease) => void seen.leases.push(lease),
    onLost: (lost) => void seen.lost.push(lost),
  });
  return seen;
}

test('who loses has it back with the award, who wins when it begins, who declined never laid it down', async () => {
  const [winner, loser, proud] = await Promise.all(['win', 'lose', 'proud'].map((id) => m.sdkAgent(id)));
  const seen = await Promise.all([bidding(winner!, 9), bidding(loser!, 5), bidding(proud!, 0)]);
  const sale = sold(await call({ closeAfterBids: 3 }));
  expect(sale.winners.map(({ participant }) => participant)).toEqual(['win']);
  expect(seen[0]!.calls[0]).toMatchObject({ depositMicro: DEPOSIT });
  await expect.poll(() => seen[1]!.lost.length).toBe(1);
  expect(await money(loser!)).toEqual({ available: 1000 * CREDIT, pending: 0 });
  expect(await money(proud!)).toEqual({ available: 1000 * CREDIT, pending: 0 });
  await expect.poll(() => seen[0]!.leases.length).toBe(1);
  const price = Number(sale.winners[0]!.amountMicro);
  expect(await money(winner!)).toEqual({ available: 1000 * CREDIT - DEPOSIT - price, pending: DEPOSIT + price });
  expect(await seen[0]!.leases[0]!.run()).toMatchObject({ ok: true });
  expect(await money(winner!)).toEqual({ available: 1000 * CREDIT - price, pending: price });
});

test('who does not begin within the grace forfeits it to the pool, and no more', async () => {
  await m.pool('gpu.brief', 'seller', 1, { graceMs: 300 });
  const agent = await m.sdkAgent('no-show');
  await bidding(agent, 10, 'gpu.brief');
  expect(sold(await call({}, 'gpu.brief')).winners).toHaveLength(1);
  // One bidder pays the reserve price, nothing.
  await expect.poll(() => money(agent)).toEqual({ available: 997 * CREDIT, pending: 0 });
});

test('a host lays it down for its agents, each its own', async () => {
  const host = await m.sdkHost('crew');
  const crew = await Promise.all(['crew-a', 'crew-b'].map((id) => m.hosted(host, id)));
  const seen = await Promise.all(crew.map((agent) => bidding(agent, 8)));
  sold(await call({ units: 2, closeAfterBids: 2 }));
  await expect.poll(() => seen.map(({ leases }) => leases.length)).toEqual([1, 1]);
  for (const [n, { leases }] of seen.entries()) {
    expect((await money(crew[n]!)).pending).toBe(DEPOSIT);
    await leases[0]!.run();
    expect((await money(crew[n]!)).pending).toBe(0);
  }
});

test('who cannot pay it is told so by the bank, and does not bid', async () => {
  const poor = await m.sdkAgent('poor', { credits: 2 });
  const seen = await bidding(poor, 1);
  const other = await m.sdkAgent('solvent');
  const told = () => expect.poll(() => seen.lost).toMatchObject([{ detail: 'insufficient-credits', by: 'bank' }]);
  await listen(other, POOL, { evaluate: () => told().then(() => bid({ price: 1 })) });
  expect(sold(await call()).ranked.map(({ participant }) => participant)).toEqual(['solvent']);
  expect(await money(poor)).toEqual({ available: 2 * CREDIT, pending: 0 });
});

test('win lays it down where it is told to risk so much', async () => {
  const bold = await m.sdkAgent('bold');
  const won = bold.win(POOL, { maxPriceMicro: CREDIT, maxDepositMicro: DEPOSIT });
  sold(await call());
  const lease = await won;
  expect((await money(bold)).pending).toBe(DEPOSIT);
  await lease.run();
  expect((await money(bold)).pending).toBe(0);
});

test('a pool that sets no time to begin in asks for no deposit', async () => {
  await m.pool('gpu.lax', 'seller', 1);
  const asked = await seller.call(offer('gpu.lax', { depositMicro: DEPOSIT }));
  expect(asked).toMatchObject({ ok: false, detail: 'missing-dependency', message: expect.stringContaining('graceMs') });
});

test('who withdraws while the call takes bids has it back at once', async () => {
  const agent = await m.sdkAgent('fickle');
  const listening = agent.listen(POOL, { evaluate: () => bid({ price: 9 }), onLease: () => undefined });
  await listening.ready;
  const closing = new AbortController();
  const selling = call({ closeAfterBids: 2, signal: closing.signal });
  await expect.poll(() => money(agent)).toEqual({ available: 997 * CREDIT, pending: DEPOSIT });
  listening.stop({ withdraw: true });
  await expect.poll(() => money(agent)).toEqual({ available: 1000 * CREDIT, pending: 0 });
  closing.abort();
  expect(await selling).toMatchObject({ ok: false, detail: 'expired' });
});

test('who stops while it is being laid down does not bid, and has it back', async () => {
  const agent = await m.sdkAgent('hasty');
  const listening = agent.listen(POOL, {
    evaluate: () => {
      // The bank is asked by then, and has not answered.
      setImmediate(() => listening.stop({ withdraw: true }));
      return bid({ price: 9 });
    },
    onLease: () => undefined,
  });
  await listening.ready;
  expect(sold(await call({ windowMs: 1500 })).ranked).toEqual([]);
  await expect.poll(() => money(agent)).toEqual({ available: 1000 * CREDIT, pending: 0 });
});
