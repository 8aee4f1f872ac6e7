// What is said to a provider out of order, to nobody, twice, by a stranger or after the end; and bytes that are no words.
import { encode, type Issues, subjects } from '@tender/market';
import { newId, newUlid } from '@tender/market/nats';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type DealDraft, dealOf } from '../../../test/task-client.js';
import type { WireClient } from '../../../test/wire-client.js';
import type { Agent } from '../src/index.js';
import { CREDIT, hiredBy, putForward, type SdkMarket, sdkMarket, standStill } from './support.js';

type Heard = { performative: string; conversation: string; body: { detail?: string; status?: number } };

let m: SdkMarket;
let ann: Agent;
let rob: WireClient;
let mallory: WireClient;
const heard: Heard[] = [];
const tapped: Heard[] = [];

beforeAll(async () => {
  m = await sdkMarket({ name: 'sdk-talk' });
  ann = await m.sdkAgent('ann');
  [rob, mallory] = await Promise.all([m.agent('rob'), m.agent('mallory')]);
  for (const [client, list] of [
    [rob, heard],
    [mallory, tapped],
  ] as const) {
    client.nats.subscribe(subjects.talks(m.market, client.id), {
      callback: (_error, msg) => list.push(JSON.parse(new TextDecoder().decode(msg.data))),
    });
    await client.nats.flush();
  }
  await ann.provide('gpu.h100', {
    appraise: () => ({ ok: true, costMicro: CREDIT, wishMicro: 5 * CREDIT }),
    run: () => ({ done: true }),
  }).ready;
});
afterAll(() => m.stop());
beforeEach(() => {
  heard.length = 0;
  tapped.length = 0;
});

interface Said {
  readonly id?: string;
  readonly from?: WireClient;
  readonly conversation?: string;
}

/** Rob's messages to ann, made by hand. */
function say(deal: DealDraft, performative: string, body: unknown, said: Said = {}): string {
  const { id = newUlid(), from = rob, conversation = deal.frame.conversation } = said;
  const head = { v: 1, id, conversation, sender: from.id, sentAt: Date.now() };
  from.nats.publish(subjects.talk(m.market, 'ann', from.id), encode({ ...head, performative, body }));
  return id;
}

const bounds = { priceMicro: { min: '1', max: String(9 * CREDIT) } };

function opening(deal: DealDraft, more: object = {}) {
  const protocol = {
    ...{ kind: 'monotonic-concession', mode: 'fast', maxRounds: 8, roundMs: 120_000, endsAt: Date.now() + 300_000 },
    minImprovementPermille: 0,
  };
  const move = { kind: 'opening', round: 1, issues: deal.ask, frame: deal.frame, provider: 'ann', bounds, protocol };
  return { ...move, ...more };
}

const at = (issues: Issues, micro: number): Issues => ({ ...issues, priceMicro: String(micro) });
const counter = (deal: DealDraft, round: number, micro: number) => ({
  ...{ kind: 'counter', round },
  issues: at(deal.ask, micro),
});
const answers = () => heard.map(({ performative, body }) => [performative, body.detail]);
const reject = { kind: 'reject', round: 1, status: 463, reason: 'policy-refused', detail: 'outbid', message: 'no' };

/** Opens, and waits for ann's first counter-proposal. */
async function opened(): Promise<DealDraft> {
  const deal = dealOf(rob, {}, { priceMicro: String(CREDIT / 2) });
  say(deal, 'propose', opening(deal));
  await expect.poll(() => heard.map(({ performative }) => performative)).toEqual(['counter-propose']);
  heard.length = 0;
  return deal;
}

const cases: [string, (deal: DealDraft) => void, (string | undefined)[][], string][] = [
  [
    'a proposal that was made before',
    (deal) => say(deal, 'counter-propose', counter(deal, 1, CREDIT)),
    [['failure', 'stale']],
    '',
  ],
  [
    'a proposal of a round that is not yet',
    (deal) => say(deal, 'counter-propose', counter(deal, 4, CREDIT)),
    [['failure', 'malformed']],
    '',
  ],
  [
    'a step back from what was proposed',
    (deal) => say(deal, 'counter-propose', counter(deal, 2, CREDIT / 4)),
    [['failure', 'no-improvement']],
    '',
  ],
  [
    'a price beyond the bounds',
    (deal) => say(deal, 'counter-propose', counter(deal, 2, 20 * CREDIT)),
    [['failure', 'over-budget']],
    '',
  ],
  [
    'an accept of what was never proposed',
    (deal) => say(deal, 'accept-proposal', { kind: 'accept', round: 1, issues: deal.ask }),
    [['failure', 'malformed']],
    '',
  ],
  ['a second opening', (deal) => say(deal, 'propose', opening(deal)), [['failure', 'duplicate']], ''],
  [
    'a failure',
    (deal) => say(deal, 'failure', { kind: 'task', status: 410, detail: 'late', message: '' }),
    [],
    'not-your-turn',
  ],
  [
    'a start of work that nobody engaged',
    (deal) => say(deal, 'task-start', { contract: `${deal.frame.conversation}-t1`, inputs: {} }),
    [],
    '',
  ],
  [
    'words of a stranger',
    (deal) => say(deal, 'counter-propose', counter(deal, 2, CREDIT), { from: mallory }),
    [],
    'not-permitted',
  ],
  [
    'for another conversation',
    (deal) => say(deal, 'counter-propose', counter(deal, 2, CREDIT), { conversation: newId() }),
    [['failure', 'unknown']],
    'unknown',
  ],
];

