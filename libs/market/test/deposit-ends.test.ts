// Deposits that end before the award: taken back by their bidder, or over by what was announced; SPEC.md's table row by row.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkMarket, depositId } from '../src/index.js';
import { ann, asking, both, cid, DEPOSIT, GRANT, type Refusal } from './deposit-market.js';
import { START_MS, specRows, startTestRedis, type TestMarket, type TestRedis } from './market-under-test.js';
import { evidenceOf, find, followJournal } from './traded-market.js';

let server: TestRedis;
beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.stop());

const withdrawals: readonly Refusal[] = [
  { check: 'the asker is the agent or its host', detail: 'not-permitted', ask: { by: 'cid' } },
  { check: 'the call is known to the bank', detail: 'unknown', ask: { cfp: 'c9' } },
  { check: 'the call is open', detail: 'expired', given: ({ hand }) => hand.award('c1', [ann(9)], { by: 'ben' }) },
  { check: 'the call takes bids still', detail: 'late', given: ({ setClock }) => setClock(START_MS + 1_000) },
  { check: 'the agent has something laid down there', detail: 'unknown', ask: { agent: 'cid' } },
];

describe('taking it back', () => {
  it.each(withdrawals)('$detail, unless $check', async ({ check, detail, given, ask = {} }) => {
    const market = await asking(server);
    await market.hand.deposit('ann', 'c1', DEPOSIT);
    await given?.(market);
    const { agent = 'ann', cfp = 'c1', by = agent } = ask;
    const before = await market.dump();
    expect(await market.hand.withdrawDeposit(agent, cfp, by)).toMatchObject({ ok: false, detail });
    expect(await market.dump()).toEqual(before);
    expect(specRows()).toContain(`${check}|\`${detail}\``);
  });

  it('by its host, once under one key; it makes room, and its bids are barred', async () => {
    const { hand, available, pending, redis, market, check } = await asking(server);
    await hand.deposit('ann', 'c1', DEPOSIT);
    const first = await hand.withdrawDeposit('ann', 'c1', 'zed', 'one-and-only');
    const told = { cfp: 'c1', pool: 'gpu', agent: 'ann', amountMicro: DEPOSIT, state: 'returned', at: START_MS };
    expect(first).toEqual({ ok: true, cfp: 'c1', agent: 'ann', deposits: [told] });
    expect(await hand.withdrawDeposit('ann', 'c1', 'zed', 'one-and-only')).toEqual({ ...first, replayed: true });
    expect([await available('ann'), await pending('ann')]).toEqual([GRANT, 0]);
    expect(await redis.exists(`{${market}}:deposits:c1`)).toBe(0);
    expect(await redis.zscore(`{${market}}:deadlines`, 'deposit:c1')).toBeNull();
    await hand.deposit('cid', 'c1', DEPOSIT);
    const reply = await hand.award('c1', [ann(90), cid(80)], { by: 'ben' });
    expect(reply).toMatchObject({ clearingPriceMicro: '0', winners: [{ participant: 'cid' }] });
    expect(reply.verdicts?.[0]).toMatchObject({ outcome: 'barred', detail: 'missing-dependency' });
    await check();
  });
});

