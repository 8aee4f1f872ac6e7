// A provider whose process died, or slept: another goes on with the contract, and the one before is heard no more.
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { spawnTethered, type Tethered } from '@tender/stack';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Agent, connectAgent, createSeed, type Hired, type ProvideOptions } from '../src/index.js';
import { CREDIT, hiredBy, type SdkMarket, sdkMarket } from './support.js';

const program = fileURLToPath(new URL('./provider-process.mjs', import.meta.url));
const PATIENT = { timeout: 20_000 };
let m: SdkMarket;
let buyer: Agent;

beforeAll(async () => {
  m = await sdkMarket({ name: 'sdk-resume' });
  buyer = await m.sdkAgent('buyer');
});
afterAll(() => m.stop());

interface Said {
  readonly what: string;
  readonly fences?: readonly number[];
}

/** A provider that never comes to an end, in a process of its own. */
async function started(argument: { id: string; seed: string; resource: string; pool?: string }) {
  const told = JSON.stringify({ servers: m.stack.natsUrl, market: m.market, ...argument });
  const child: Tethered = spawnTethered(process.execPath, [program, told], { stdio: ['ignore', 'pipe', 'inherit'] });
  const said: Said[] = [];
  createInterface({ input: child.process.stdout! }).on('line', (line) => said.push(JSON.parse(line)));
  onTestFinished(() => child.kill('SIGKILL'));
  await expect.poll(() => said.map(({ what }) => what), PATIENT).toContain('ready');
  return { child, said };
}

async function hired(provider: string, resource: string, reportEveryMs = 30_000): Promise<Hired> {
  const outcome = await buyer.negotiate(provider, {
    task: { resource },
    ask: { priceMicro: 2 * CREDIT, durationMs: 30_000 },
    conditions: { reportEveryMs, bondMicro: '1000' },
    decide: () => ({ kind: 'accept' }),
  });
  const [task] = hiredBy(outcome);
  return task!;
}

/** The same agent anew. */
async function reborn(id: string, seed: string): Promise<Agent> {
  const agent = await connectAgent({ servers: m.stack.natsUrl, market: m.market, id, seed });
  onTestFinished(() => agent.close());
  return agent;
}

function provide(agent: Agent, resource: string, run: ProvideOptions['run']) {
  return agent.provide(resource, { appraise: () => ({ ok: true, costMicro: CREDIT }), run });
}

test('a provider that was killed is replaced: it finds what is under way, reports progress and finishes', async () => {
  const seed = createSeed();
  await m.sdkAgent('doomed', { seed }).then((agent) => agent.close());
  const { child, said } = await started({ id: 'doomed', seed, resource: 'gpu.killed' });
  const task = await hired('doomed', 'gpu.killed');
  await expect.poll(() => said.map(({ what }) => what), PATIENT).toContain('running');
  child.kill('SIGKILL');
  const agent = await reborn('doomed', seed);
  const seen: number[] = [];
  const providing = provide(agent, 'gpu.killed', (_task, bench) => {
    bench.progress({ percent: 80 });
    return { from: bench.view.percent };
  });
  task.on('progress', ({ percent }) => seen.push(percent));
  const listed = await agent.contracts();
  expect(listed).toMatchObject({
    ok: true,
    contracts: [
      { contract: task.contract, state: 'running', buyer: 'buyer', provider: 'doomed', resource: 'gpu.killed' },
    ],
  });
  expect(await buyer.contracts()).toMatchObject({ ok: true, contracts: [{ contract: task.contract }] });
  expect(await providing.resume(task.contract)).toEqual({ ok: true });
  expect(await task.receipt).toMatchObject({ ok: true, outcome: 'done' });
  expect(await task.settled).toMatchObject({ outcome: 'done', bondTo: 'provider', attempt: 1 });
  expect(seen).toContain(80);
  expect(await agent.contracts()).toEqual({ ok: true, contracts: [] });
});

