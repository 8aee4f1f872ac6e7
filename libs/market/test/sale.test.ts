// The wall, what is lent, owners' caps, noise and deposits under random sales: the promises in the model, the model in Redis.
import { applyToBook } from '@tender/credits';
import { marketKey, metaKey, runScript } from '@tender/credits/redis';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { untilSeen } from '../../../test/until-seen.js';
import { compareSnapshots, MarketBook, type MarketCommand, type PoolState, snapshotOf } from '../src/index.js';
import { marketScripts } from '../src/redis/scripts.js';
import { START_MS, startTestRedis, type TestMarket, type TestRedis } from './market-under-test.js';
import { runInRedis } from './run-in-redis.js';
import { depositEnds, saleOutcomes, watched } from './sale-outcomes.js';
import {
  commandOf,
  commandsOf,
  keyed,
  OWNERS,
  outlasting,
  type PoolRules,
  poolOf,
  poolRules,
  type Sale,
  type SaleScene,
  type SaleStep,
  STANDARD,
  SYSTEM,
  saleSteps,
} from './sale-steps.js';

const RUNS = Number(process.env.TENDER_RUNS ?? 1_000);
const PURE_RUNS = 10 * RUNS;
const GRANT = 20_000;
const agents = [...STANDARD, ...SYSTEM].map((id) => ({
  id,
  ...(OWNERS[id] === undefined ? {} : { owner: OWNERS[id] }),
  class: (SYSTEM as readonly string[]).includes(id) ? ('system' as const) : ('standard' as const),
  ...(id === 'ann' ? { host: 'ben' } : {}),
}));

function openScene(rules: PoolRules): SaleScene {
  const book = new MarketBook();
  const open = { kind: 'open-account' as const, by: 'operator' };
  const account = (id: string, kind: 'agent' | 'pool') => ({ id, kind, class: 'standard' as const });
  for (const agent of agents) {
    applyToBook(book.ledger, { ...open, key: agent.id, account: { ...agent, kind: 'agent' as const } }, 1);
    const grant = { kind: 'grant' as const, by: 'operator', key: `g-${agent.id}`, to: agent.id, amount: String(GRANT) };
    applyToBook(book.ledger, grant, 1);
  }
  applyToBook(book.ledger, { ...open, key: 's', account: account('seller', 'agent') }, 1);
  applyToBook(book.ledger, { ...open, key: 'p', account: account('pool-account', 'pool') }, 1);
  const scene = { book, nowMs: START_MS, names: 0 };
  book.apply(keyed(scene, { kind: 'open-pool', by: 'operator', pool: poolOf(rules) }), START_MS);
  return scene;
}

const sweepOf = (scene: SaleScene): MarketCommand[] =>
  scene.book
    .due(scene.nowMs)
    .sort()
    .map((member) => {
      const [kind, id = ''] = member.split(':');
      if (kind === 'lease') return { kind: 'expire-lease', contract: id };
      return { kind: kind === 'deposit' ? 'return-deposits' : 'lapse-call', cfp: id };
    });

/** Takes a step in the model alone. */
function take(scene: SaleScene, step: SaleStep): void {
  const { book } = scene;
  if (step.kind === 'wait') scene.nowMs += step.ms;
  else if (step.kind === 'sweep') for (const command of sweepOf(scene)) book.apply(command, scene.nowMs);
  else if (step.kind === 'sale') sell(scene, step.sale);
  else if (step.kind !== 'again' && step.kind !== 'outlast') {
    const command = commandOf(scene, step);
    if (command !== undefined) book.apply(command, scene.nowMs);
  }
}

/** Sells and returns who won how many units, undefined where no slot is free of leases and negotiations. */
function sell(scene: SaleScene, sale: Sale): Map<string, number> | undefined {
  const { book } = scene;
  const commands = commandsOf(scene, sale);
  if (commands === undefined) return undefined;
  book.takeLock('gpu', commands.slots, commands.lockValue);
  const won = new Map<string, number>();
  for (const command of commands.commands) {
    const answer = book.apply(command, scene.nowMs);
    if (!answer.ok || !('winners' in answer)) continue;
    for (const { participant, intent, units, priceMicro } of answer.winners) {
      won.set(participant, (won.get(participant) ?? 0) + units);
      const offered = command.kind === 'award' && command.bids.find((bid) => bid.intent === intent);
      if (offered) expect(Number(priceMicro)).toBeLessThanOrEqual(offered.price);
    }
  }
  // A call that could not be opened lets its locks go.
  if (!book.calls.has(commands.cfp)) book.dropLock('gpu', commands.slots, commands.lockValue);
  return won;
}

/** What everybody holds, by the slots themselves. */
function held(book: MarketBook, counts: (agent: string) => boolean): number {
  const leases = [...book.contracts.values()].filter(
    ({ state, participant }) => state !== 'settled' && counts(participant),
  );
  return leases.reduce((sum, { units }) => sum + units, 0);
}

