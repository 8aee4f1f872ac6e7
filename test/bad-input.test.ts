// Whatever is sent to the bank, it answers with a code and changes nothing: a dump of Redis before and after is equal.
import { type Call, encode, subjects, termsDigest } from '@tender/market';
import { newId } from '@tender/market/nats';
import { headers } from 'nats';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { amounts, ids, notAmounts, refusedWithoutChange } from './bad-values.js';
import { dump } from './dump.js';
import { type MarketUnderTest, startMarket, until } from './market-under-test.js';
import { newSeed, type Reply, WireClient } from './wire-client.js';

let market: MarketUnderTest;
let seller: WireClient;
let buyer: WireClient;
/** An open call that every award below is aimed at. */
let call: Call;

beforeAll(async () => {
  market = await startMarket(1);
  seller = await market.agent('seller');
  buyer = await market.agent('buyer', 100);
  await market.pool('gpu', 'seller', 4);
  call = await seller.done('lock', seller.offer('gpu', { ttlMs: 600_000, windowMs: 100 }));
});
afterAll(() => market?.stop());

const refusedUnchanged = (ask: () => Promise<Reply | undefined>) => refusedWithoutChange(market.redis, ask);

describe('ids', () => {
  test.each(ids)('%j is no call, pool, contract or account', async (id) => {
    const bodies: [Parameters<WireClient['once']>[0], unknown][] = [
      ['lock', seller.offer('gpu', { cfp: id })],
      ['lock', seller.offer(id)],
      ['release', { key: 'release-1', cfp: id }],
      ['extend', { key: 'extend-11', cfp: id, ttlMs: 100 }],
      ['quote', { pool: id }],
      ['settle', { key: 'settle-11', contract: id }],
      ['renew', { key: 'renew-111', contract: id, maxPriceMicro: '1' }],
      ['contract', { contract: id }],
    ];
    for (const [operation, body] of bodies) {
      // A pool's name may have dots, and `a.b` is a good one: unknown, then.
      const reply = await refusedUnchanged(() => seller.once(operation, body));
      expect(reply.body.detail).toBe(
        id === 'a.b' && JSON.stringify(body).includes('"pool":"a.b"') ? 'unknown' : 'malformed',
      );
    }
    const account = { key: `open-${newId()}`, account: { id, kind: 'agent' } };
    expect((await refusedUnchanged(() => market.operator.admin('account', account))).body.detail).toBe('malformed');
  });

  test('idempotency keys are checked like ids', async () => {
    for (const key of ['', 'short', 'with space1', 'with\nline', 'k'.repeat(65), '{braces}11', 7, null]) {
      const reply = await refusedUnchanged(() => seller.once('release', { key, cfp: call.terms.cfp }));
      expect(reply.body.detail).toBe('malformed');
    }
  });
});

describe('amounts', () => {
  test.each([...amounts, ...notAmounts])('%j is no amount', async (amount) => {
    const grant = { key: `grant-${newId()}`, to: 'buyer', amountMicro: amount };
    const replies = [
      await refusedUnchanged(() => market.operator.admin('grant', grant)),
      await refusedUnchanged(() =>
        market.operator.admin('retire', { key: grant.key, from: 'buyer', amountMicro: amount }),
      ),
      await refusedUnchanged(() => seller.once('renew', { key: 'renew-111', contract: 'c1', maxPriceMicro: amount })),
      await refusedUnchanged(() => {
        const cheque = { ...buyer.cheque(call, 1), priceMicro: amount };
        return seller.once('award', { ...seller.award(call, []), bids: [cheque] });
      }),
    ];
    for (const reply of replies) expect(reply.body).toMatchObject({ detail: 'malformed', status: 400, final: true });
  });

  test('more than can be minted is over budget', async () => {
    const grant = { key: `grant-${newId()}`, to: 'buyer', amountMicro: '9'.repeat(14) };
    expect((await refusedUnchanged(() => market.operator.admin('grant', grant))).body).toMatchObject({ status: 456 });
  });
});

