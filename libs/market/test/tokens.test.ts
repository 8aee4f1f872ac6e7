// Rate tokens against Redis: who gets what, every refusal in its order, and what a hold comes to; TOKENS.md has the tables.
import { readFileSync } from 'node:fs';
import { budgetSpec } from '@tender/credits';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readBucket } from '../src/index.js';
import { type BucketDraft, type TakeDraft, TokenHand } from '../src/testing/index.js';
import { START_MS, startTestRedis, type TestMarket, type TestRedis } from './market-under-test.js';
import { clearingCases, clearingRow } from './token-cases.js';

let server: TestRedis;
beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.stop());

const spec = readFileSync(new URL('../TOKENS.md', import.meta.url), 'utf8');
const rows = spec
  .split('\n')
  .filter((line) => line.startsWith('|'))
  .map((line) =>
    line
      .slice(1, line.lastIndexOf('|'))
      .split('|')
      .map((cell) => cell.trim())
      .join('|'),
  );

let market: TestMarket;
let tokens: TokenHand;

/** Ten requests at ten micro-credits, two of them reserved, one a second; noise costs nothing. */
const REQUESTS = { name: 'requests', capacity: 10, refillPerSecond: 1, reserve: 2, priceMicro: '10' };
async function open(draft: BucketDraft = {}): Promise<void> {
  const reply = await tokens.openBucket({ limits: [REQUESTS], noiseMaxPermille: 1000, ...draft });
  expect(reply).toMatchObject({ ok: true });
}

beforeEach(async () => {
  market = await server.market({
    agents: [{ id: 'ann', host: 'ben' }, { id: 'ben' }, { id: 'cid' }, { id: 'sys', class: 'system' as const }],
    pools: [],
    grantMicro: 1_000,
  });
  await market.setClock(START_MS);
  tokens = new TokenHand(market.redis, market.market);
});

async function bucket() {
  const { fields } = await tokens.view();
  return readBucket('api', fields!);
}

describe('who gets what', () => {
  it.each(clearingCases)('$why ($rule)', async (row) => {
    expect(rows).toContain(clearingRow(row));
    await open({ rule: row.rule });
    const answers = await tokens.takes(
      row.takes.map(({ agent, requests, max, least }) => ({
        ...{ agent, amounts: { requests }, maxPrice: max },
        ...(least === undefined ? {} : { atLeast: { requests: least } }),
      })),
    );
    const got = answers.flatMap((answer, index) =>
      answer.ok ? [[row.takes[index]!.agent, [answer.amounts.requests, answer.ratePermille]]] : [],
    );
    expect(Object.fromEntries(got)).toEqual(row.got);
    for (const [index, answer] of answers.entries()) {
      if (answer.ok) expect(Number(answer.amountMicro)).toBeLessThanOrEqual(row.takes[index]!.max);
      else expect(answer).toMatchObject({ detail: 'token-limit', wait: { ms: expect.any(Number) } });
    }
    await market.check();
  });
});

interface Refusal {
  readonly check: string;
  readonly detail: string;
  readonly take: TakeDraft;
  readonly bucket?: BucketDraft;
  readonly more?: object;
  readonly before?: () => Promise<unknown>;
}

