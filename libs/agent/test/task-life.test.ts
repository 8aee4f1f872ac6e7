// A contract from its start to its settlement: slots behind it, runners-up, progress, time, silence, disputes.
import { encode } from '@tender/market';
import { connectNats, newUlid } from '@tender/market/nats';
import type { NatsConnection } from 'nats';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Agent, connectAgent, createSeed } from '../src/index.js';
import { CREDIT, hiredBy, offer, PATIENT, putForward, type SdkMarket, sdkMarket, sleep } from './support.js';
import { order, provide } from './task-support.js';

let m: SdkMarket;
let buyer: Agent;
let ann: Agent;
let ben: Agent;

beforeAll(async () => {
  m = await sdkMarket({ name: 'sdk-life' });
  [buyer, ann, ben] = await Promise.all([m.sdkAgent('buyer'), m.sdkAgent('ann'), m.sdkAgent('ben')]);
});
afterAll(() => m.stop());

/** Whether so many slots of a pool can be sold now. */
async function canSell(seller: Agent, pool: string, units: number): Promise<boolean> {
  return (await seller.call(offer(pool, { units, windowMs: 1 }))).ok;
}

test('slots stay locked behind an offer as long as it is talked about, work under the contract, and come back', async () => {
  const sam = await m.sdkAgent('sam');
  await m.pool('gpu.held', 'sam', 2);
  const seen: (readonly number[])[] = [];
  const ttlMs = 20_000;
  await provide(sam, 'gpu.held', {
    hold: { pool: 'gpu.held', ttlMs },
    run: (_task, { slots, fences }) => {
      seen.push(slots, fences);
      return {};
    },
  });
  const asked = { ...PATIENT, task: { resource: 'gpu.held' }, ask: { priceMicro: CREDIT / 2 }, limitMicro: 2 * CREDIT };
  const lockLeftMs = async () => {
    const [lock] = await m.redis.keys(`{${m.market}}:lock:gpu.held:*`);
    return m.redis.pttl(lock!);
  };
  // By this machine's clock the lock nears its end all the time, and is moved on; by the bank's it has all of it.
  putForward(ttlMs - 200);
  const outcome = await buyer.negotiate('sam', {
    ...asked,
    decide: async () => {
      for (let times = 0; times < 2; times++) {
        const left = await lockLeftMs();
        expect(left).toBeGreaterThan(0);
        await expect.poll(lockLeftMs).toBeGreaterThan(left);
      }
      expect(await canSell(sam, 'gpu.held', 2)).toBe(false);
      return { kind: 'accept' };
    },
  });
  const [task] = hiredBy(outcome);
  expect(task!.view.slots).toHaveLength(1);
  await task!.settled;
  expect(seen).toEqual([task!.view.slots, task!.view.fences]);
  await expect.poll(() => canSell(sam, 'gpu.held', 2)).toBe(true);
  // Nothing comes of it: the slots are free at once.
  const given = async () => {
    const decide = () => ({ kind: 'quit' as const, detail: 'over-budget' as const, message: 'too dear' });
    const none = await buyer.negotiate('sam', { ...asked, decide });
    return none.ok ? undefined : none.detail;
  };
  // The call above may have the slots for a moment still.
  await expect.poll(given).toBe('over-budget');
  await expect.poll(() => canSell(sam, 'gpu.held', 2)).toBe(true);
});

test('what is turned down before it begins goes to the runner-up without a new call', async () => {
  const wish = (wishMicro: number) => ({ appraise: () => ({ ok: true as const, costMicro: CREDIT, wishMicro }) });
  await provide(ann, 'gpu.down', { ...wish(CREDIT), refuseWork: () => 'the disk is full' });
  await provide(ben, 'gpu.down', { ...wish(1.5 * CREDIT), run: () => ({ by: 'ben' }) });
  const [task] = hiredBy(await buyer.hire(order('gpu.down', { closeAfterAnswers: 2 })));
  const handed: string[] = [];
  task!.on('handed-over', ({ provider }) => handed.push(provider));
  expect(task!.provider).toBe('ann');
  expect(await task!.receipt).toMatchObject({ ok: true, receipt: { outputs: { by: 'ben' } } });
  expect(await task!.settled).toMatchObject({ attempt: 2, paidMicro: String(1.5 * CREDIT) });
  expect(handed).toEqual(['ben']);
});

test('whoever falls silent has failed, and the price comes back', async () => {
  const mute = await m.sdkAgent('mute');
  await provide(mute, 'gpu.mute', { run: () => new Promise(() => undefined) });
  const conditions = { reportEveryMs: 1000, bondMicro: '1000' };
  const [task] = hiredBy(await buyer.hire(order('gpu.mute', { conditions })));
  await expect.poll(() => task!.view.state).toBe('running');
  await mute.close();
  expect(await task!.receipt).toMatchObject({ ok: false, outcome: 'failed' });
  expect(await task!.settled).toMatchObject({ paidMicro: '0', bondTo: 'buyer' });
});

