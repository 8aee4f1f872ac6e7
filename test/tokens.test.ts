// Rate tokens over the wire: two brokers never give more than a bucket has, and one that dies loses nobody's.
import { encode, subjects } from '@tender/market';
import { newId } from '@tender/market/nats';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BrokerFigures } from './broker-figures.js';
import { type MarketUnderTest, startMarket, until } from './market-under-test.js';
import { type Reply, WireClient } from './wire-client.js';

let market: MarketUnderTest;
let brokers: BrokerFigures;

beforeAll(async () => {
  market = await startMarket(0);
  brokers = new BrokerFigures(market);
  await Promise.all([brokers.broker(), brokers.broker()]);
  await market.order('account', { account: { id: 'till', kind: 'pool' } });
});
afterAll(() => market?.stop());

type Amounts = Readonly<Record<string, number>>;

async function bucket(id: string, limits: readonly object[], more: object = {}): Promise<string> {
  const spec = { bucket: id, account: 'till', limits, noiseMaxPermille: 1000, ...more };
  await market.order('bucket', { bucket: spec });
  return id;
}

function takeOf(id: string, amounts: Amounts, more: object = {}): Record<string, unknown> {
  return { hold: newId(), bucket: id, amounts, maxPriceMicro: '1000', ttlMs: 60_000, waitMs: 0, ...more };
}

function returnOf(hold: string, used: Amounts, more: object = {}): Record<string, unknown> {
  return { key: `return-${newId()}`, hold, used, ...more };
}

/** How long takers wait at a broker that is stopped. */
const WAIT_MS = 8000;

interface Entry {
  readonly kind: string;
  readonly at: number;
  readonly bucket?: string;
  readonly hold: string;
  readonly agent: string;
  readonly amounts: Amounts;
  /** Of a return. */
  readonly used?: Amounts;
}

async function journal(): Promise<Entry[]> {
  const raw = await market.redis.xrange(`{${market.market}}:journal`, '-', '+');
  return raw.map(([, fields]) => JSON.parse(fields[1]!) as Entry);
}

async function takesOf(id: string): Promise<Entry[]> {
  return (await journal()).filter((entry) => entry.kind === 'take' && entry.bucket === id);
}

async function balanceOf(agent: WireClient): Promise<{ availableMicro: string; pendingMicro: string }> {
  const { availableMicro, pendingMicro } = await agent.done('account', {});
  return { availableMicro, pendingMicro };
}

/** At how many brokers somebody waits for tokens. */
async function waitedAt(): Promise<number> {
  return (await brokers.of('tender_tokens_waiting')).filter((waiting) => waiting > 0).length;
}

async function levelOf(id: string): Promise<number> {
  const view = await market.operator.ask('bucket', { bucket: id });
  return view.body.limits[0].level;
}

/**
 * Whether in no stretch of time more was taken, less what came back, than the bucket holds at once and flows in
 * meanwhile: worked out from the journal alone.
 */
async function keepsTo(id: string, capacity: number, perSecond: number): Promise<boolean> {
  const takes = new Map((await takesOf(id)).map((entry) => [entry.hold, entry.amounts.requests!]));
  const moves = (await journal()).flatMap(({ kind, at, hold, used }) => {
    const taken = kind === 'take' || kind === 'return' ? takes.get(hold) : undefined;
    return taken === undefined ? [] : [{ at, amount: kind === 'take' ? taken : used!.requests! - taken }];
  });
  return moves.every((first, from) => {
    let sum = 0;
    return moves.slice(from).every(({ at, amount }) => {
      sum += amount;
      return sum <= capacity + ((at - first.at) * perSecond) / 1000 + 1e-9;
    });
  });
}

