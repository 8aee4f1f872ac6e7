// Bundles: a bid that names rate tokens wins only while its bidder holds them; slots and tokens, or nothing.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { checkMarket } from '../src/index.js';
import { TaskHand, TokenHand } from '../src/testing/index.js';
import { START_MS, startTestRedis, type TestMarket, type TestRedis } from './market-under-test.js';
import { evidenceOf, followJournal } from './traded-market.js';

let server: TestRedis;
let m: TestMarket;
let tokens: TokenHand;
let calls = 0;

beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  m = await server.market();
  tokens = new TokenHand(m.redis, m.market);
  await m.setClock(START_MS);
  await tokens.openBucket();
});

async function award(bids: readonly { participant: string; price: number; tokens?: string }[]) {
  const cfp = `call-${++calls}`;
  await m.hand.lock('gpu', [0], `lock-${cfp}`);
  const opened = await m.hand.openCall({ cfp, slots: [0], rule: 'first-price' });
  expect(opened.ok, JSON.stringify(opened)).toBe(true);
  const until_ms = START_MS + 3_600_000;
  return m.hand.award(
    cfp,
    bids.map((bid, index) => ({ ...bid, intent: `${cfp}-${index}`, until_ms })),
  );
}

async function held(agent: string, ttlMs = 60_000): Promise<string> {
  const taken = await tokens.take({ agent, ttlMs });
  if (!taken.ok) throw new Error(taken.message);
  return taken.hold;
}

describe('a bid that names rate tokens', () => {
  test('wins with them in hand', async () => {
    const reply = await award([{ participant: 'ann', price: 10, tokens: await held('ann') }]);
    expect(reply).toMatchObject({ ok: true, winners: [{ participant: 'ann' }] });
    await m.check();
  });

  const lacking: [string, () => Promise<string>][] = [
    ['that nobody holds', async () => 'none'],
    ['that another holds', () => held('ben')],
    [
      'that went back',
      async () => {
        const hold = await held('ann');
        await tokens.return('ann', hold, { requests: 0 });
        return hold;
      },
    ],
    [
      'whose time is over, though nobody has swept them yet',
      async () => {
        const hold = await held('ann', 50);
        await m.setClock(START_MS + 50);
        return hold;
      },
    ],
  ];
  test.each(lacking)('tokens %s: barred, and the next takes the slot', async (_what, hold) => {
    const named = await hold();
    const before = await m.available('ann');
    const reply = await award([
      { participant: 'ann', price: 10, tokens: named },
      { participant: 'cid', price: 5 },
    ]);
    expect(reply).toMatchObject({
      ...{ ok: true, winners: [{ participant: 'cid' }] },
      verdicts: [{ participant: 'ann', outcome: 'barred', detail: 'missing-dependency' }, { participant: 'cid' }],
    });
    expect(await m.available('ann')).toBe(before);
    await m.check();
  });

  test('alone and without them: refused, nothing changed', async () => {
    const reply = await award([{ participant: 'ann', price: 10, tokens: 'none' }]);
    expect(reply).toMatchObject({ ok: false, detail: 'missing-dependency' });
    expect(await m.available('ann')).toBe(1_000);
    await m.check();
  });
});

