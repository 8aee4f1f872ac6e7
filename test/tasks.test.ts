// Tasks at the bank, over the wire and without the SDK: what is agreed is committed once, all else is refused unchanged.
import { dealDigest, type Offer, sealMac } from '@tender/market';
import { newId } from '@tender/market/nats';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dump } from './dump.js';
import { type MarketUnderTest, startMarket, until } from './market-under-test.js';
import { type DealDraft, dealOf, engageOf, offerOf, receiptOf } from './task-client.js';
import type { Reply, WireClient } from './wire-client.js';

let market: MarketUnderTest;
let buyer: WireClient;
let ann: WireClient;
let ben: WireClient;

beforeAll(async () => {
  market = await startMarket(2);
  buyer = await market.agent('buyer', 100);
  [ann, ben] = await Promise.all([market.agent('ann', 1), market.agent('ben', 1)]);
});
afterAll(async () => {
  const breaches = await market.breaches();
  await market.stop();
  expect(breaches).toEqual([]);
});

async function balance(agent: WireClient): Promise<readonly [number, number]> {
  const { availableMicro, pendingMicro } = await agent.done('account', {});
  return [Number(availableMicro), Number(pendingMicro)];
}

async function engaged(deal: DealDraft, offers: readonly Offer[], more: Record<string, unknown> = {}): Promise<Reply> {
  const reply = await buyer.ask('engage', engageOf(deal, offers, more));
  expect(reply.body, JSON.stringify(reply.body)).toMatchObject({ kind: 'contracts' });
  return reply;
}

const step = (who: WireClient, contract: string, name: string, more: Record<string, unknown> = {}) =>
  who.done('report', { key: `report-${newId()}`, contract, step: name, ...more });

describe('a task from the offer to the receipt', () => {
  test('263 with all that was agreed; the price goes to the provider, the bond back', async () => {
    const [buyers, anns] = [await balance(buyer), await balance(ann)];
    const deal = dealOf(buyer);
    const reply = await engaged(deal, [offerOf(ann, deal, { priceMicro: '300000' }), offerOf(ben, deal)]);
    expect(reply.headers?.get('Tender-Status')).toBe('263');
    const [view] = reply.body.contracts;
    expect(view).toMatchObject({ state: 'awarded', provider: 'ann', standbys: 1, frame: deal.frame });
    expect(view.issues.priceMicro).toBe('300000');
    expect(Number(reply.headers?.get('Tender-Expires'))).toBe(view.dueAt);
    expect(await balance(buyer)).toEqual([buyers[0] - 300_000, buyers[1] + 300_000]);
    expect(await balance(ann)).toEqual([anns[0] - 1000, anns[1] + 1000]);
    await step(ann, view.contract, 'take');
    await step(ann, view.contract, 'run');
    await step(ann, view.contract, 'progress', { percent: 40 });
    expect(await buyer.done('task', { contract: view.contract })).toMatchObject({ state: 'running', percent: 40 });
    const done = await step(ann, view.contract, 'done', { receipt: receiptOf('done', { outputs: { film: 'seen' } }) });
    expect(done).toMatchObject({ state: 'settled', outcome: 'done', paidMicro: '300000', bondTo: 'provider' });
    expect(done.receipt.outputs).toEqual({ film: 'seen' });
    expect(await balance(ann)).toEqual([anns[0] + 300_000, anns[1]]);
    expect(await balance(buyer)).toEqual([buyers[0] - 300_000, buyers[1]]);
  });

  test('who turns it down hands it to the runner-up, under the same contract', async () => {
    const deal = dealOf(buyer);
    const reply = await engaged(deal, [offerOf(ann, deal, { priceMicro: '300000' }), offerOf(ben, deal)]);
    const { contract } = reply.body.contracts[0];
    await step(ann, contract, 'take');
    const view = await step(ann, contract, 'turn-down', { message: 'the inputs do not fit' });
    expect(view).toMatchObject({ contract, state: 'awarded', provider: 'ben', attempt: 2, standbys: 0 });
    await step(ben, contract, 'take');
    await step(ben, contract, 'run');
    const failed = await step(ben, contract, 'fail', { receipt: receiptOf('failed', { message: 'out of memory' }) });
    expect(failed).toMatchObject({ outcome: 'failed', paidMicro: '0', bondTo: 'buyer' });
  });

  test('one that says nothing is ended by the sweeper', async () => {
    const base = dealOf(buyer);
    const soon = { startBy: Date.now() + 3_000 };
    const deal = dealOf(buyer, { conditions: { ...base.frame.conditions, graceMs: 0 } }, soon);
    const reply = await engaged(deal, [offerOf(ann, deal)]);
    const { contract } = reply.body.contracts[0];
    await until('the sweeper', async () => (await buyer.done('task', { contract })).state === 'settled');
    expect(await buyer.done('task', { contract })).toMatchObject({
      outcome: 'violated',
      paidMicro: '0',
      bondTo: 'buyer',
    });
  });

  test('50 engagements of one task at once: one contract', async () => {
    const deal = dealOf(buyer);
    const offers = Array.from({ length: 50 }, () => ({
      ...deal,
      frame: { ...deal.frame, conversation: newId() },
    })).map((one) => ({ deal: one, offer: offerOf(ann, one) }));
    const replies = await Promise.all(
      offers.map(({ deal: one, offer }) => buyer.ask('engage', engageOf(one, [offer]))),
    );
    expect(replies.filter(({ performative }) => performative === 'inform')).toHaveLength(1);
    for (const { performative, body } of replies) if (performative !== 'inform') expect(body.detail).toBe('duplicate');
    const won = replies.find(({ performative }) => performative === 'inform')!;
    await step(buyer, won.body.contracts[0].contract, 'decommit');
  });
});

