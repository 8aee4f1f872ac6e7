// Rules that an operator set after a contract came about, over the wire with two brokers: they bind whatever is committed
// from then on, the next term of a lease and the next provider of a task too.
import type { Call } from '@tender/market';
import { newId } from '@tender/market/nats';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type MarketUnderTest, startMarket } from './market-under-test.js';
import { dealOf, engageOf, offerOf } from './task-client.js';
import type { WireClient } from './wire-client.js';

let market: MarketUnderTest;
let buyer: WireClient;
let ann: WireClient;
let ben: WireClient;
let seller: WireClient;

beforeAll(async () => {
  market = await startMarket(2);
  [buyer, seller] = await Promise.all([market.agent('buyer', 100), market.agent('seller', 0)]);
  [ann, ben] = await Promise.all([market.agent('ann', 10), market.agent('ben', 10)]);
  await market.pool('gpu.h100', 'seller', 64);
});
afterEach(async () => {
  await rules();
});
afterAll(async () => {
  const breaches = await market.breaches();
  await market.stop();
  expect(breaches).toEqual([]);
});

const rules = (...list: Record<string, unknown>[]) => market.order('policy', { policy: { rules: list } });

/** One slot for an hour at 60,000 micro-credits. */
async function leased(price = 60_000): Promise<string> {
  const terms = { reservePriceMicro: String(price), durationMs: 3_600_000 };
  const call: Call = await seller.done('lock', seller.offer('gpu.h100', terms));
  const { winners } = await seller.done('award', seller.award(call, [ben.cheque(call, price)]));
  return winners[0].contract;
}

const renewed = (contract: string, key = `renew-${newId()}`) =>
  ben.ask('renew', { key, contract, maxPriceMicro: '60000' });

describe('the next term of a lease', () => {
  test.each([
    [{ id: 'no-ben', kind: 'deny', agents: ['ben'] }, 'not-permitted', 455],
    [{ id: 'no-seller', kind: 'allow', agents: ['ben'], scope: { payers: ['ben'] } }, 'not-permitted', 455],
    [{ id: 'short', kind: 'sla', maxDurationMs: 3_599_999 }, 'deadline-infeasible', 422],
    [{ id: 'cheap', kind: 'price-ceiling', unitHourMicro: '59999' }, 'over-budget', 456],
    [{ id: 'dear', kind: 'price-floor', unitHourMicro: '60001' }, 'below-reserve-price', 463],
    [{ id: 'small', kind: 'budget-cap', per: 'contract', maxMicro: '119999' }, 'over-budget', 456],
  ])('is refused by %j', async (rule, detail, status) => {
    const contract = await leased();
    await rules(rule);
    // Whichever broker is asked.
    for (let n = 0; n < 6; n += 1) {
      const { body, headers } = await renewed(contract);
      expect(body).toMatchObject({ detail, status, reason: 'policy-refused', rule: rule.id });
      expect(body.message).toContain(`rule ${rule.id}`);
      expect(headers?.get('Tender-Reason')).toBe(`policy-refused/${detail}`);
    }
    await rules();
    expect((await renewed(contract)).body).toMatchObject({ terms: 2 });
  });

  test('is refused beyond what a payer may have set aside, in all that it holds', async () => {
    const contracts = [await leased(), await leased()];
    const pending = Number((await ben.done('account', {})).pendingMicro);
    await rules({ id: 'purse', kind: 'budget-cap', per: 'payer', maxMicro: String(pending + 60_000) });
    const replies = await Promise.all(contracts.map((contract) => renewed(contract)));
    expect(replies.map(({ body }) => body.rule ?? body.terms).sort()).toEqual([2, 'purse']);
  });

  test('is granted at the bound, and where a rule would have others approve', async () => {
    const contract = await leased();
    await rules(
      { id: 'hour', kind: 'price-ceiling', unitHourMicro: '60000' },
      { id: 'least', kind: 'price-floor', unitHourMicro: '60000' },
      { id: 'all', kind: 'budget-cap', per: 'contract', maxMicro: '120000' },
      { id: 'asks', kind: 'approval', aboveMicro: '0' },
    );
    expect((await renewed(contract)).body).toMatchObject({ terms: 2 });
  });

  test('that was granted is answered so again, whatever the rules say since', async () => {
    const contract = await leased();
    const key = `renew-${newId()}`;
    const first = await renewed(contract, key);
    await rules({ id: 'no-ben', kind: 'deny', agents: ['ben'] });
    expect((await renewed(contract, key)).body).toEqual(first.body);
  });
});

