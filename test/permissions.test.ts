// deploy/permissions.conf in force: a broker, an operator, a seller and a buyer trade, each under its own key alone.
import { readFileSync } from 'node:fs';
import { connectAgent, connectOperator, createSeed } from '@tender/agent';
import { publicNkeyOf, subjects } from '@tender/market';
import { connectNats } from '@tender/market/nats';
import { type Stack, spawnTethered, startStack, type Tethered } from '@tender/stack';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { brokerMain, listening } from './market-under-test.js';

const seeds = { broker: createSeed(), seller: createSeed(), buyer: createSeed(), operator: createSeed() };
let stack: Stack;
let broker: Tethered;

/** The file with this test's keys, and its one agent's entry twice: for trainer-1 and for trainer-2. */
function permissions(): string {
  const text = readFileSync(new URL('../deploy/permissions.conf', import.meta.url), 'utf8');
  const entry = /\n {4}# An agent, or a host[\s\S]*?\n {4}\}\n/.exec(text)![0];
  const own = [seeds.broker, seeds.seller, seeds.buyer, seeds.operator].map(publicNkeyOf);
  return text
    .replace(entry, () => entry + entry.replaceAll('trainer-1', 'trainer-2'))
    .replace(/\bU[A-Z2-7]{55}\b/g, () => own.shift()!);
}

const env = () => ({
  PATH: process.env.PATH,
  NATS_URL: stack.natsUrl,
  REDIS_URL: stack.redisUrl,
  TENDER_MARKET: 'guarded',
  TENDER_SECRET: '5e'.repeat(32),
  TENDER_OPERATORS: `ops-1:${publicNkeyOf(seeds.operator)}`,
  HTTP_PORT: '0',
});

beforeAll(async () => {
  stack = await startStack({ nats: { configLines: [permissions()] } });
  broker = spawnTethered(process.execPath, [brokerMain], {
    env: { ...env(), TENDER_NATS_SEED: seeds.broker },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await listening(broker);
});
afterAll(async () => {
  await broker?.kill('SIGKILL');
  await stack?.stop();
});

test('a broker without its key is let in by nobody, and says what to do', async () => {
  const stranger = spawnTethered(process.execPath, [brokerMain], { env: env(), stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  stranger.process.stderr!.on('data', (chunk) => {
    text += chunk;
  });
  expect((await stranger.exited).code).toBe(1);
  expect(text).toMatch(/NATS at nats:\/\/.* does not let it in .*TENDER_NATS_SEED/);
});

test('the SDK logs in with the seeds that it has anyway, and everything works', async () => {
  const address = { servers: stack.natsUrl, market: 'guarded' };
  const operator = await connectOperator({ ...address, id: 'ops-1', seed: seeds.operator });
  const open = (account: { id: string; kind: 'agent' | 'pool'; nkey?: string }) => operator.openAccount(account);
  expect(await open({ id: 'till', kind: 'pool' })).toMatchObject({ ok: true });
  for (const [id, seed] of [
    ['trainer-1', seeds.seller],
    ['trainer-2', seeds.buyer],
  ] as const) {
    expect(await open({ id, kind: 'agent', nkey: publicNkeyOf(seed) })).toMatchObject({ ok: true });
  }
  await operator.grant({ to: 'trainer-2', amountMicro: '5000000' });
  await operator.openPool({ pool: 'gpu', account: 'till', seller: 'trainer-1', slots: 1 });

  const seller = await connectAgent({ ...address, id: 'trainer-1', seed: seeds.seller });
  const buyer = await connectAgent({ ...address, id: 'trainer-2', seed: seeds.buyer });
  let selling = true;
  const sales = (async () => {
    while (selling) await seller.call({ pool: 'gpu', durationMs: 60_000, windowMs: 100, seals: ['mac', 'ed25519'] });
  })();
  const lease = await buyer.win('gpu', { maxPriceMicro: 1_000_000, deadlineMs: 20_000 });
  selling = false;
  expect(lease.fences).toEqual([1]);
  expect(await lease.release()).toMatchObject({ ok: true, outcome: 'released' });
  await sales;
  expect(await operator.quote('gpu', 5)).toMatchObject({ ok: true, history: [{ durationMs: 60_000, units: 1 }] });
  await Promise.all([seller.close(), buyer.close(), operator.close()]);
});

test('what the winners had bid is told among brokers: an agent may not hear it', async () => {
  const nats = await connectNats({ servers: stack.natsUrl, sender: 'trainer-2', seed: seeds.buyer });
  const refused = new Promise((resolve) => {
    nats.subscribe(subjects.prices('guarded'), { callback: (error) => resolve(error?.code) });
  });
  expect(await refused).toBe('PERMISSIONS_VIOLATION');
  await nats.close();
});
