// Agents behind one host that deal with each other: over the wire, each in its own name, nobody in its neighbour's.
import { encode, publicNkeyOf, rejection } from '@tender/market';
import { connectNats, newUlid } from '@tender/market/nats';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { MarketAgent } from '../src/agent.js';
import { callOf } from '../src/first-call.js';
import { type Agent, createSeed, type Host, type ProvideOptions } from '../src/index.js';
import { openLink } from '../src/link.js';
import { Listener } from '../src/listener.js';
import { Switchboard } from '../src/switchboard.js';
import { frameOf, issuesOf } from '../src/task-order.js';
import { Voice } from '../src/voice.js';
import { CREDIT, hiredBy, PATIENT, type SdkMarket, sdkMarket, wiretap } from './support.js';
import { order, provide as provideAs } from './task-support.js';

let m: SdkMarket;
let host: Host;
let ann: Agent;
let bob: Agent;
let cal: Agent;

beforeAll(async () => {
  m = await sdkMarket({ name: 'sdk-neighbours' });
  host = await m.sdkHost('house');
  [ann, bob, cal] = await Promise.all([m.hosted(host, 'ann'), m.hosted(host, 'bob'), m.hosted(host, 'cal')]);
});
afterAll(() => m.stop());

const provide = (agent: Agent, resource: string, more: Partial<ProvideOptions> = {}) =>
  provideAs(agent, resource, { run: () => ({ by: agent.id }), ...more });

test.each(['monotonic-concession', 'alternating-offers'] as const)(
  'they haggle over the wire: %s',
  async (protocol) => {
    const resource = `cpu.${protocol}`;
    const tap = await wiretap(m);
    await provide(bob, resource, {
      appraise: () => ({ ok: true, costMicro: CREDIT, wishMicro: 3 * CREDIT }),
      theirLimitMicro: () => 3 * CREDIT,
      run: (_task, bench) => {
        bench.progress({ percent: 50 });
        return { by: 'bob' };
      },
    });
    const outcome = await ann.negotiate('bob', {
      ...PATIENT,
      task: { resource },
      ask: { priceMicro: CREDIT / 2 },
      ...{ protocol, limitMicro: 3 * CREDIT, theirLimitMicro: CREDIT },
      ...(protocol === 'alternating-offers' && { discountPermille: { buyer: 900, provider: 900 } }),
    });
    const [task] = hiredBy(outcome);
    const heard: unknown[] = [];
    task!.on('progress', (progress) => heard.push(progress));
    expect(task!.view).toMatchObject({ provider: 'bob', frame: { buyer: 'ann' } });
    expect(await task!.receipt).toMatchObject({ ok: true, receipt: { outputs: { by: 'bob' } } });
    expect(await task!.settled).toMatchObject({ outcome: 'done' });
    expect(heard).toEqual([{ percent: 50 }]);
    expect(new Set(outcome.trail.map(({ by }) => by))).toEqual(new Set(['ann', 'bob']));
    const words = () => tap.heard.filter(({ subject }) => subject === `tender.${m.market}.talk.house.house`);
    await expect.poll(() => words().map(({ message }) => message.performative)).toContain('task-done');
    tap.stop();
    const said = words().map(({ message }) => message.performative);
    expect(said).toEqual(expect.arrayContaining(['propose', 'inform', 'task-start', 'task-progress', 'task-done']));
    for (const { message, headers } of words()) expect(headers['Tender-Conversation']).toBe(message.conversation);
  },
);

test('one hires among its neighbours and strangers: each hears what is meant for it, the loser too', async () => {
  const wish = (wishMicro: number) => ({ appraise: () => ({ ok: true as const, costMicro: CREDIT, wishMicro }) });
  const lost: string[] = [];
  const onLost = (id: string) => ({ onLost: () => void lost.push(id) });
  const dan = await m.sdkAgent('dan');
  // Not the buyer itself, though it provides the same.
  await provide(ann, 'cpu.mixed', { ...wish(1000), ...onLost('ann') });
  await provide(bob, 'cpu.mixed', { ...wish(CREDIT), ...onLost('bob') });
  await provide(cal, 'cpu.mixed', { ...wish(1.2 * CREDIT), ...onLost('cal') });
  await provide(dan, 'cpu.mixed', { ...wish(1.5 * CREDIT), ...onLost('dan') });
  const [task] = hiredBy(await ann.hire(order('cpu.mixed', { closeAfterAnswers: 3 })));
  expect(await task!.receipt).toMatchObject({ receipt: { outputs: { by: 'bob' } } });
  await expect.poll(() => lost.sort()).toEqual(['cal', 'dan']);
});

test('what a neighbour turns down goes to the runner-up behind the same host', async () => {
  const wish = (wishMicro: number) => ({ appraise: () => ({ ok: true as const, costMicro: CREDIT, wishMicro }) });
  await provide(bob, 'cpu.down', { ...wish(CREDIT), refuseWork: () => 'the disk is full' });
  await provide(cal, 'cpu.down', wish(1.5 * CREDIT));
  const [task] = hiredBy(await ann.hire(order('cpu.down', { closeAfterAnswers: 2 })));
  expect(await task!.receipt).toMatchObject({ ok: true, receipt: { outputs: { by: 'cal' } } });
  expect(await task!.settled).toMatchObject({ attempt: 2, provider: 'cal' });
});

