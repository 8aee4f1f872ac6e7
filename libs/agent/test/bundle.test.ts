// Bundles through the SDK: slots and rate tokens together, or neither, and nothing paid for one alone.
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type Agent, bid, type ProvideOptions, RefusedError } from '../src/index.js';
import { CREDIT, gate, listen, offer, sold } from './support.js';
import { few, heldBy, levelOf, moneyOf, type TokenMarket, tokenMarket } from './token-market.js';

let m: TokenMarket;
let seller: Agent;

beforeAll(async () => {
  m = await tokenMarket('sdk-bundle');
  seller = await m.sdkAgent('seller');
  await m.pool('gpu.b', 'seller', 2);
});
afterAll(() => m.stop());

test('both are won, each is paid, and each ends by itself', async () => {
  const agent = await m.sdkAgent('both');
  const bucket = await m.bucket([few(10, { priceMicro: '100' })]);
  const wanted = { bucket, order: { requests: 4, maxPriceMicro: 400 }, maxPriceMicro: CREDIT };
  const winning = agent.winBundle('gpu.b', wanted);
  await expect.poll(() => levelOf(agent, bucket)).toBe(6);
  // The next call may be announced before the bidder listens.
  let sale = sold(await seller.call(offer('gpu.b', { windowMs: 500 })));
  while (sale.winners.length === 0) sale = sold(await seller.call(offer('gpu.b', { windowMs: 500 })));
  const { lease, held } = await winning;
  expect(lease.contract).toBe(sale.winners[0]!.contract);
  await lease.release();
  expect(await held.return({ requests: 3 })).toMatchObject({ ok: true, paidMicro: '300', refundedMicro: '100' });
  expect(await levelOf(agent, bucket)).toBe(7);
});

test('no slots: the tokens are back, and nothing was paid', async () => {
  const agent = await m.sdkAgent('slotless');
  const bucket = await m.bucket([few(10, { priceMicro: '100' })]);
  const before = await moneyOf(agent);
  const wanted = { bucket, order: { requests: 4, maxPriceMicro: 400 }, maxPriceMicro: CREDIT, deadlineMs: 300 };
  await expect(agent.winBundle('gpu.b', wanted)).rejects.toBeInstanceOf(RefusedError);
  expect(await levelOf(agent, bucket)).toBe(10);
  expect(await moneyOf(agent)).toEqual(before);
});

test('no tokens: no bid is made, and nothing was paid', async () => {
  const agent = await m.sdkAgent('tokenless');
  const bucket = await m.bucket([few(10)]);
  const before = await moneyOf(agent);
  const wanted = { bucket, order: { requests: 11, maxPriceMicro: 400 }, maxPriceMicro: CREDIT };
  await expect(agent.winBundle('gpu.b', wanted)).rejects.toMatchObject({ refusal: { detail: 'no-capacity' } });
  expect(await moneyOf(agent)).toEqual(before);
});

test('tokens that went back before the award: the bid does not stand, and another wins', async () => {
  const agent = await m.sdkAgent('hasty');
  const rival = await m.sdkAgent('rival');
  const bucket = await m.bucket([few(10)]);
  const held = heldBy(await agent.takeTokens(bucket, { requests: 1, maxPriceMicro: 10 }));
  let bids = 0;
  const lost: string[] = [];
  await listen(agent, 'gpu.b', {
    evaluate: () => {
      bids += 1;
      return bid({ price: 5 * CREDIT, tokens: held.hold });
    },
    onLost: ({ detail }) => void lost.push(detail),
  });
  const back = gate();
  await listen(rival, 'gpu.b', { evaluate: () => back.opened.then(() => bid({ price: CREDIT })) });
  const calling = seller.call(offer('gpu.b', { closeAfterBids: 2 }));
  await expect.poll(() => bids).toBe(1);
  expect(await held.release()).toMatchObject({ ok: true });
  back.open();
  const sale = sold(await calling);
  expect(sale.winners.map(({ participant }) => participant)).toEqual([rival.id]);
  await expect.poll(() => lost).toEqual(['missing-dependency']);
});