describe('one hold', () => {
  test('is taken, told again, given back once, and paid by what was used', async () => {
    const agent = await market.agent('taker', 1);
    const id = await bucket('api.one', [{ name: 'requests', capacity: 10, refillPerSecond: 0.001, priceMicro: '7' }]);
    const body = takeOf(id, { requests: 4 });
    const held = await agent.done('tokens', body);
    expect(held).toMatchObject({ hold: body.hold, bucket: id, amounts: { requests: 4 }, amountMicro: '28' });
    expect(held.unitsMicro).toEqual({ requests: '7' });
    // How long it would have waited is no part of what it asked for.
    expect(await agent.done('tokens', { ...body, waitMs: 500 })).toEqual(held);
    expect((await agent.ask('tokens', { ...body, amounts: { requests: 5 } })).body.detail).toBe('duplicate');
    expect(await levelOf(id)).toBe(6);
    const back = returnOf(held.hold, { requests: 1 });
    const returned = await agent.done('return', back);
    expect(returned).toEqual({ hold: held.hold, returned: { requests: 3 }, paidMicro: '7', refundedMicro: '21' });
    expect(await agent.done('return', back)).toEqual(returned);
    expect((await agent.ask('return', returnOf(held.hold, { requests: 0 }))).body.detail).toBe('expired');
    expect(await balanceOf(agent)).toEqual({ availableMicro: '999993', pendingMicro: '0' });
    expect(await levelOf(id)).toBe(9);
    // Who never heard that it was given must not work under it now.
    expect(await agent.done('tokens', body)).toEqual({ ...held, ended: 'settled' });
    expect(await takesOf(id)).toHaveLength(1);
  });

  test('that nobody gives back is paid in full when its time is over', async () => {
    const agent = await market.agent('sleeper', 1);
    const id = await bucket('api.sleep', [{ name: 'requests', capacity: 10, refillPerSecond: 0.001 }]);
    const held = await agent.done('tokens', takeOf(id, { requests: 3 }, { ttlMs: 50 }));
    await until('the sweeper has found the hold', async () => (await balanceOf(agent)).pendingMicro === '0');
    expect(await balanceOf(agent)).toEqual({ availableMicro: '999997', pendingMicro: '0' });
    expect((await agent.ask('return', returnOf(held.hold, {}))).body.detail).toBe('expired');
    expect(await levelOf(id)).toBe(7);
  });

  test('that is waited for is asked for twice and given once', async () => {
    const [holder, agent] = [await market.agent('holder'), await market.agent('waiter')];
    const id = await bucket('api.twice', [{ name: 'requests', capacity: 5, refillPerSecond: 0.001 }]);
    const all = await holder.done('tokens', takeOf(id, { requests: 5 }));
    const body = takeOf(id, { requests: 5 }, { waitMs: 5000 });
    const asked = Array.from({ length: 6 }, () => agent.once('tokens', body, 9000));
    await agent.nats.flush();
    await until('it waits', async () => (await waitedAt()) > 0);
    await holder.done('return', returnOf(all.hold, { requests: 0 }));
    const answers = (await Promise.all(asked)).map((reply) => reply!.body);
    expect(answers[0]).toMatchObject({ hold: body.hold, amounts: { requests: 5 } });
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect((await takesOf(id)).filter(({ agent: by }) => by === 'waiter')).toHaveLength(1);
  });

  test('that nobody waits for any more is forgotten by every broker', async () => {
    const [holder, agent] = [await market.agent('first'), await market.agent('second')];
    const id = await bucket('api.forgotten', [{ name: 'requests', capacity: 5, refillPerSecond: 0.001 }]);
    await holder.done('tokens', takeOf(id, { requests: 5 }));
    const body = takeOf(id, { requests: 5 }, { waitMs: 8000 });
    const asked: Promise<Reply | undefined>[] = [];
    await until('each of the two brokers has it', async () => {
      asked.push(agent.once('tokens', body, 9000));
      return (await waitedAt()) === 2;
    });
    const started = performance.now();
    expect((await agent.once('return', returnOf(String(body.hold), { requests: 0 })))?.body.detail).toBe('unknown');
    for (const reply of await Promise.all(asked)) expect(reply!.body.detail).toBe('token-limit');
    expect(performance.now() - started).toBeLessThan(6000);
  });

  test('an answer comes before the time that the asker gives it, whatever it would wait', async () => {
    const agent = await market.agent('brief');
    const id = await bucket('api.brief', [{ name: 'requests', capacity: 5, refillPerSecond: 0.001 }]);
    await agent.done('tokens', takeOf(id, { requests: 5 }));
    const subject = subjects.bank(market.market, 'brief', 'tokens');
    for (const skew of [0, -3_600_000, 3_600_000]) {
      // Never early; and in time, once the machine does not stall for the tenth of a second that an answer has.
      await until(`an answer in time, by a clock that is ${skew} ms ahead`, async () => {
        const sentAt = Date.now() + skew;
        const envelope = agent.envelope(takeOf(id, { requests: 1 }, { waitMs: 60_000 }));
        const started = performance.now();
        const payload = encode({ ...envelope, sentAt, replyBy: sentAt + 1000 });
        const reply = await agent.raw(subject, payload);
        expect(reply?.body).toMatchObject({ status: 429, detail: 'token-limit', final: false });
        expect(performance.now() - started).toBeGreaterThan(700);
        return performance.now() - started < 1000;
      });
    }
  });
});