test.each(cases)('out of order: %s', async (_name, speak, expected, counted) => {
  // Strangers to a conversation are answered once a second.
  if (counted === 'unknown') putForward(1000);
  const deal = await opened();
  const before = { ...ann.counts.ignored };
  speak(deal);
  await rob.nats.flush();
  await expect.poll(answers).toEqual(expected);
  if (counted !== '') {
    const key = counted as 'unknown';
    await expect.poll(() => (ann.counts.ignored[key] ?? 0) - (before[key] ?? 0)).toBe(1);
  }
  expect(tapped).toEqual([]);
  // Whatever it was, the negotiation goes on where it was.
  heard.length = 0;
  say(deal, 'counter-propose', counter(deal, 2, 5 * CREDIT));
  await expect.poll(() => heard.at(-1)?.performative).toBe('accept-proposal');
});

test('a fourth proposal after three rejections is refused', async () => {
  const no = { status: 463, reason: 'policy-refused', detail: 'below-reserve-price', message: 'more' } as const;
  await ann.provide('gpu.stubborn', {
    ...{ appraise: () => ({ ok: true, costMicro: CREDIT }), run: () => ({}) },
    decide: () => ({ kind: 'reject', move: { kind: 'reject', ...no, final: false } }),
  }).ready;
  const plain = dealOf(rob);
  const deal = dealOf(rob, { task: { ...plain.frame.task, resource: 'gpu.stubborn' } }, { priceMicro: '1000' });
  say(deal, 'propose', opening(deal));
  for (let round = 2; round <= 4; round++) {
    await expect.poll(() => heard.length).toBe(round - 1);
    say(deal, 'counter-propose', counter(deal, round, round * 1000));
  }
  const rejected = ['reject-proposal', 'below-reserve-price'];
  await expect.poll(answers).toEqual([rejected, rejected, rejected, ['failure', 'round-limit']]);
});

test('what is unknown is answered once a second, and failures never', async () => {
  // Later than any answer of the tests before, and all in one moment.
  putForward(5000);
  standStill();
  const deal = dealOf(rob);
  for (let n = 0; n < 20; n++) say(deal, 'counter-propose', counter(deal, 1, CREDIT));
  for (const word of ['reject-proposal', 'refuse']) say(deal, word, { ...reject, final: true });
  say(deal, 'failure', { kind: 'task', status: 404, detail: 'unknown', message: '' });
  say(deal, 'propose', opening(deal, { provider: 'zoe' }));
  await rob.nats.flush();
  await expect.poll(() => ann.counts.ignored.unknown).toBeGreaterThan(23);
  // A second later the next one is answered, and by then so were all before it.
  putForward(1000);
  say(deal, 'counter-propose', counter(deal, 1, CREDIT));
  const once = ['failure', 'unknown'];
  await expect.poll(answers).toEqual([once, once]);
});

test('a message that comes twice counts once', async () => {
  const deal = await opened();
  const before = ann.counts.ignored.duplicate ?? 0;
  const id = say(deal, 'counter-propose', counter(deal, 2, CREDIT));
  for (let n = 0; n < 3; n++) say(deal, 'counter-propose', counter(deal, 2, CREDIT), { id });
  await expect.poll(() => ann.counts.ignored.duplicate).toBe(before + 3);
  await expect.poll(() => heard.map(({ performative }) => performative)).toEqual(['counter-propose']);
});

test('after the end: expired, whatever is said, but for what is never answered', async () => {
  const deal = await opened();
  const offered = ann.counts.ignored.expired ?? 0;
  say(deal, 'cancel', { kind: 'task', detail: 'over-budget' });
  say(deal, 'counter-propose', counter(deal, 2, CREDIT));
  say(deal, 'reject-proposal', { ...reject, final: false });
  say(deal, 'accept-proposal', { kind: 'accept', round: 1, issues: deal.ask });
  await rob.nats.flush();
  await expect.poll(() => answers().filter(([word]) => word === 'failure').length).toBe(2);
  expect(answers()).toEqual([
    ['failure', 'expired'],
    ['failure', 'expired'],
  ]);
  expect(heard[0]!.body.status).toBe(410);
  expect(ann.counts.ignored.expired ?? 0).toBeGreaterThanOrEqual(offered);
});