describe('a cap on all that a payer has set aside', () => {
  const purse = (maxMicro: number, scope = {}) => ({
    ...{ id: 'purse', kind: 'budget-cap', per: 'payer', maxMicro: String(maxMicro), scope },
  });

  test('holds for deposits, attributed as the bids for which they are laid down', async () => {
    await market.pool('gpu.kept', 'seller', 4, { graceMs: 60_000 });
    const payer = await market.agent(`payer-${newId()}`, 1);
    const call: Call = await seller.done('lock', seller.offer('gpu.kept', { depositMicro: '50000', ttlMs: 60_000 }));
    const laidDown = () => payer.ask('deposit', { key: `down-${newId()}`, cfp: call.terms.cfp, amountMicro: '50000' });
    const scope = { payers: [payer.id], payees: ['seller'], resources: ['gpu.*'] };
    await rules(purse(49_999, scope));
    for (let n = 0; n < 4; n += 1) {
      expect((await laidDown()).body).toMatchObject({ detail: 'over-budget', reason: 'policy-refused', rule: 'purse' });
    }
    await rules(purse(49_999, { ...scope, payees: ['ben'] }), { ...purse(50_000, scope), id: 'all' });
    expect((await laidDown()).body).toMatchObject({ amountMicro: '50000' });
  });

  test('holds for rate tokens, and for what waits for them', async () => {
    const bucket = `api.${newId()}`;
    await market.order('account', { account: { id: `${bucket.slice(4)}-till`, kind: 'pool' } });
    const limits = [{ name: 'requests', capacity: 10, refillPerSecond: 10, priceMicro: '1000' }];
    await market.order('bucket', {
      bucket: { bucket, account: `${bucket.slice(4)}-till`, limits, noiseMaxPermille: 1000 },
    });
    const payer = await market.agent(`payer-${newId()}`, 1);
    const take = (requests: number, waitMs = 0) => {
      const body = { bucket, amounts: { requests }, maxPriceMicro: String(requests * 1000), ttlMs: 60_000, waitMs };
      return payer.ask('tokens', { hold: newId(), ...body });
    };
    const scope = { payers: [payer.id], payees: [`${bucket.slice(4)}-till`], resources: [bucket] };
    await rules(purse(9_000, scope));
    const held = await take(8);
    expect(held.body).toMatchObject({ amountMicro: '8000' });
    for (let n = 0; n < 4; n += 1) {
      expect((await take(2)).body).toMatchObject({ detail: 'over-budget', reason: 'policy-refused', rule: 'purse' });
    }
    expect((await take(1, 900)).body).toMatchObject({ amountMicro: '1000' });
    await rules(purse(10_000, scope));
    expect((await take(1, 900)).body).toMatchObject({ amountMicro: '1000' });
  });
});

describe('who deals with whom', () => {
  test('holds for rate tokens: of a bucket, while they are waited for, and from hand to hand', async () => {
    const id = newId();
    const [bucket, till] = [`api.${id}`, `${id}-till`];
    await market.order('account', { account: { id: till, kind: 'pool' } });
    const limits = [{ name: 'requests', capacity: 4, refillPerSecond: 0.001 }];
    await market.order('bucket', { bucket: { bucket, account: till, limits, noiseMaxPermille: 1000 } });
    const amounts = { requests: 2 };
    const of = { bucket, amounts, maxPriceMicro: '1000', ttlMs: 60_000 };
    const take = (who: WireClient, waitMs = 0) => who.ask('tokens', { hold: newId(), ...of, waitMs });
    const barred = (rule: string) => ({ detail: 'not-permitted', reason: 'policy-refused', rule });
    const scope = { resources: [bucket] };

    await rules({ id: 'no-ben', kind: 'deny', agents: ['ben'], scope });
    const { body: held } = await take(ann);
    expect(held).toMatchObject({ bucket, amounts });
    // Of either broker.
    for (let n = 0; n < 4; n += 1) expect((await take(ben)).body).toMatchObject(barred('no-ben'));

    const offer = { hold: held.hold, to: 'ben', amounts: { requests: 1 }, priceMicro: '7' };
    await ann.done('offer-tokens', { key: `offer-${newId()}`, ...offer });
    const purchase = { hold: newId(), of: held.hold, amounts: { requests: 1 }, maxPriceMicro: '7' };
    for (let n = 0; n < 4; n += 1) expect((await ben.ask('buy-tokens', purchase)).body).toMatchObject(barred('no-ben'));
    await rules({ id: 'not-of-ann', kind: 'deny', agents: ['ann'], scope: { ...scope, payers: ['ben'] } });
    for (let n = 0; n < 4; n += 1) {
      expect((await ben.ask('buy-tokens', purchase)).body).toMatchObject(barred('not-of-ann'));
    }
    // Of the bucket's account he may have them.
    expect((await take(ben)).body).toMatchObject({ amounts });
    await rules({ id: 'friends', kind: 'allow', agents: ['ann', 'ben'], scope: { ...scope, payees: ['ann'] } });
    const bought = await ben.done('buy-tokens', purchase);
    expect(bought).toMatchObject({ amounts: { requests: 1 } });
    await rules({ id: 'no-ben', kind: 'deny', agents: ['ben'], scope });
    expect(await ben.done('buy-tokens', purchase)).toEqual(bought);

    // He waited before the rule was there, and is refused when his turn comes.
    await rules();
    const waiting = take(ben, 8_000);
    await rules({ id: 'no-ben', kind: 'deny', agents: ['ben'], scope });
    await ann.done('return', { key: `return-${newId()}`, hold: held.hold, used: { requests: 0 } });
    expect((await waiting).body).toMatchObject(barred('no-ben'));
  });
});