test('a late result is worth less; time that was granted is not late', async () => {
  const later: boolean[] = [];
  await provide(ann, 'gpu.late', {
    run: async ({ inputs }, bench) => {
      if (inputs.ask === true) later.push(await bench.askTime(buyer.now() + 60_000));
      while (buyer.now() < deadline + 100) await sleep(deadline + 100 - buyer.now());
      return {};
    },
  });
  let deadline = 0;
  const late = (inputs: { ask: boolean }) => {
    const now = buyer.now();
    deadline = now + 500;
    return order('gpu.late', {
      task: { resource: 'gpu.late', inputs },
      ask: { priceMicro: CREDIT, startBy: now + 60_000, durationMs: 400, deadline },
      conditions: { lateMs: 60_000, rebatePermille: 1000 },
    });
  };
  const [plain] = hiredBy(await buyer.hire(late({ ask: false })));
  const paid = Number((await plain!.settled).paidMicro);
  expect(paid).toBeGreaterThan(0);
  expect(paid).toBeLessThan(CREDIT);
  const [granted] = hiredBy(await buyer.hire(late({ ask: true })));
  granted!.on('time-asked', () => void granted!.grantTime());
  expect(await granted!.settled).toMatchObject({ paidMicro: String(CREDIT) });
  const [denied] = hiredBy(await buyer.hire(late({ ask: true })));
  denied!.on('time-asked', () => void denied!.denyTime());
  expect(Number((await denied!.settled).paidMicro)).toBeLessThan(CREDIT);
  expect(later).toEqual([true, false]);
});

test('progress, warnings and use are told; the result is accepted, disputed, or left to the clock', async () => {
  await provide(ann, 'gpu.judged', {
    run: async (_task, bench) => {
      bench.progress({ percent: 40, outputs: { half: true } });
      bench.warn('it was hot');
      bench.use({ gpuSeconds: 2 });
      bench.use({ gpuSeconds: 1 });
      return { answer: 'forty' };
    },
  });
  const asked = (disputeMs: number) =>
    order('gpu.judged', {
      conditions: { disputeMs },
      task: {
        resource: 'gpu.judged',
        output: { type: 'object', properties: { answer: { type: 'string' } }, required: ['answer'] },
      },
    });
  const [good] = hiredBy(await buyer.hire(asked(60_000)));
  const heard: unknown[] = [];
  good!.on('progress', (progress) => heard.push(progress));
  expect(await good!.receipt).toMatchObject({ receipt: { used: { gpuSeconds: 3 }, warnings: ['it was hot'] } });
  expect(heard).toEqual([{ percent: 40, outputs: { half: true } }]);
  expect(await good!.accept()).toMatchObject({ ok: true, view: { state: 'settled' } });
  const [bad] = hiredBy(await buyer.hire(asked(60_000)));
  await bad!.receipt;
  expect(await bad!.decommit()).toMatchObject({ ok: false, detail: 'late' });
  expect(await bad!.dispute('not what I asked for')).toMatchObject({ ok: true, view: { state: 'disputed' } });
  expect(await bad!.dispute('again')).toMatchObject({ ok: false, detail: 'duplicate' });
  const [left] = hiredBy(await buyer.hire(asked(300)));
  expect(await left!.settled).toMatchObject({ outcome: 'done' });
});

test('outputs that are not what was agreed have failed; the buyer may leave before the end', async () => {
  await provide(ann, 'gpu.odd', {
    run: (_task, { signal }) => new Promise((resolve) => signal.addEventListener('abort', () => resolve({}))),
  });
  const [left] = hiredBy(await buyer.hire(order('gpu.odd')));
  await expect.poll(() => left!.view.state).toBe('running');
  const view = await left!.decommit();
  expect(view).toMatchObject({ ok: true, view: { outcome: 'decommitted' } });
  expect(await left!.receipt).toMatchObject({ ok: false, outcome: 'decommitted' });
  await provide(ben, 'gpu.misfit', { run: () => ({ answer: 40 }) });
  const output = { type: 'object', properties: { answer: { type: 'string' } } };
  const [misfit] = hiredBy(await buyer.hire(order('gpu.misfit', { task: { resource: 'gpu.misfit', output } })));
  const end = await misfit!.receipt;
  expect(end).toMatchObject({ ok: false, outcome: 'failed', receipt: { outcome: 'failed' } });
  expect(end.receipt!.message).toMatch(/not what was agreed: .*answer/);
});

/** An agent whose messages pass through `through`: none, one or several go out. */
async function tampered(id: string, through: (message: { performative?: string; id: string }) => object[]) {
  const seed = createSeed();
  await m.sdkAgent(id, { seed }).then((agent) => agent.close());
  const nats: NatsConnection = await connectNats({ servers: m.stack.natsUrl, sender: id });
  const publish = nats.publish.bind(nats);
  nats.publish = (subject, payload, options) => {
    if (!subject.includes('.talk.')) return publish(subject, payload, options);
    const message = JSON.parse(new TextDecoder().decode(payload as Uint8Array));
    for (const one of through(message)) publish(subject, encode(one), options);
  };
  const agent = await connectAgent({ market: m.market, id, seed, nats });
  onTestFinished(async () => {
    await agent.close();
    await nats.close();
  });
  return agent;
}