describe('a task and tokens', () => {
  const ask = { priceMicro: 2 * CREDIT };

  async function provide(resource: string, run: ProvideOptions['run']): Promise<void> {
    const agent = await m.sdkAgent(`at-${resource.replace('.', '-')}`);
    const providing = agent.provide(resource, { appraise: () => ({ ok: true, costMicro: CREDIT }), run });
    onTestFinished(() => providing.stop());
    await providing.ready;
  }

  test('the provider is told the hold, and what it used is paid', async () => {
    const agent = await m.sdkAgent('hirer');
    const bucket = await m.bucket([few(10, { priceMicro: '100' })]);
    const told: unknown[] = [];
    await provide('cpu.bundle', ({ tokenHold }, bench) => {
      told.push(tokenHold);
      bench.use({ requests: 3 });
      return { done: true };
    });
    const order = { requests: 4, maxPriceMicro: 400 };
    const outcome = await agent.hireBundle({
      task: { resource: 'cpu.bundle' },
      ask,
      bucket,
      order,
      closeAfterAnswers: 1,
      windowMs: 30_000,
    });
    if (!outcome.ok) throw new Error(outcome.message);
    const end = await outcome.tasks[0]!.receipt;
    expect(end).toMatchObject({ ok: true, receipt: { used: { requests: 3 } } });
    expect(told).toEqual([outcome.held.hold]);
    expect(await outcome.held.return(end.receipt!.used)).toMatchObject({ ok: true, paidMicro: '300' });
    expect(await levelOf(agent, bucket)).toBe(7);
  });

  test('while the work goes on they do not go back; when it is over they do', async () => {
    const agent = await m.sdkAgent('impatient');
    const bucket = await m.bucket([few(10, { priceMicro: '100' })]);
    const released = gate();
    await provide('cpu.slow', async () => {
      await released.opened;
      return {};
    });
    const order = { requests: 4, maxPriceMicro: 400 };
    const wanted = { task: { resource: 'cpu.slow' }, ask, bucket, order };
    const outcome = await agent.hireBundle({ ...wanted, closeAfterAnswers: 1, windowMs: 30_000 });
    if (!outcome.ok) throw new Error(outcome.message);
    const { held, tasks } = outcome;
    expect(await held.release()).toMatchObject({ ok: false, detail: 'not-your-turn', final: false });
    expect(await held.offer('hirer', { requests: 1, priceMicro: 1 })).toMatchObject({ detail: 'not-your-turn' });
    released.open();
    expect(await tasks[0]!.receipt).toMatchObject({ ok: true });
    // What was said with the return that was refused is not counted: all of it counts as used.
    expect(await held.return()).toMatchObject({ ok: true, paidMicro: '400' });
  });

  test('no provider, or no tokens: neither, and nothing is paid', async () => {
    const agent = await m.sdkAgent('lonely');
    const bucket = await m.bucket([few(10, { priceMicro: '100' })]);
    const before = await moneyOf(agent);
    const nobody = { task: { resource: 'cpu.nobody' }, ask, bucket, windowMs: 50, withinMs: 400, maxRounds: 1 };
    const order = { requests: 4, maxPriceMicro: 400 };
    expect(await agent.hireBundle({ ...nobody, order })).toMatchObject({ ok: false });
    expect(await levelOf(agent, bucket)).toBe(10);
    const many = { requests: 11, maxPriceMicro: 4000 };
    expect(await agent.hireBundle({ ...nobody, order: many })).toMatchObject({
      ok: false,
      detail: 'no-capacity',
      trail: [],
    });
    expect(await moneyOf(agent)).toEqual(before);
  });

  test('tokens that went back before the engagement: nobody is hired', async () => {
    const agent = await m.sdkAgent('wavering');
    const bucket = await m.bucket([few(10)]);
    let runs = 0;
    await provide('cpu.gone', () => {
      runs += 1;
      return {};
    });
    const held = heldBy(await agent.takeTokens(bucket, { requests: 1, maxPriceMicro: 10 }));
    expect(await held.release()).toMatchObject({ ok: true });
    const task = { resource: 'cpu.gone', tokenHold: held.hold };
    const outcome = await agent.hire({ task, ask, closeAfterAnswers: 1, windowMs: 30_000, maxRounds: 1 });
    expect(outcome).toMatchObject({ ok: false, detail: 'missing-dependency' });
    expect(runs).toBe(0);
  });
});