test('who leaves a neighbour in the lurch pays for it: the host speaks for both, and says for whom', async () => {
  await provide(bob, 'cpu.left', {
    run: (_task, bench) => {
      bench.decommit();
      return new Promise(() => undefined);
    },
  });
  const [task] = hiredBy(
    await ann.hire(order('cpu.left', { conditions: { bondMicro: '1000', penaltyPermille: 500 } })),
  );
  expect(await task!.settled).toMatchObject({ outcome: 'decommitted', paidMicro: '0', bondTo: 'buyer' });
});

describe('nobody poses as its neighbour', () => {
  /** A host of three, put together by hand: what it says on its connection, and in whose name, is the test's. */
  async function flat(id: string) {
    const nats = await connectNats({ servers: m.stack.natsUrl, sender: id });
    const link = await openLink({ market: m.market, id, nats });
    const switchboard = new Switchboard(link);
    const listener = new Listener(switchboard);
    const agents = ['eve', 'fay', 'gus'].map((name) => `${name}-${id}`);
    const [eve, fay, gus] = await Promise.all(
      agents.map(async (name) => {
        const seed = createSeed();
        await m.order('account', { account: { id: name, kind: 'agent', nkey: publicNkeyOf(seed), host: id } });
        await m.order('grant', { to: name, amountMicro: String(100 * CREDIT) });
        switchboard.agents.add(name);
        const agent = new MarketAgent({ id: name, seed }, { switchboard, listener, onClose: async () => undefined });
        await agent.sealer.login();
        return agent;
      }),
    );
    onTestFinished(async () => {
      await Promise.all([eve!.close(), fay!.close(), gus!.close()]);
      switchboard.close();
      await link.close();
      await nats.close();
    });
    /** As it would look if the host's connection were used past the SDK. */
    const forge = (conversation: string, performative: string, body: object) =>
      nats.publish(
        `tender.${m.market}.talk.${id}.${id}`,
        encode({ v: 1, id: newUlid(), conversation, sender: id, sentAt: Date.now(), performative, body }),
      );
    const voiceOf = (agent: Agent, conversation: string) =>
      new Voice({ id: agent.id, link }, conversation, 'cpu.posed');
    const refused = () => link.counts.ignored['not-permitted'] ?? 0;
    return { link, eve: eve!, fay: fay!, gus: gus!, forge, voiceOf, refused };
  }

  const cancel = { kind: 'task', detail: 'expired' } as const;
  const reject = rejection(1, 'denied', 'no', { final: true });

  test('in the middle of a negotiation, on either side', async () => {
    const { link, eve, fay, gus, forge, voiceOf, refused } = await flat('flat-a');
    await provide(fay, 'cpu.posed');
    const before = refused();
    let said = before;
    const outcome = await eve.negotiate(fay.id, {
      ...{ ...PATIENT, task: { resource: 'cpu.posed' }, ask: { priceMicro: CREDIT / 2 }, limitMicro: 2 * CREDIT },
      decide: async (turn) => {
        const { conversation } = turn.context.frame;
        voiceOf(gus, conversation).tell(link.sender, 'cancel', cancel);
        voiceOf(gus, conversation).tell(link.sender, 'reject-proposal', reject);
        forge(conversation, 'cancel', cancel);
        forge(conversation, 'reject-proposal', reject);
        said += 4;
        await expect.poll(refused).toBe(said);
        return { kind: 'accept' };
      },
    });
    const [task] = hiredBy(outcome);
    const receipt = { outcome: 'done', startedAt: 1, endedAt: 2, outputs: { forged: true }, used: {}, warnings: [] };
    forge(task!.view.frame.conversation, 'task-done', { contract: task!.contract, receipt });
    expect(await task!.receipt).toMatchObject({ ok: true, receipt: { outputs: { by: fay.id } } });
  });

  test('an opening, or a call, in the name of another', async () => {
    const { link, eve, fay, gus, forge, voiceOf, refused } = await flat('flat-b');
    await provide(fay, 'cpu.posed', {
      appraise: () => {
        throw new Error('nobody asked');
      },
    });
    const now = Date.now();
    const issues = issuesOf({ priceMicro: CREDIT }, now);
    const frame = frameOf({ task: { resource: 'cpu.posed' }, ask: issues }, { market: m.market, buyer: eve.id });
    const bounds = { priceMicro: { min: '1', max: String(9 * CREDIT) } };
    const protocol = {
      ...({ kind: 'monotonic-concession', mode: 'fast', maxRounds: 4, roundMs: 2000 } as const),
      ...{ endsAt: now + 20_000, minImprovementPermille: 0 },
    };
    const opening = { kind: 'opening', frame, provider: fay.id, round: 1, issues, bounds, protocol } as const;
    const call = callOf({ task: { resource: 'cpu.posed' }, ask: issues }, eve.id, m.market, now);
    const before = refused();
    forge(frame.conversation, 'propose', opening);
    voiceOf(gus, frame.conversation).tell(link.sender, 'propose', opening);
    voiceOf(gus, call.frame.conversation).announce(call);
    await expect.poll(refused).toBeGreaterThanOrEqual(before + 3);
    expect(link.counts.callbackErrors).toBe(0);
  });
});