describe('its own end', () => {
  async function extended(): Promise<TestMarket> {
    const market = await asking(server);
    for (const agent of ['cid', 'ann']) await market.hand.deposit(agent, 'c1', DEPOSIT);
    expect(await market.hand.extendCall('c1', 3_600_000, 'ben')).toMatchObject({ ok: true });
    return market;
  }

  it('gives it back though the call is extended, not a moment before, and tells of each', async () => {
    const { hand, setClock, available, dump, check } = await extended();
    await setClock(START_MS + 60_000);
    const before = await dump();
    expect(await hand.returnDeposits('c1')).toMatchObject({ ok: false, detail: 'stale' });
    expect(await hand.returnDeposits('c9')).toMatchObject({ ok: false, detail: 'unknown' });
    expect(await dump()).toEqual(before);
    await setClock(START_MS + 60_001);
    const told = { cfp: 'c1', pool: 'gpu', amountMicro: DEPOSIT, state: 'returned', at: START_MS + 60_001 };
    expect(await hand.returnDeposits('c1')).toEqual({
      ...{ ok: true, cfp: 'c1' },
      deposits: [
        { ...told, agent: 'ann' },
        { ...told, agent: 'cid' },
      ],
    });
    expect([await available('ann'), await available('cid')]).toEqual([GRANT, GRANT]);
    expect(await hand.returnDeposits('c1')).toMatchObject({ ok: false, detail: 'unknown' });
    await check();
  });

  it('bars a bid that it stood behind, whether or not the sweeper was faster', async () => {
    const { hand, setClock, check } = await extended();
    await setClock(START_MS + 60_001);
    const early = await hand.award('c1', [ann(90), cid(80)], { by: 'ben' });
    expect(early).toMatchObject({ ok: false, detail: 'missing-dependency' });
    expect(await hand.returnDeposits('c1')).toMatchObject({ ok: true });
    const late = await hand.award('c1', [ann(90), cid(80)], { by: 'ben' });
    expect(late).toMatchObject({ ok: false, detail: 'missing-dependency' });
    expect(await hand.releaseCall('c1', 'ben')).toEqual({ ok: true, cfp: 'c1' });
    expect(await hand.returnDeposits('c1')).toMatchObject({ ok: false, detail: 'expired' });
    await check();
  });
});

type Evidence = Awaited<ReturnType<typeof evidenceOf>>;
type Tamper = (evidence: Evidence) => void;

/** What the checker finds once the journal was tampered with. */
function brokenBy(evidence: Evidence, tamper: Tamper): string[] {
  const tampered = structuredClone(evidence);
  tamper(tampered);
  followJournal(tampered);
  const { findings } = checkMarket(tampered.snapshot, tampered.entries);
  return findings.filter(({ ok }) => !ok).map(({ invariant }) => invariant);
}

describe('tampering', () => {
  it('with the time of a withdrawal or a return is told', async () => {
    const market = await asking(server);
    const { hand, setClock } = market;
    for (const agent of ['ann', 'cid']) await hand.deposit(agent, 'c1', DEPOSIT);
    await setClock(START_MS + 500);
    expect(await hand.withdrawDeposit('ann', 'c1')).toMatchObject({ ok: true });
    await hand.extendCall('c1', 3_600_000, 'ben');
    await setClock(START_MS + 60_001);
    expect(await hand.returnDeposits('c1')).toMatchObject({ ok: true });
    await hand.releaseCall('c1', 'ben');
    await market.check();
    const evidence = await evidenceOf(market);
    expect(brokenBy(evidence, () => undefined)).toEqual([]);
    expect(brokenBy(evidence, (e) => void Object.assign(find(e, 'open-call'), { windowMs: 400 }))).toEqual(['I9']);
    expect(brokenBy(evidence, (e) => void Object.assign(find(e, 'open-call'), { ttlMs: 70_000 }))).toEqual(['I9']);
    expect(brokenBy(evidence, (e) => void Object.assign(find(e, 'withdraw-deposit'), { agent: 'zed' }))).toContain(
      'I9',
    );
  });

  it('with a deposit in the journal, or one that is missing, is told', async () => {
    const market = await asking(server);
    await both(market, ann(90), cid(80));
    await market.check();
    const evidence = await evidenceOf(market);
    const broken = (tamper: Tamper) => brokenBy(evidence, tamper);
    expect(broken((e) => void Object.assign(find(e, 'deposit'), { amount: 71 }))).toEqual(['I9']);
    expect(broken((e) => void Object.assign(find(e, 'deposit'), { agent: 'zed' }))).toEqual(['I10']);
    const unpaid = { outcome: 'barred', detail: 'missing-dependency', pays: undefined, class: undefined };
    expect(
      broken((e) => {
        Object.assign(find(e, 'award').bids[0]!, unpaid);
        find(e, 'award').winners.splice(0, 1);
      }),
    ).toContain('I10');
    const lost = structuredClone(evidence);
    delete lost.snapshot.transfers[depositId('c1', 'ann')];
    const { findings } = checkMarket(lost.snapshot, lost.entries);
    expect(findings.filter(({ ok }) => !ok).map(({ invariant }) => invariant)).toEqual(['I3', 'I9']);
  });
});