test('a receipt whose message is lost is found at the bank; work that is started twice is done once', async () => {
  const mumbling = await tampered('mumbling', (message) => (message.performative === 'task-done' ? [] : [message]));
  const stuttering = await tampered('stuttering', (message) => [message, { ...message, id: newUlid() }]);
  let runs = 0;
  await provide(mumbling, 'gpu.lost', {
    run: () => {
      runs++;
      return { found: true };
    },
  });
  const [task] = hiredBy(await stuttering.hire(order('gpu.lost', { conditions: { reportEveryMs: 2000 } })));
  expect(await task!.receipt).toMatchObject({ ok: true, receipt: { outputs: { found: true } } });
  expect(runs).toBe(1);
});

test('a provider that hears of no contract finds it at the bank', async () => {
  const silent = await tampered('silent', (message) =>
    message.performative === 'inform' || message.performative === 'task-start' ? [] : [message],
  );
  const contracts: string[] = [];
  await provide(ann, 'gpu.unheard', { onContract: ({ contract }) => contracts.push(contract) });
  // It looks when the call is over: the window is short, and longer where that was too short for an offer.
  let hired = await silent.hire(order('gpu.unheard', { windowMs: 100 }));
  for (let windowMs = 400; !hired.ok && hired.detail === 'no-capacity'; windowMs *= 4)
    hired = await silent.hire(order('gpu.unheard', { windowMs }));
  await expect.poll(() => contracts).toEqual([hiredBy(hired)[0]!.contract]);
});

test('several agents of one host answer one call, and each is asked by its name', async () => {
  const host = await m.sdkHost('farm');
  const [cat, cow] = [await m.hosted(host, 'cat'), await m.hosted(host, 'cow')];
  const wish = (wishMicro: number) => ({ appraise: () => ({ ok: true as const, costMicro: CREDIT, wishMicro }) });
  const lost: string[] = [];
  await provide(cat, 'gpu.farm', { ...wish(CREDIT), run: () => ({ by: 'cat' }), onLost: () => lost.push('cat') });
  await provide(cow, 'gpu.farm', { ...wish(1.5 * CREDIT), run: () => ({ by: 'cow' }), onLost: () => lost.push('cow') });
  const [plain] = hiredBy(await buyer.hire(order('gpu.farm', { closeAfterAnswers: 2 })));
  expect(await plain!.receipt).toMatchObject({ receipt: { outputs: { by: 'cat' } } });
  await expect.poll(() => lost).toEqual(['cow']);
  const ask = { ...PATIENT, task: { resource: 'gpu.farm' }, ask: { priceMicro: 2 * CREDIT } };
  const talked = await buyer.negotiate('cow', { ...ask, host: 'farm' });
  expect(await hiredBy(talked)[0]!.receipt).toMatchObject({ receipt: { outputs: { by: 'cow' } } });
});

test('work that nobody says to start is started all the same, before its bond is lost', async () => {
  const mum = await tampered('mum', (message) => (message.performative === 'task-start' ? [] : [message]));
  await provide(ann, 'gpu.mum', { run: ({ inputs }) => ({ got: inputs }) });
  const [task] = hiredBy(await mum.hire(order('gpu.mum', { conditions: { graceMs: 30_000, bondMicro: '1000' } })));
  // Half a minute to begin and as much of grace: ten seconds before the end of it.
  putForward(51_000);
  expect(await task!.receipt).toMatchObject({ ok: true, receipt: { outputs: { got: { n: 1 } } } });
});

test('who was restarted goes on: a provider with its work, a buyer with its contract', async () => {
  const seeds = { phoenix: createSeed(), payer: createSeed() };
  const connect = (id: 'phoenix' | 'payer') =>
    connectAgent({ servers: m.stack.natsUrl, market: m.market, id, seed: seeds[id] });
  const [first, payer] = [
    await m.sdkAgent('phoenix', { seed: seeds.phoenix }),
    await m.sdkAgent('payer', { seed: seeds.payer }),
  ];
  await provide(first, 'gpu.again', { run: () => new Promise(() => undefined) });
  const [task] = hiredBy(await payer.hire(order('gpu.again')));
  await expect.poll(() => task!.view.state).toBe('running');
  await Promise.all([first.close(), payer.close()]);
  const [second, again] = await Promise.all([connect('phoenix'), connect('payer')]);
  onTestFinished(async () => void (await Promise.all([second.close(), again.close()])));
  const providing = second.provide('gpu.again', {
    appraise: () => ({ ok: true, costMicro: CREDIT }),
    run: () => ({ risen: true }),
  });
  const found = await again.task(task!.contract);
  expect(found).toMatchObject({ ok: true });
  expect(await providing.resume(task!.contract)).toEqual({ ok: true });
  expect(await providing.resume(task!.contract)).toMatchObject({ ok: false });
  if (found.ok) expect(await found.task.receipt).toMatchObject({ ok: true, receipt: { outputs: { risen: true } } });
  expect(await buyer.task(task!.contract)).toMatchObject({ ok: false, detail: 'not-permitted' });
});