const isSystem = (agent: string) => (SYSTEM as readonly string[]).includes(agent);

/** As many bids of both classes as one likes, and one of a system agent that offers the least of all. */
function probeOf(pool: PoolState, systemHeld: number, others: Sale): Sale | undefined {
  const units = pool.reserve - systemHeld;
  if (units <= 0) return undefined;
  const bids = others.bids.filter(({ participant }) => !isSystem(participant)).map((bid) => ({ ...bid, pays: true }));
  const asks = { participant: 'sys', units, price: 0, pays: true };
  // The system agent's credits and its owner's cap are its own affair.
  return { ...others, units: pool.slots.length, awarded: true, deposit: false, bids: [...bids, asks] };
}

function clearTheTable(scene: SaleScene): void {
  for (const { cfp, state } of scene.book.calls.values()) {
    if (state === 'open') scene.book.apply(keyed(scene, { kind: 'release-call', by: 'seller', cfp }), scene.nowMs);
  }
}

const probes = fc.array(
  fc.record({
    participant: fc.constantFrom(...STANDARD),
    units: fc.constantFrom(1, 1, 2, 3),
    price: fc.integer({ min: 1, max: 900 }),
    pays: fc.constant(true),
  }),
  { maxLength: 8 },
);
const others = probes.map(
  (bids): Sale => ({
    ...{ units: 1, durationMs: 900, rule: 'uniform-price', deposit: false, bids, awarded: true },
  }),
);

describe('whatever the load', () => {
  it('a system agent within the reserve is never refused for capacity where it is walled off', () => {
    let probed = 0;
    const strict = poolRules.map((rules) => ({ ...rules, lendMs: 0, ownerMax: 0 }));
    fc.assert(
      fc.property(saleSteps(strict, false), others, ({ rules, steps }, bids) => {
        const scene = openScene(rules);
        const pool = scene.book.pools.get('gpu')!;
        for (const step of steps) {
          take(scene, step);
          const standard = held(scene.book, (agent) => !isSystem(agent));
          expect(pool.standardHeld).toBe(standard);
          expect(standard).toBeLessThanOrEqual(pool.slots.length - pool.reserve);
        }
        clearTheTable(scene);
        const probe = probeOf(pool, held(scene.book, isSystem), bids);
        if (probe === undefined) return;
        probed += 1;
        expect(sell(scene, probe)?.get('sys')).toBe(probe.bids.at(-1)!.units);
      }),
      { numRuns: PURE_RUNS },
    );
    expect(probed).toBeGreaterThan(PURE_RUNS / 10);
  }, 600_000);

  it('what is lent of the reserve is back after lendMs at the latest, if a system agent asks', () => {
    let reclaimed = 0;
    const lending = poolRules.map((rules) => ({ ...rules, lendMs: 900, ownerMax: 0 }));
    fc.assert(
      fc.property(saleSteps(lending, false), others, ({ rules, steps }, bids) => {
        const scene = openScene(rules);
        const pool = scene.book.pools.get('gpu')!;
        for (const step of steps) take(scene, step);
        const lent = [...scene.book.contracts.values()].filter((lease) => lease.lent && lease.state !== 'settled');
        for (const { durationMs } of lent) expect(durationMs).toBeLessThanOrEqual(900);
        // Whoever holds something of the reserve would go on, and others come after it all the time.
        for (let ms = 0; ms < 900; ms += 300) {
          for (const { id, participant } of lent) {
            const renewal = { kind: 'renew', by: participant, contract: id, maxPriceMicro: '9000', policy: 0 } as const;
            scene.book.apply(keyed(scene, renewal), scene.nowMs);
          }
          clearTheTable(scene);
          const asking = probeOf(pool, held(scene.book, isSystem), bids);
          if (asking !== undefined && pool.free.size > 0) sell(scene, asking);
          scene.nowMs += 300;
          take(scene, { kind: 'sweep' });
        }
        clearTheTable(scene);
        const probe = probeOf(pool, held(scene.book, isSystem), bids);
        if (probe === undefined) return;
        if (lent.length > 0) reclaimed += 1;
        expect(sell(scene, probe)?.get('sys')).toBe(probe.bids.at(-1)!.units);
      }),
      { numRuns: PURE_RUNS / 5 },
    );
    expect(reclaimed).toBeGreaterThan(PURE_RUNS / 250);
  }, 600_000);

  it("an owner's agents never hold more than its cap, and nobody pays more than it bid", () => {
    const capped = poolRules.map((rules) => ({ ...rules, ownerMax: 3 }));
    fc.assert(
      fc.property(saleSteps(capped, false), ({ rules, steps }) => {
        const scene = openScene(rules);
        const { owned } = scene.book.pools.get('gpu')!;
        for (const step of steps) {
          take(scene, step);
          for (const who of new Set(agents.map(({ id, owner }) => owner ?? id))) {
            const ours = held(scene.book, (agent) => (OWNERS[agent] ?? agent) === who);
            expect(owned.get(who) ?? 0).toBe(ours);
            expect(ours).toBeLessThanOrEqual(3);
          }
        }
        for (const agent of agents) {
          const { available, pending } = scene.book.ledger.account(agent.id)!;
          expect(available).toBeGreaterThanOrEqual(0);
          expect(pending).toBeGreaterThanOrEqual(0);
        }
      }),
      { numRuns: PURE_RUNS / 10 },
    );
  }, 600_000);
});