describe('shapes', () => {
  const good = () => seller.offer('gpu');
  const bodies: [string, () => unknown][] = [
    ['an unknown field', () => ({ ...good(), surprise: 1 })],
    ['__proto__', () => JSON.parse(JSON.stringify(good()).replace('{', '{"__proto__":{"a":1},'))],
    ['a missing field', () => ({ ...good(), rule: undefined })],
    ['an unknown rule', () => ({ ...good(), rule: 'lottery' })],
    ['units as text', () => ({ ...good(), units: '1' })],
    ['no units', () => ({ ...good(), units: 0 })],
    ['too many units', () => ({ ...good(), units: 65 })],
    ['half a unit', () => ({ ...good(), units: 1.5 })],
    ['a time limit without end', () => ({ ...good(), ttlMs: 1e12 })],
    ['a window longer than the lock', () => ({ ...good(), ttlMs: 50, windowMs: 60 })],
    ['a slot named twice', () => ({ ...good(), units: 2, slots: [3, 3] })],
    ['a slot that does not exist', () => ({ ...good(), slots: [9] })],
    ['a list', () => [good()]],
    ['a string', () => 'lock'],
    ['nothing', () => null],
  ];
  test.each(bodies)('%s', async (_name, body) => {
    const reply = await refusedUnchanged(() => seller.once('lock', body()));
    expect([400, 409]).toContain(reply.body.status);
  });

  const payloads: [string, Uint8Array][] = [
    ['no JSON', Buffer.from('hello')],
    ['half JSON', Buffer.from('{"v":1')],
    ['an empty payload', Buffer.alloc(0)],
    ['no UTF-8', Buffer.from([0xff, 0xfe, 0x00, 0x80])],
    ['NUL bytes', Buffer.alloc(100)],
    ['deeply nested lists', Buffer.from('['.repeat(50_000) + ']'.repeat(50_000))],
    ['a payload above the limit', Buffer.from(JSON.stringify({ v: 1, body: 'x'.repeat(600_000) }))],
  ];
  test.each(payloads)('%s', async (_name, payload) => {
    const subject = subjects.bank(market.market, 'seller', 'lock');
    const reply = await refusedUnchanged(() => seller.raw(subject, payload));
    expect(reply.body).toMatchObject({ status: 400, detail: 'malformed' });
  });

  test('an envelope of another version, time or performative', async () => {
    const subject = subjects.bank(market.market, 'seller', 'quote');
    const envelope = seller.envelope({ pool: 'gpu' });
    for (const wrong of [
      { v: 2 },
      { id: 'x' },
      { replyBy: undefined },
      { sentAt: -1 },
      { performative: 'inform' },
      { conversation: 'a b' },
    ]) {
      const reply = await refusedUnchanged(() => seller.raw(subject, encode({ ...envelope, ...wrong })));
      expect(reply.body.detail).toBe('malformed');
    }
  });
});

describe('who speaks', () => {
  test("the sender is the subject's token, whatever the message says", async () => {
    const subject = subjects.bank(market.market, 'seller', 'quote');
    const reply = await refusedUnchanged(() =>
      seller.raw(subject, encode({ ...seller.envelope({ pool: 'gpu' }), sender: 'buyer' })),
    );
    expect(reply.body.detail).toBe('not-permitted');
  });

  test("a reply goes only to the sender's own inbox", async () => {
    let stray = 0;
    const sub = market.operator.nats.subscribe('_INBOX_victim.>', {
      callback: () => {
        stray += 1;
      },
    });
    const before = await dump(market.redis);
    const subject = subjects.bank(market.market, 'seller', 'release');
    const body = seller.envelope({ key: 'release-1', cfp: call.terms.cfp });
    for (const reply of ['_INBOX_victim.1', '_INBOX_seller', 'tender.x', `tender.${market.market}.bank.seller.lock`]) {
      seller.nats.publish(subject, encode(body), { reply });
    }
    // The bank answers in order: once this one is answered, the others have been looked at.
    await seller.done('quote', { pool: 'gpu' });
    await market.operator.nats.flush();
    expect(stray).toBe(0);
    expect(await dump(market.redis)).toEqual(before);
    sub.unsubscribe();
  });

  test('headers are claims, checked against the body', async () => {
    const head = headers();
    head.set('Tender-Conversation', 'another');
    const subject = subjects.bank(market.market, 'seller', 'quote');
    const reply = await refusedUnchanged(() =>
      seller.raw(subject, encode(seller.envelope({ pool: 'gpu' })), undefined, head),
    );
    expect(reply.body.detail).toBe('malformed');
  });

  test('no operator, a wrong key, a changed request: nothing is minted', async () => {
    const request = { key: `grant-${newId()}`, to: 'buyer', amountMicro: '1000000' };
    const stranger = await WireClient.connect(market.stack.natsUrl, market.market, 'stranger');
    const impostor = await WireClient.connect(market.stack.natsUrl, market.market, 'op', newSeed());
    const details = [
      await refusedUnchanged(() => stranger.admin('grant', request)),
      await refusedUnchanged(() => impostor.admin('grant', request)),
      await refusedUnchanged(() => impostor.admin('grant', request, { nkey: market.operator.nkey })),
      await refusedUnchanged(() =>
        market.operator.admin('grant', request, { request: { ...request, amountMicro: '2000000' } }),
      ),
    ].map((reply) => reply.body.detail);
    expect(details).toEqual(Array(4).fill('bad-signature'));
    await Promise.all([stranger.close(), impostor.close()]);
  });

  test("an agent without an account, a login with another's key", async () => {
    const stranger = await WireClient.connect(market.stack.natsUrl, market.market, 'nobody');
    await expect(stranger.login()).rejects.toThrow('unknown');
    await stranger.close();
    const thief = await WireClient.connect(market.stack.natsUrl, market.market, 'buyer', newSeed());
    await expect(thief.login()).rejects.toThrow('bad-signature');
    await thief.close();
  });

  test("another's call cannot be awarded, extended or released, another's pool not sold", async () => {
    const { cfp } = call.terms;
    const replies = [
      await refusedUnchanged(() => buyer.once('award', buyer.award(call, [buyer.cheque(call, 1)]))),
      await refusedUnchanged(() => buyer.once('extend', { key: 'extend-11', cfp, ttlMs: 100 })),
      await refusedUnchanged(() => buyer.once('release', { key: 'release-1', cfp })),
      await refusedUnchanged(() => buyer.once('lock', buyer.offer('gpu'))),
    ];
    for (const reply of replies) expect(reply.body.detail).toBe('not-permitted');
  });
});