const requests = (n: number) => ({ amounts: { requests: n } });
const refusals: readonly Refusal[] = [
  {
    ...{ check: 'the hold is new, or this is the same take again', detail: 'duplicate' },
    take: { agent: 'ben', hold: 'h1' },
    before: () => tokens.take({ agent: 'ann', hold: 'h1' }),
  },
  {
    ...{ check: 'the agent has an account of kind agent', detail: 'unknown' },
    take: { agent: 'pool-account' },
  },
  { check: 'the asker is the agent or its host', detail: 'not-permitted', take: { agent: 'ben', by: 'ann' } },
  {
    ...{ check: "the rules let it deal with the bucket's account", detail: 'not-permitted' },
    take: {
      ...{ agent: 'ann', amounts: { frames: 1 } },
      barred: { rule: 'no-ann', detail: 'not-permitted', message: 'rule no-ann: ann is denied' },
    },
    more: { rule: 'no-ann' },
  },
  {
    ...{ check: 'the bucket has every limit that is named', detail: 'malformed' },
    take: { agent: 'ann', amounts: { frames: 1 } },
  },
  {
    ...{ check: 'it is content with no more than it asks for', detail: 'malformed' },
    take: { agent: 'ann', ...requests(1), atLeast: { requests: 2 } },
  },
  {
    ...{ check: 'so much can ever be there for its class', detail: 'no-capacity' },
    take: { agent: 'ann', ...requests(9) },
  },
  {
    ...{ check: 'it is held for no longer than the bucket allows', detail: 'malformed' },
    take: { agent: 'ann', ttlMs: 600_001 },
  },
  {
    ...{ check: 'it offers the reserve prices at least', detail: 'below-reserve-price' },
    take: { agent: 'ann', ...requests(2), maxPrice: 19 },
    more: { priceMicro: '20' },
  },
  {
    ...{ check: 'it offers them × its noise, which passes: it may wait', detail: 'below-reserve-price' },
    bucket: { noiseMaxPermille: 4000 },
    before: () => tokens.take({ agent: 'ann', ...requests(4) }),
    take: { agent: 'ann', ...requests(2), maxPrice: 20 },
    more: { wait: { ms: 250, priceMicro: expect.any(String) } },
  },
  {
    ...{ check: "so much is ever within its owner's share", detail: 'no-capacity' },
    bucket: { ownerMaxPermille: 100 },
    take: { agent: 'ann', ...requests(7) },
  },
  {
    ...{ check: "it is within its owner's share of what was taken of late", detail: 'token-limit' },
    bucket: { ownerMaxPermille: 100 },
    before: () => tokens.take({ agent: 'ann', ...requests(5) }),
    take: { agent: 'ann', ...requests(2) },
    // Six a minute; five were taken 20 s before the window's end: room for two when a fifth of these has left the next.
    more: { wait: { ms: 32_000, priceMicro: '20' } },
  },
  {
    ...{ check: 'it asks for none of a reserve that could be lent, but is not', detail: 'token-limit' },
    bucket: { lendAfterMs: 5_000 },
    before: () => tokens.take({ agent: 'sys' }),
    take: { agent: 'ann', ...requests(9) },
    more: { wait: { ms: 5_000, priceMicro: '90' } },
  },
  {
    ...{ check: 'the credits for the highest price are there', detail: 'insufficient-credits' },
    take: { agent: 'ann', maxPrice: 1_001 },
  },
  {
    ...{ check: "with it its account stays below the rules' cap for a payer", detail: 'over-budget' },
    take: { agent: 'cid', maxPrice: 31, bounds: [{ rule: 'purse', of: 'payer', most: 30 }] },
    more: { rule: 'purse' },
  },
  {
    ...{ check: 'its budgets have room for the highest price', detail: 'over-budget' },
    before: () => budgeted('cid', 30),
    take: { agent: 'cid', maxPrice: 31 },
    more: { retryAt: START_MS - (START_MS % 60_000) + 60_000 },
  },
  {
    ...{ check: 'tokens are there, and nobody comes first', detail: 'token-limit' },
    before: () => tokens.take({ agent: 'ann', ...requests(8) }),
    take: { agent: 'ben', ...requests(2) },
    more: { wait: { ms: 2_000, priceMicro: '20' } },
  },
];

async function budgeted(agent: string, micro: number): Promise<void> {
  const asked = (key: string) => ({ by: 'operator', key });
  const budget = budgetSpec.parse({ id: 'small', window: 'minute', amountMicro: String(micro) });
  await market.ledger.apply({ kind: 'open-budget', ...asked('budget-1'), budget });
  await market.ledger.apply({ kind: 'set-account', ...asked('account-1'), account: { id: agent, budget: 'small' } });
}