describe('the next provider of a task', () => {
  const price = (priceMicro: string) => ({ priceMicro });
  const dear = { id: 'dear', kind: 'approval', aboveMicro: '400000' };

  /** Ann has it, ben stands by, 100,000 dearer. */
  async function engaged(): Promise<string> {
    const deal = dealOf(buyer);
    const offers = [offerOf(ann, deal, price('400000')), offerOf(ben, deal)];
    const { contracts } = await buyer.done('engage', engageOf(deal, offers));
    expect(contracts).toMatchObject([{ provider: 'ann', standbys: 1 }]);
    return contracts[0].contract;
  }
  const turnedDown = (who: WireClient, contract: string) =>
    who.done('report', { key: `down-${newId()}`, contract, step: 'turn-down', message: 'no driver' });

  test.each([
    { id: 'no-ben', kind: 'deny', agents: ['ben'] },
    { id: 'eu-out', kind: 'region', regions: ['us'] },
    { id: 'cheap', kind: 'price-ceiling', unitHourMicro: '29999999' },
    { id: 'purse', kind: 'budget-cap', per: 'payer', maxMicro: '499999', scope: { payers: ['buyer'] } },
    dear,
  ])('is passed over by %j, and everybody hears by which rule', async (rule) => {
    const contract = await engaged();
    const heard = market.operator.nats.subscribe(`tender.${market.market}.event.task.*`);
    await market.operator.nats.flush();
    await rules(rule);
    expect(await turnedDown(ann, contract)).toMatchObject({ state: 'settled', outcome: 'failed' });
    for await (const message of heard) {
      const [fact] = message.json<{ facts: { contract: string; passedOver?: unknown }[] }>().facts;
      if (fact?.contract !== contract) continue;
      expect(fact.passedOver).toMatchObject([{ participant: 'ben', rule: rule.id }]);
      break;
    }
  });

  test('takes over where the rules of now let it, whatever they were', async () => {
    const purse = { id: 'purse', kind: 'budget-cap', per: 'payer', scope: { payers: ['buyer'] } };
    await rules({ ...purse, maxMicro: '500000' });
    const contract = await engaged();
    const other = dealOf(buyer, {}, price('50000'));
    await buyer.done('engage', engageOf(other, [offerOf(ann, other)]));
    await rules({ ...purse, maxMicro: '550000' });
    expect(await turnedDown(ann, contract)).toMatchObject({ provider: 'ben', state: 'awarded', attempt: 2 });
    await buyer.done('report', { key: `end-${newId()}`, contract, step: 'decommit' });
  });

  test('needs no approval where an operator has approved the engagement', async () => {
    await rules(dear);
    const deal = dealOf(buyer);
    const offers = [offerOf(ann, deal), offerOf(ben, deal, price('500001'))];
    const { proposal } = await buyer.done('engage', engageOf(deal, offers));
    const decided = await market.order('decide', { proposal, verdict: 'approve' });
    const { contract } = decided.proposal.contracts[0];
    expect(await turnedDown(ann, contract)).toMatchObject({ provider: 'ben', state: 'awarded' });
    await buyer.done('report', { key: `end-${newId()}`, contract, step: 'decommit' });
  });
});