describe('cheques', () => {
  const forged: [string, () => Record<string, unknown>][] = [
    ['a higher price than sealed', () => ({ priceMicro: '99' })],
    ['more units than sealed', () => ({ units: 2 })],
    ['another intent than sealed', () => ({ intent: 'other' })],
    ['a later limit than sealed', () => ({ until: call.awardBy + 1 })],
    ['another agent than sealed', () => ({ participant: 'seller' })],
    ['another session than sealed', () => ({ session: 'other' })],
    ['a longer session than sealed', () => ({ sessionUntil: 9_999_999_999_999 })],
    ['no signature worth the name', () => ({ signature: 'A'.repeat(43) })],
  ];
  test.each(forged)('%s', async (_name, change) => {
    const cheque = { ...buyer.cheque(call, 1_000), ...change() } as ReturnType<WireClient['cheque']>;
    const reply = await refusedUnchanged(() => seller.once('award', seller.award(call, [cheque])));
    expect(reply.body).toMatchObject({ status: 455, detail: 'bad-signature' });
  });

  test('a cheque for one call is no good in another, nor are its terms', async () => {
    const other: Call = await seller.done('lock', seller.offer('gpu', { ttlMs: 600_000 }));
    const cheque = buyer.cheque(other, 1_000);
    expect((await refusedUnchanged(() => seller.once('award', seller.award(call, [cheque])))).body.detail).toBe(
      'bad-signature',
    );
    // The initiator tells buyers better terms than it registered: their cheques verify, the bank knows better.
    const told = { ...call, terms: { ...call.terms, rule: 'second-price' as const } };
    const fooled = seller.award(told, [buyer.cheque(told, 1_000)]);
    expect((await refusedUnchanged(() => seller.once('award', fooled))).body.detail).toBe('stale');
    await seller.done('release', { key: `release-${newId()}`, cfp: other.terms.cfp });
  });

  test('an uncovered, a spent and an overdue cheque', async () => {
    const uncovered = seller.award(call, [buyer.cheque(call, 100_000_001)]);
    expect((await refusedUnchanged(() => seller.once('award', uncovered))).body.detail).toBe('insufficient-credits');
    const overdue = seller.award(call, [buyer.cheque(call, 1_000, { until: Date.now() - 1_000 })]);
    expect((await refusedUnchanged(() => seller.once('award', overdue))).body.detail).toBe('expired');

    const other: Call = await seller.done('lock', seller.offer('gpu', { ttlMs: 600_000 }));
    await seller.done('award', seller.award(other, [buyer.cheque(other, 1_000, { intent: 'spent-once' })]));
    const spent = seller.award(call, [buyer.cheque(call, 1_000, { intent: 'spent-once' })]);
    expect((await refusedUnchanged(() => seller.once('award', spent))).body.detail).toBe('duplicate');
  });

  test('a replayed award gets the saved answer, and another body under its key is refused', async () => {
    const other: Call = await seller.done('lock', seller.offer('gpu', { ttlMs: 600_000 }));
    const body = seller.award(other, [buyer.cheque(other, 1_000)]);
    const first = await seller.done('award', body);
    const before = await dump(market.redis);
    const again = await seller.done('award', body);
    expect(again).toEqual(first);
    expect(await dump(market.redis)).toEqual(before);
    const changed = { ...body, bids: [buyer.cheque(other, 2_000)] };
    expect((await refusedUnchanged(() => seller.once('award', changed))).body.detail).toBe('duplicate');
  });

  test('an expired call cannot be awarded: its lock is lost', async () => {
    const short: Call = await seller.done('lock', seller.offer('gpu', { ttlMs: 60, windowMs: 50 }));
    const bids = [buyer.cheque(short, 1_000, { until: short.awardBy + 60_000 })];
    await until('the sweeper has found the call', async () => {
      return (await market.redis.hget(`{${market.market}}:cfp:${short.terms.cfp}`, 'state')) === 'lapsed';
    });
    const reply = await refusedUnchanged(() => seller.once('award', seller.award(short, bids)));
    expect(reply.body).toMatchObject({ status: 409, detail: 'lock-lost' });
    expect(termsDigest(short.terms)).toHaveLength(43);
  });
});