describe('what is refused changes nothing', () => {
  const cases: [string, string, () => readonly [WireClient, 'engage', object]][] = [
    [
      'an offer for another price than was sealed',
      'bad-signature',
      () => {
        const deal = dealOf(buyer);
        const offer = offerOf(ann, deal);
        const cheaper = {
          ...offer,
          issues: { ...offer.issues, priceMicro: '1' },
          seal: { ...offer.seal, priceMicro: '1' },
        };
        return [buyer, 'engage', engageOf(deal, [cheaper])];
      },
    ],
    [
      'an offer that stands on rate tokens, which nobody would look at',
      'malformed',
      () => {
        const deal = dealOf(buyer);
        const offer = offerOf(ann, deal);
        const { participant, units, priceMicro, intent, until } = offer.seal;
        const bid = { participant, units, priceMicro, intent, until, tokens: 'nobody-has-these' };
        const digest = dealDigest(deal.frame, offer.issues);
        const { session } = ann;
        const seal = sealMac(market.market, deal.frame.conversation, digest, bid, session, session.key);
        return [buyer, 'engage', engageOf(deal, [{ ...offer, seal }])];
      },
    ],
    [
      'an offer for another deadline than was sealed',
      'bad-signature',
      () => {
        const deal = dealOf(buyer);
        const offer = offerOf(ann, deal);
        return [
          buyer,
          'engage',
          engageOf(deal, [{ ...offer, issues: { ...offer.issues, deadline: offer.issues.deadline + 1 } }]),
        ];
      },
    ],
    [
      'other conditions than were sealed',
      'bad-signature',
      () => {
        const deal = dealOf(buyer);
        const offer = offerOf(ann, deal);
        const frame = { ...deal.frame, conditions: { ...deal.frame.conditions, bondMicro: '900000' } };
        return [buyer, 'engage', engageOf({ ...deal, frame }, [offer])];
      },
    ],
    [
      'an offer of another conversation',
      'bad-signature',
      () => {
        const deal = dealOf(buyer);
        return [buyer, 'engage', engageOf(deal, [offerOf(ann, dealOf(buyer))])];
      },
    ],
    [
      'a seal and issues that disagree',
      'malformed',
      () => {
        const deal = dealOf(buyer);
        const offer = offerOf(ann, deal);
        return [buyer, 'engage', engageOf(deal, [{ ...offer, issues: { ...offer.issues, units: 2 } }])];
      },
    ],
    [
      'in another buyer’s name',
      'not-permitted',
      () => {
        const deal = dealOf(buyer);
        return [ben, 'engage', engageOf(deal, [offerOf(ann, deal)])];
      },
    ],
    [
      'from oneself',
      'not-permitted',
      () => {
        const deal = dealOf(buyer);
        return [buyer, 'engage', engageOf(deal, [offerOf(buyer, deal)])];
      },
    ],
    [
      'more than the buyer has',
      'insufficient-credits',
      () => {
        const deal = dealOf(buyer, {}, { priceMicro: '99999999999999' });
        return [buyer, 'engage', engageOf(deal, [offerOf(ann, deal)])];
      },
    ],
    [
      'a bond that is not covered',
      'insufficient-credits',
      () => {
        const base = dealOf(buyer).frame.conditions;
        const deal = dealOf(buyer, { conditions: { ...base, bondMicro: '99999999999999' } });
        return [buyer, 'engage', engageOf(deal, [offerOf(ann, deal)])];
      },
    ],
    [
      'a deadline that is over',
      'deadline-infeasible',
      () => {
        const deal = dealOf(buyer, {}, { deadline: Date.now() - 10_000 });
        return [buyer, 'engage', engageOf(deal, [offerOf(ann, deal)])];
      },
    ],
    [
      'fewer units than all',
      'no-capacity',
      () => {
        const deal = dealOf(buyer, {}, { units: 4 });
        const fill = { kind: 'all', by: 'units' };
        return [
          buyer,
          'engage',
          engageOf(deal, [offerOf(ann, deal, { units: 1 }), offerOf(ben, deal, { units: 2 })], { fill }),
        ];
      },
    ],
    [
      'a hold that does not exist',
      'lock-lost',
      () => {
        const deal = dealOf(buyer);
        return [buyer, 'engage', engageOf(deal, [offerOf(ann, deal, {}, { hold: newId() })])];
      },
    ],
    [
      'scores without weights',
      'malformed',
      () => {
        const deal = dealOf(buyer);
        return [buyer, 'engage', engageOf(deal, [offerOf(ann, deal)], { rule: 'best-score' })];
      },
    ],
    [
      'another market',
      'malformed',
      () => {
        const deal = dealOf(buyer, { market: 'elsewhere' });
        return [buyer, 'engage', engageOf(deal, [offerOf(ann, deal)])];
      },
    ],
    ['no offers', 'malformed', () => [buyer, 'engage', engageOf(dealOf(buyer), [])]],
    [
      'inputs beyond measure',
      'malformed',
      () => {
        const deal = dealOf(buyer);
        const task = { ...deal.frame.task, inputs: { text: 'x'.repeat(70_000) } };
        return [buyer, 'engage', engageOf({ ...deal, frame: { ...deal.frame, task } }, [offerOf(ann, deal)])];
      },
    ],
    [
      'inputs of many bytes in few characters',
      'malformed',
      () => {
        const deal = dealOf(buyer);
        const task = { ...deal.frame.task, inputs: { text: '\u6587'.repeat(30_000) } };
        return [buyer, 'engage', engageOf({ ...deal, frame: { ...deal.frame, task } }, [offerOf(ann, deal)])];
      },
    ],
    [
      'more contracts than fit into an answer',
      'malformed',
      () => {
        const base = dealOf(buyer, {}, { units: 8 });
        const task = { ...base.frame.task, inputs: { text: 'x'.repeat(60_000) } };
        const deal = { ...base, frame: { ...base.frame, task } };
        const offers = Array.from({ length: 8 }, () => offerOf(ann, deal, { units: 1, priceMicro: '1' }));
        return [buyer, 'engage', engageOf(deal, offers, { fill: { kind: 'all', by: 'units' } })];
      },
    ],
  ];
  test.each(cases)('%s: %s', async (_, detail, ask) => {
    const [who, operation, body] = ask();
    const before = await dump(market.redis);
    const reply = await who.once(operation, body);
    expect(reply?.body.detail, JSON.stringify(reply?.body)).toBe(detail);
    expect(reply?.headers?.get('Tender-Status')).toBe(String(reply?.body.status));
    expect(await dump(market.redis)).toEqual(before);
  });

  test('steps of others, out of turn, of no contract: refused by their code, nothing changed', async () => {
    const deal = dealOf(buyer);
    const reply = await engaged(deal, [offerOf(ann, deal)]);
    const { contract } = reply.body.contracts[0];
    const manyUsed = Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`unit-${n}`, n]));
    const before = await dump(market.redis);
    const tries: [WireClient, string, string, Record<string, unknown>?][] = [
      [ben, 'take', 'not-permitted'],
      [buyer, 'take', 'not-permitted'],
      [ann, 'run', 'not-your-turn'],
      [ann, 'progress', 'not-your-turn', { percent: 1 }],
      [ann, 'progress', 'malformed', { percent: 101 }],
      [ann, 'done', 'not-your-turn', { receipt: receiptOf('done') }],
      [ann, 'accept', 'not-permitted'],
      [buyer, 'accept', 'not-your-turn'],
      [buyer, 'dispute', 'not-your-turn', { message: 'no' }],
      [ann, 'fly', 'malformed'],
      // A receipt that leaves no room for the contract beside it would hide from the buyer that there is one.
      [ann, 'done', 'malformed', { receipt: receiptOf('done', { used: manyUsed }) }],
    ];
    for (const [who, name, detail, more = {}] of tries) {
      const refused = await who.once('report', { key: `report-${newId()}`, contract, step: name, ...more });
      expect(refused?.body.detail, `${who.id} ${name}`).toBe(detail);
    }
    const stranger = await ben.once('task', { contract });
    expect(stranger?.body.detail).toBe('not-permitted');
    const unknown = await ann.once('report', { key: `report-${newId()}`, contract: 'nothing-t1', step: 'take' });
    expect(unknown?.body.detail).toBe('unknown');
    expect(await dump(market.redis)).toEqual(before);
    await step(buyer, contract, 'decommit');
  });
});