describe('random sales', () => {
  let server: TestRedis;
  beforeAll(async () => {
    server = await startTestRedis();
  });
  afterAll(() => server.stop());
  const seen = new Map<string, number>();
  const count = (outcome: string) => seen.set(outcome, (seen.get(outcome) ?? 0) + 1);

  interface Pair extends SaleScene {
    readonly real: TestMarket;
    readonly asked: MarketCommand[];
  }

  async function ask(pair: Pair, command: MarketCommand): Promise<void> {
    pair.asked.push(command);
    const outcomes = watched(pair.book, command);
    const answer = pair.book.apply(command, pair.nowMs);
    const { message: _message, ...reply } = (await runInRedis(pair.real, command)) as { message?: string };
    expect(reply, JSON.stringify(command)).toEqual(answer);
    outcomes(answer).forEach(count);
    count(`${command.kind} ${answer.ok ? (answer.replayed ? 'replayed' : 'ok') : answer.detail}`);
    for (const { outcome, detail } of ('verdicts' in answer ? answer.verdicts : undefined) ?? []) {
      count(`bid ${outcome} ${detail ?? ''}`);
    }
  }

  async function takeBoth(pair: Pair, step: SaleStep): Promise<void> {
    const { book, real } = pair;
    if (step.kind === 'wait') {
      pair.nowMs += step.ms;
      await real.setClock(pair.nowMs);
    } else if (step.kind === 'sweep') {
      for (const command of sweepOf(pair)) await ask(pair, command);
    } else if (step.kind === 'again') {
      const command = pair.asked[step.which % Math.max(1, pair.asked.length)];
      if (command !== undefined) await ask(pair, command);
    } else if (step.kind === 'outlast') {
      const { before, atMs, after } = outlasting(pair, step) ?? {};
      if (before === undefined || atMs === undefined) return;
      await ask(pair, before);
      pair.nowMs = atMs;
      await real.setClock(atMs);
      for (const command of after ?? []) await ask(pair, command);
    } else if (step.kind === 'sale') {
      const commands = commandsOf(pair, step.sale);
      if (commands === undefined) return;
      book.takeLock('gpu', commands.slots, commands.lockValue);
      for (const slot of commands.slots) await real.redis.set(real.hand.lockKey('gpu', slot), commands.lockValue);
      for (const command of commands.commands) await ask(pair, command);
      if (book.call(commands.cfp, pair.nowMs) !== undefined) return;
      // A call that could not be opened lets its locks go.
      book.dropLock('gpu', commands.slots, commands.lockValue);
      await real.redis.del(commands.slots.map((slot) => real.hand.lockKey('gpu', slot)));
    } else {
      const command = commandOf(pair, step);
      if (command !== undefined) await ask(pair, command);
    }
  }

  async function run({ rules, steps }: { readonly rules: PoolRules; readonly steps: readonly SaleStep[] }) {
    const real = await server.market({ agents, grantMicro: GRANT, pools: [] });
    await real.setClock(START_MS);
    const scene = openScene(rules);
    const opening = { ...scene, names: 0 };
    await runInRedis(real, keyed(opening, { kind: 'open-pool', by: 'operator', pool: poolOf(rules) }));
    const pair: Pair = { ...scene, real, asked: [] };
    for (const step of steps) await takeBoth(pair, step);
    const snapshot = await runScript(real.redis, marketScripts.snapshot, metaKey(real.market), {});
    const { difference } = compareSnapshots(snapshotOf(pair.book, snapshot.seq), snapshot, new Set());
    expect(difference).toBeUndefined();
    for (const { cfp, deposits } of pair.book.calls.values()) {
      const kept = await real.redis.hgetall(marketKey(real.market, 'deposits', cfp));
      expect(kept).toEqual(Object.fromEntries([...deposits].map(([agent, leases]) => [agent, String(leases)])));
    }
    depositEnds(pair.book).forEach(count);
    await real.check();
  }

  it('answer in the scripts as in the model, and end in the same state', async () => {
    const runs = () => fc.assert(fc.asyncProperty(saleSteps(poolRules, true), run), { numRuns: RUNS });
    await untilSeen(RUNS >= 1_000 ? saleOutcomes : [], seen, runs);
  }, 600_000);
});