describe('a take that is refused', () => {
  it.each(refusals)('$check: $detail', async (row) => {
    expect(rows).toContain(`${row.check}|\`${row.detail}\``);
    await open(row.bucket);
    await row.before?.();
    const before = await market.dump();
    const answer = await tokens.take({ maxPrice: 100, ...row.take });
    expect(answer).toMatchObject({ ok: false, detail: row.detail, ...row.more });
    expect(await market.dump()).toEqual(before);
    await market.check();
  });

  it('comes in the order of the table', () => {
    const told = rows.filter((row) => refusals.some(({ check, detail }) => row === `${check}|\`${detail}\``));
    expect(told).toEqual(refusals.map(({ check, detail }) => `${check}|\`${detail}\``));
  });

  it('of a bucket that there is not is unknown', async () => {
    expect(await tokens.take({ agent: 'ann' })).toMatchObject({ ok: false, detail: 'unknown' });
  });
});

describe('a hold', () => {
  it('asked for again gives the same answer, in one call too, and takes nothing more', async () => {
    await open();
    const draft = { agent: 'ann', hold: 'h1', ...requests(2) };
    const [first, again] = await tokens.takes([draft, draft]);
    expect(first).toMatchObject({ ok: true, amountMicro: '20' });
    expect(again).toEqual({ ...first, replayed: true });
    await tokens.return('ann', 'h1', {});
    expect(await tokens.take(draft)).toEqual({ ...first, replayed: true, ended: 'settled' });
    expect((await bucket()).limits[0]!.level).toBe(8_000_000);
  });

  it('asked for again says how it has ended, though nobody has swept it yet', async () => {
    await open();
    const draft = { agent: 'ann', hold: 'h1', ttlMs: 500 };
    const first = await tokens.take(draft);
    await tokens.offer('ann', 'h1', 'cid', { requests: 1 }, 0);
    const sold = { agent: 'cid', of: 'h1', hold: 'b1' };
    const bought = await tokens.buy(sold);
    expect(await tokens.take(draft)).toEqual({ ...first, replayed: true, ended: 'sold' });
    expect(await tokens.buy(sold)).toEqual({ ...bought, replayed: true });
    await market.setClock(START_MS + 500);
    const over = { ...bought, replayed: true, ended: 'expired' };
    expect(await tokens.buy(sold)).toEqual(over);
    expect(await tokens.expire('b1')).toMatchObject({ ok: true });
    expect(await tokens.buy(sold)).toEqual(over);
  });

  it('given back is paid for what was used, once, and its answer kept', async () => {
    await open();
    await tokens.take({ agent: 'ann', hold: 'h1', ...requests(5) });
    expect(await market.pending('ann')).toBe(50);
    const back = await tokens.return('ben', 'h1', { requests: 2 }, undefined, 'return-key-1');
    expect(back).toMatchObject({ ok: true, returned: { requests: 3 }, paidMicro: '20', refundedMicro: '30' });
    expect([await market.pending('ann'), await market.available('ann')]).toEqual([0, 980]);
    expect(await market.available('pool-account')).toBe(20);
    const before = await market.dump();
    expect(await tokens.return('ben', 'h1', { requests: 2 }, undefined, 'return-key-1')).toEqual({
      ...back,
      replayed: true,
    });
    expect(await tokens.return('ben', 'h1', { requests: 1 }, undefined, 'return-key-1')).toMatchObject({
      detail: 'duplicate',
    });
    expect(await tokens.return('ben', 'h1', { requests: 2 })).toMatchObject({ detail: 'expired' });
    expect(await market.dump()).toEqual(before);
    expect((await bucket()).limits[0]!.level).toBe(8_000_000);
    await market.check();
  });

  it('used beyond what was held is paid as far as credits reach, and the level knows', async () => {
    await open();
    await tokens.take({ agent: 'ann', hold: 'h1', ...requests(8), maxPrice: 80 });
    const back = await tokens.return('ann', 'h1', { requests: 500 });
    expect(back).toMatchObject({ ok: true, paidMicro: '1000', refundedMicro: '0' });
    expect(await market.available('ann')).toBe(0);
    expect((await bucket()).limits[0]!.level).toBe(-10_000_000);
    await market.check();
  });

  it('used beyond what was held is paid as far as budgets reach', async () => {
    await open();
    await budgeted('cid', 95);
    await tokens.take({ agent: 'cid', hold: 'h1', ...requests(8), maxPrice: 80 });
    expect(await tokens.return('cid', 'h1', { requests: 12 })).toMatchObject({ ok: true, paidMicro: '95' });
    await market.check();
  });

  it('that is not given back in time counts as used', async () => {
    await open();
    await tokens.take({ agent: 'ann', hold: 'h1', ...requests(5), ttlMs: 1_000 });
    expect(await tokens.expire('h1')).toMatchObject({ ok: false, detail: 'stale' });
    await market.setClock(START_MS + 1_000);
    expect(await tokens.return('ann', 'h1', { requests: 0 })).toMatchObject({ ok: false, detail: 'expired' });
    expect(await tokens.expire('h1')).toMatchObject({ ok: true, agent: 'ann', paidMicro: '50' });
    expect(await tokens.expire('h1')).toMatchObject({ ok: false, detail: 'expired' });
    expect(await market.available('pool-account')).toBe(50);
    await market.check();
  });

  it('waits apart for a reserve to be lent, and keeps nobody from what is there', async () => {
    await open({ lendAfterMs: 5_000 });
    await tokens.take({ agent: 'sys' });
    const [waits, served] = await tokens.takes([
      { agent: 'ann', ...requests(9), maxPrice: 900 },
      { agent: 'cid', ...requests(1), maxPrice: 10 },
    ]);
    expect(waits).toMatchObject({ ok: false, detail: 'token-limit' });
    expect(served).toMatchObject({ ok: true, ratePermille: 1000 });
    await market.check();
  });
});