describe('a task that names rate tokens', () => {
  const tasks = () => new TaskHand(m.redis, m.market, () => START_MS);
  const offers = [
    { participant: 'ben', price: 10 },
    { participant: 'cid', price: 20 },
  ];

  test('is given out with them in hand, and handed over with them in hand', async () => {
    const hand = tasks();
    const hold = await held('ann');
    expect(await hand.engage({ conversation: 'k1', tokens: hold, offers })).toMatchObject({
      ...{ ok: true, contracts: [{ participant: 'ben' }] },
    });
    expect(await hand.report('ben', 'k1-t1', 'turn-down', { text: 'busy' })).toMatchObject({ participant: 'cid' });
    await m.check();
  });

  test.each([
    ['that nobody holds', async () => 'none'],
    ['that another holds', () => held('ben')],
    [
      'whose time is over, though nobody has swept them yet',
      async () => {
        const hold = await held('ann', 50);
        await m.setClock(START_MS + 50);
        return hold;
      },
    ],
  ])('tokens %s: nobody is engaged, nothing changed', async (_what, hold) => {
    const named = await hold();
    const before = await m.available('ann');
    expect(await tasks().engage({ conversation: 'k1', tokens: named, offers })).toMatchObject({
      ...{ ok: false, detail: 'missing-dependency' },
      verdicts: [{ detail: 'missing-dependency' }, { detail: 'missing-dependency' }],
    });
    expect(await m.available('ann')).toBe(before);
    await m.check();
  });

  test('tokens whose time is over meanwhile: what is turned down has no runner-up, to nobody’s fault', async () => {
    const hand = tasks();
    const hold = await held('ann', 500);
    await hand.engage({ conversation: 'k1', tokens: hold, offers });
    await m.setClock(START_MS + 500);
    expect(await tokens.expire(hold)).toMatchObject({ ok: true });
    const end = { ok: true, state: 'settled', outcome: 'failed', paidMicro: '0', bondTo: 'provider' };
    expect(await hand.report('ben', 'k1-t1', 'turn-down', { text: 'busy' })).toMatchObject(end);
    await m.check();
  });

  const atWork = { ok: false, detail: 'not-your-turn', message: expect.stringContaining('k1-t1') };

  async function atHand(hold: string): Promise<object[]> {
    return [
      await tokens.return('ann', hold, { requests: 0 }),
      await tokens.offer('ann', hold, 'cid', { requests: 1 }, 5),
      await tokens.buy({ agent: 'cid', of: hold }),
    ];
  }

  test('are neither given back nor sold while the work has them, through a hand-over too, and are until its end', async () => {
    const hand = tasks();
    const hold = await held('ann');
    await tokens.offer('ann', hold, 'cid', { requests: 1 }, 5);
    await hand.engage({ conversation: 'k1', tokens: hold, offers });
    const refused = async () => {
      const before = await m.dump();
      expect(await atHand(hold)).toMatchObject([atWork, atWork, atWork]);
      expect(await m.dump()).toEqual(before);
    };
    await refused();
    await hand.report('ben', 'k1-t1', 'turn-down', { text: 'busy' });
    await refused();
    for (const step of ['take', 'run'] as const) await hand.report('cid', 'k1-t1', step);
    await refused();
    await m.check();
    await hand.report('cid', 'k1-t1', 'done');
    expect(await tokens.return('ann', hold, { requests: 1 })).toMatchObject({ ok: true, paidMicro: '1' });
    await m.check();
  });

  test('are back in hand as soon as the work is done, though it may be disputed yet', async () => {
    const hand = tasks();
    const hold = await held('ann');
    await hand.engage({ conversation: 'k1', tokens: hold, offers, conditions: { disputeMs: 9_000 } });
    for (const step of ['take', 'run', 'done'] as const) await hand.report('ben', 'k1-t1', step);
    await m.check();
    expect(await tokens.offer('ann', hold, 'cid', { requests: 1 }, 5)).toMatchObject({ ok: true });
    expect(await tokens.buy({ agent: 'cid', of: hold })).toMatchObject({ ok: true });
    await hand.report('ann', 'k1-t1', 'accept');
    await m.check();
  });

  test('of two contracts are back in hand when the second has ended; what its buyer calls off lets them go', async () => {
    const hand = tasks();
    const hold = await held('ann');
    const shared = { conversation: 'k1', tokens: hold, fill: 'all', total: 2 } as const;
    expect(await hand.engage({ ...shared, offers })).toMatchObject({ ok: true, contracts: [{}, {}] });
    await hand.report('ann', 'k1-t1', 'decommit');
    expect(await tokens.return('ann', hold, {})).toMatchObject({
      ...atWork,
      message: expect.stringContaining('k1-t2'),
    });
    await hand.report('ann', 'k1-t2', 'decommit');
    expect(await tokens.return('ann', hold, {})).toMatchObject({ ok: true });
    await m.check();
  });

  test.each([
    ['given back', (hold: string) => tokens.return('ann', hold, {})],
    ['offered', (hold: string) => tokens.offer('ann', hold, 'cid', { requests: 1 }, 5)],
    ['sold', (hold: string) => tokens.buy({ agent: 'cid', of: hold })],
  ])('that were %s while the work had them, as the journal has it, are a breach', async (_what, meanwhile) => {
    const hand = tasks();
    const hold = await held('ann');
    await tokens.offer('ann', hold, 'cid', { requests: 1 }, 4);
    await hand.engage({ conversation: 'k1', tokens: hold, offers });
    for (const step of ['take', 'run', 'done'] as const) await hand.report('ben', 'k1-t1', step);
    expect(await meanwhile(hold)).toMatchObject({ ok: true });
    await m.check();
    const evidence = await evidenceOf(m);
    // As if it had come before the work's end.
    const [done, then] = evidence.entries.slice(-2);
    Object.assign(evidence.entries, {
      [evidence.entries.length - 2]: { ...done!, entry: then!.entry },
      [evidence.entries.length - 1]: { ...then!, entry: done!.entry },
    });
    followJournal(evidence);
    const { findings } = checkMarket(evidence.snapshot, evidence.entries);
    expect(findings.filter(({ ok }) => !ok)).toMatchObject([
      { invariant: 'I9', detail: expect.stringContaining('k1-t1') },
    ]);
  });
});