test('one that only slept finds another in its place: its word is refused, its fences are old, its work stops', async () => {
  const seed = createSeed();
  await m.sdkAgent('sleeper', { seed }).then((agent) => agent.close());
  await m.pool('gpu.slept', 'sleeper', 1);
  const { child, said } = await started({ id: 'sleeper', seed, resource: 'gpu.slept', pool: 'gpu.slept' });
  // It says something every 500 ms.
  const task = await hired('sleeper', 'gpu.slept', 1500);
  await expect.poll(() => said.map(({ what }) => what), PATIENT).toContain('running');
  child.kill('SIGSTOP');
  const agent = await reborn('sleeper', seed);
  const fences: (readonly number[])[] = [];
  let finish = () => {};
  const providing = provide(agent, 'gpu.slept', (_task, bench) => {
    fences.push(bench.fences);
    return new Promise((resolve) => {
      finish = () => resolve({ by: 'the second' });
    });
  });
  expect(await providing.resume(task.contract)).toEqual({ ok: true });
  await expect.poll(() => fences.length, PATIENT).toBe(1);
  const before = said.find(({ what }) => what === 'running')!.fences!;
  expect(fences[0]![0]).toBeGreaterThan(before[0]!);
  child.kill('SIGCONT');
  await expect.poll(() => said.map(({ what }) => what), PATIENT).toContain('aborted');
  finish();
  expect(await task.receipt).toMatchObject({ ok: true, receipt: { outputs: { by: 'the second' } } });
  expect(await task.settled).toMatchObject({ outcome: 'done', attempt: 1 });
});

test('who comes too late finds the contract ended, and whose it is not is refused', async () => {
  const seed = createSeed();
  await m.sdkAgent('tardy', { seed }).then((agent) => agent.close());
  const { child, said } = await started({ id: 'tardy', seed, resource: 'gpu.tardy' });
  const task = await hired('tardy', 'gpu.tardy', 300);
  await expect.poll(() => said.map(({ what }) => what), PATIENT).toContain('running');
  child.kill('SIGKILL');
  expect(await task.settled).toMatchObject({ outcome: 'failed', bondTo: 'buyer' });
  const agent = await reborn('tardy', seed);
  const providing = provide(agent, 'gpu.tardy', () => ({}));
  expect(await providing.resume(task.contract)).toMatchObject({ ok: false, detail: 'expired' });
  const other = await m.sdkAgent('other');
  expect(await provide(other, 'gpu.tardy', () => ({})).resume(task.contract)).toMatchObject({ ok: false });
});

test('behind hosts on both sides: the work is taken up, and the buyer hears of it', async () => {
  const [near, far] = [await m.sdkHost('near'), await m.sdkHost('far')];
  const seed = createSeed();
  const client = await m.hosted(near, 'client');
  const first = await m.hosted(far, 'worker', { seed });
  provide(first, 'gpu.hosted', () => new Promise(() => undefined));
  const outcome = await client.negotiate('worker', {
    ...{ task: { resource: 'gpu.hosted' }, ask: { priceMicro: 2 * CREDIT }, host: 'far' },
    decide: () => ({ kind: 'accept' }),
  });
  const [task] = hiredBy(outcome);
  const state = async () => {
    const listed = await client.contracts();
    return listed.ok ? listed.contracts[0]?.state : listed.detail;
  };
  await expect.poll(state, PATIENT).toBe('running');
  const seen: number[] = [];
  task!.on('progress', ({ percent }) => seen.push(percent));
  await far.close();
  const again = await m.sdkHost('far');
  const second = await again.agent({ id: 'worker', seed });
  const providing = provide(second, 'gpu.hosted', (_task, bench) => {
    bench.progress({ percent: 60 });
    return {};
  });
  expect(await providing.resume(task!.contract)).toEqual({ ok: true });
  expect(await task!.receipt).toMatchObject({ ok: true, outcome: 'done' });
  expect(seen).toEqual([60]);
});