test('an offer for a call that is over: late', async () => {
  const buyer = await m.sdkAgent('early');
  const outcome = await buyer.hire({
    ...{ task: { resource: 'gpu.nobody' }, ask: { priceMicro: CREDIT }, windowMs: 20 },
  });
  expect(outcome).toMatchObject({ ok: false, detail: 'no-capacity' });
  const head = { v: 1, id: newUlid(), conversation: outcome.conversation, sender: 'rob', sentAt: Date.now() };
  const body = { kind: 'task', detail: 'expired' };
  const subject = subjects.bid(m.market, 'early', outcome.conversation, 'rob');
  rob.nats.publish(subject, encode({ ...head, performative: 'withdraw', body }));
  await expect.poll(answers).toEqual([['failure', 'late']]);
});

test.each([
  ['that ended before it began', { protocol: { endsAt: -1000 } }, 'late'],
  ['that lasts for days', { protocol: { endsAt: 48 * 3_600_000 } }, 'deadline-infeasible'],
  ['of another conversation', { frame: { conversation: 'another' } }, 'malformed'],
])('an opening %s is refused', async (_name, { protocol, frame }: { protocol?: object; frame?: object }, detail) => {
  const deal = dealOf(rob);
  const plain = opening(deal);
  const ends = (protocol as { endsAt?: number } | undefined)?.endsAt;
  say(deal, 'propose', {
    ...plain,
    frame: { ...plain.frame, ...frame },
    protocol: { ...plain.protocol, ...(ends === undefined ? {} : { endsAt: Date.now() + ends }) },
  });
  await expect.poll(answers).toEqual([['refuse', detail]]);
});

test('arbitrary bytes and JSON about tasks on every subject: agents live on and trade', async () => {
  const deal = await opened();
  const buyer = await m.sdkAgent('buyer');
  const seen: unknown[] = [
    { performative: 'propose', body: opening(deal) },
    { performative: 'counter-propose', body: counter(deal, 2, CREDIT) },
    { performative: 'reject-proposal', body: reject },
    { performative: 'task-start', body: { contract: 'c-t1', inputs: {} } },
    { performative: 'task-progress', body: { contract: 'c-t1', progress: { percent: 4 } } },
    { performative: 'escalate', body: { frame: deal.frame, rejections: 3, message: 'help' } },
    { performative: 'cfp', body: { direction: 'buy', frame: deal.frame } },
  ].map((one) => ({
    ...one,
    v: 1,
    id: newUlid(),
    conversation: deal.frame.conversation,
    sender: 'mallory',
    sentAt: 1,
  }));
  const targets = [
    subjects.talk(m.market, 'ann', 'mallory'),
    subjects.talk(m.market, 'buyer', 'mallory'),
    subjects.cfp(m.market, 'gpu.h100', 'mallory'),
    subjects.bid(m.market, 'buyer', deal.frame.conversation, 'mallory'),
  ];
  const noise = fc.oneof(
    fc.json().map((text) => new TextEncoder().encode(text)),
    fc
      .tuple(
        fc.constantFrom(...seen),
        fc.constantFrom('body', 'sender', 'id', 'v', 'conversation', 'performative'),
        fc.jsonValue(),
      )
      .map(([message, field, value]) => encode({ ...(message as object), [field]: value })),
    fc
      .tuple(fc.constantFrom(...seen), fc.string(), fc.jsonValue())
      .map(([message, field, value]) =>
        encode({ ...(message as object), body: { ...(message as { body: object }).body, [field]: value } }),
      ),
  );
  fc.assert(
    fc.property(fc.constantFrom(...targets), noise, (subject, payload) => {
      mallory.nats.publish(subject, payload);
    }),
    { numRuns: 2000 },
  );
  await mallory.nats.flush();
  const hired = await buyer.hire({
    ...{ task: { resource: 'gpu.h100' }, ask: { priceMicro: 6 * CREDIT } },
    ...{ windowMs: 20_000, closeAfterAnswers: 1 },
  });
  expect(await hiredBy(hired)[0]!.receipt).toMatchObject({ ok: true });
  expect(ann.counts.malformed).toBeGreaterThan(100);
  say(deal, 'counter-propose', counter(deal, 2, 5 * CREDIT));
  await expect.poll(() => heard.at(-1)?.performative).toBe('accept-proposal');
});

test('one that opens thousands of negotiations is refused more, and others are heard', async () => {
  const deals = Array.from({ length: 2001 }, () => dealOf(mallory, {}, { priceMicro: String(CREDIT / 2) }));
  for (const deal of deals) say(deal, 'propose', opening(deal), { from: mallory });
  const refused = () => tapped.filter(({ body }) => body.detail === 'no-capacity');
  await expect.poll(() => refused().map(({ performative }) => performative), { timeout: 30_000 }).toEqual(['refuse']);
  await opened();
});