test('credits, budgets and hosts are looked at when tokens are taken', async () => {
  const id = await bucket('api.checked', [{ name: 'requests', capacity: 100, refillPerSecond: 0.001 }]);
  const poor = await market.agent('poor', 0);
  const [guest, host] = [await market.agent('guest-1', 1, { host: 'host-1' }), 'host-1'];
  const budget = { id: 'tiny', window: 'minute', amountMicro: '5' };
  await market.order('budget', { budget });
  const capped = await market.agent('capped', 1, { budget: 'tiny' });
  const refusals: [string, Reply][] = [
    ['insufficient-credits', await poor.ask('tokens', takeOf(id, { requests: 1 }))],
    ['over-budget', await capped.ask('tokens', takeOf(id, { requests: 6 }, { maxPriceMicro: '6' }))],
    ['not-permitted', await poor.ask('tokens', takeOf(id, { requests: 1 }, { agent: 'guest-1' }))],
    ['unknown', await poor.ask('tokens', takeOf('api.nothing', { requests: 1 }))],
    ['unknown', await poor.ask('tokens', takeOf(id, { requests: 1 }, { agent: 'nobody' }))],
    ['malformed', await poor.ask('tokens', takeOf(id, { words: 1 }))],
    ['no-capacity', await guest.ask('tokens', takeOf(id, { requests: 101 }))],
    ['malformed', await guest.ask('tokens', takeOf(id, { requests: 1 }, { ttlMs: 3_600_000 }))],
    ['below-reserve-price', await guest.ask('tokens', takeOf(id, { requests: 2 }, { maxPriceMicro: '1' }))],
  ];
  expect(refusals.map(([, { body }]) => body.detail)).toEqual(refusals.map(([detail]) => detail));
  const over = refusals[1]![1].body;
  expect(over).toMatchObject({ status: 456 });
  expect(over.retryAt % 60_000).toBe(0);
  expect(over.retryAfterMs).toBeLessThanOrEqual(60_000);
  await capped.done('tokens', takeOf(id, { requests: 5 }, { maxPriceMicro: '5' }));
  const speaker = await WireClient.connect(market.stack.natsUrl, market.market, host);
  const held = await speaker.done('tokens', takeOf(id, { requests: 1 }, { agent: 'guest-1' }));
  await speaker.done('return', { ...returnOf(held.hold, { requests: 0 }), agent: 'guest-1' });
  await speaker.close();
});

test('two brokers together never give more than the bucket has, and tell what they gave', async () => {
  const [capacity, perSecond, agents] = [40, 200, 24];
  const id = await bucket('api.rush', [{ name: 'requests', capacity, refillPerSecond: perSecond }]);
  const told: Entry[] = [];
  const listener = await WireClient.connect(market.stack.natsUrl, market.market, 'listener');
  listener.nats.subscribe(subjects.event(market.market, 'tokens', id), {
    callback: (_error, msg) => told.push(...msg.json<{ facts: Entry[] }>().facts),
  });
  await listener.nats.flush();
  const takers = await Promise.all(Array.from({ length: agents }, (_, n) => market.agent(`rush-${n}`, 1)));
  const end = Date.now() + 3000;
  let given = 0;
  await Promise.all(
    takers.map(async (agent, n) => {
      for (let turn = 0; Date.now() < end; turn += 1) {
        const requests = 1 + ((n + turn) % 5);
        const reply = await agent.ask('tokens', takeOf(id, { requests }, { waitMs: 2000 }));
        if (reply.performative !== 'inform') {
          expect(reply.body.detail).toBe('token-limit');
          continue;
        }
        given += requests;
        // Some give a part back: then others may have it.
        if (turn % 4 === 0) await agent.done('return', returnOf(reply.body.hold, { requests: requests - 1 }));
      }
    }),
  );
  const entries = await takesOf(id);
  expect(entries.reduce((sum, { amounts }) => sum + amounts.requests!, 0)).toBe(given);
  expect(await keepsTo(id, capacity, perSecond)).toBe(true);
  expect(given).toBeGreaterThan(perSecond * 2);
  await until('all events are there', () => told.length >= entries.length);
  expect(told.map(({ hold }) => hold).sort()).toEqual(entries.map(({ hold }) => hold).sort());
  await listener.close();
});

test('brokers that are stopped and killed lose nobody who waits, and give nothing twice', {
  timeout: 60_000,
}, async () => {
  const doomed = [await market.broker(), await market.broker()];
  const id = await bucket('api.kills', [{ name: 'requests', capacity: 10, refillPerSecond: 100 }]);
  const takers = await Promise.all(Array.from({ length: 30 }, (_, n) => market.agent(`kill-${n}`, 1)));
  const end = Date.now() + 6000;
  const holds: string[] = [];
  const loops = takers.map(async (agent) => {
    while (Date.now() < end) {
      // Asked until it is answered, under the same hold: `ask` goes to whoever is there.
      const body = takeOf(id, { requests: 2 }, { waitMs: WAIT_MS });
      const reply = await agent.ask('tokens', body);
      if (reply.performative === 'inform') holds.push(reply.body.hold);
      else expect(reply.body.detail).toBe('token-limit');
    }
  });
  for (const signal of ['SIGKILL', 'SIGTERM', 'SIGKILL', 'SIGTERM'] as const) {
    await new Promise((resume) => setTimeout(resume, 1000));
    const started = performance.now();
    await doomed.shift()!.kill(signal);
    // Whoever waits there is told to ask another at once: a drained broker keeps nobody for all of the time.
    if (signal === 'SIGTERM') expect(performance.now() - started).toBeLessThan(WAIT_MS - 1000);
    doomed.push(await market.broker());
  }
  await Promise.all(loops);
  const entries = await takesOf(id);
  const taken = entries.map(({ hold }) => hold);
  expect(new Set(taken).size).toBe(taken.length);
  expect(taken).toEqual(expect.arrayContaining(holds));
  // Who asked until it was answered knows of everything that was given.
  expect(holds.sort()).toEqual(taken.sort());
  expect(await keepsTo(id, 10, 100)).toBe(true);
  expect(holds.length).toBeGreaterThan(100);
});

test('what was done agrees with the journal, and no rule was broken', async () => {
  expect(await market.breaches()).toEqual([]);
});