describe('the upstream', () => {
  const take = (hold: string) => tokens.take({ agent: 'ann', hold, maxPrice: 100 });

  it('says 429 and is heard once in a while; the refill recovers by a step a second', async () => {
    await open({ backOffMs: 2_000, decreasePermille: 500, increasePermille: 100 });
    for (const hold of ['h1', 'h2', 'h3']) await take(hold);
    expect(await tokens.return('ann', 'h1', {}, { status: 429 })).toMatchObject({ factorPermille: 500 });
    expect(await tokens.return('ann', 'h2', {}, { status: 429 })).toMatchObject({ factorPermille: 500 });
    await market.setClock(START_MS + 2_500);
    // Two whole seconds raised it to 700; a second word counts by now.
    expect(await tokens.return('ann', 'h3', {}, { status: 429 })).toMatchObject({ factorPermille: 350 });
    // 7 were left; 500, 600 and 350 thousandths of a request came in.
    expect((await bucket()).limits[0]!.level).toBe(7_000_000 + 500_000 + 600_000 + 350_000);
    await market.check();
  });

  it('is not believed of agents where class system alone is heard: what they used beyond a hold lowers no level', async () => {
    await open({ hears: 'system' });
    await take('h1');
    const word = { status: 429, retryAfterMs: 5_000, remaining: { requests: 0 } };
    expect(await tokens.return('ann', 'h1', { requests: 9 }, word)).toMatchObject({
      ...{ ok: true, paidMicro: '90', factorPermille: 1000, pausedUntil: 0 },
    });
    expect((await bucket()).limits[0]!.level).toBe(9_000_000);
    await market.check();
  });

  it('asks for a pause: nobody gets anything, and whoever asks learns how long', async () => {
    await open();
    await take('h1');
    await tokens.return('ann', 'h1', {}, { status: 503, retryAfterMs: 700_000 });
    const [one, system] = await tokens.takes([{ agent: 'ann', maxPrice: 100 }, { agent: 'sys' }]);
    for (const answer of [one, system]) {
      expect(answer).toMatchObject({ ok: false, detail: 'token-limit', wait: { ms: 60_000 } });
    }
    await market.check();
  });

  it('says how much is left: a level is lowered to it, never raised', async () => {
    await open();
    for (const hold of ['h1', 'h2']) await take(hold);
    await tokens.return('ann', 'h1', {}, { status: 200, remaining: { requests: 3 } });
    await tokens.return('ann', 'h2', {}, { status: 200, remaining: { requests: 9, frames: 1 } });
    expect((await bucket()).limits[0]!.level).toBe(3_000_000);
    await market.check();
  });
});
