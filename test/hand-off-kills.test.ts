// Providers and buyers are killed -9 in the middle of two hundred hand-offs: each ends by the rules, and nothing stays behind.
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { marketKey } from '@tender/credits/redis';
import { publicNkeyOf } from '@tender/market';
import { spawnTethered, type Tethered } from '@tender/stack';
import { afterEach, expect, test } from 'vitest';
import { type MarketUnderTest, startMarket, until } from './market-under-test.js';
import { newSeed } from './wire-client.js';

const HIT = 200;
const CHANCE = 20_260;
/** Reasons for which nobody was engaged; a task that is asked for again is a duplicate where its contract lived on. */
const reasons = ['no-capacity', 'late', 'expired', 'lock-lost', 'duplicate'];
const SLOTS = 40;
const program = fileURLToPath(new URL('./hand-off-agents.mjs', import.meta.url));
/** Where a participant dies, and in how many hand-offs at least this must have found it there. */
const enough = {
  provider: { offered: 40, engaged: 5, taken: 20, running: 20 },
  buyer: { called: 10, engaged: 10, settling: 3 },
} as const;
type Role = keyof typeof enough;

interface Line {
  readonly phase: string;
  readonly task: string;
  readonly refused?: string;
  readonly outcome?: string;
}

interface Place {
  readonly role: Role;
  readonly id: string;
  readonly seed: string;
  /** Of a steady one nobody kills the process. */
  readonly steady: boolean;
  readonly more: Readonly<Record<string, unknown>>;
  process?: Tethered;
  /** How far each task is that the living process is about. */
  readonly at: Map<string, string>;
  /** Negotiations that its processes began, by which new tasks are numbered; and how many processes there were. */
  asked: number;
  born: number;
}

let market: MarketUnderTest;
afterEach(() => market?.stop());

/** All places at which somebody trades; who dies there is followed by another process with the same keys. */
class Trade {
  readonly #places: Place[] = [];
  /** Hand-offs by where the kill found them: `provider running`. */
  readonly hits = new Map<string, number>();
  readonly hit = new Set<string>();
  readonly ends = new Map<string, number>();
  /** What no kill explains: processes that fell over, negotiations without an end, refusals without a reason. */
  readonly wrong: string[] = [];
  kills = 0;
  #calm = false;
  #serial = 0;

  async open(role: Role, id: string, more: Record<string, unknown>, steady = false): Promise<void> {
    const seed = newSeed();
    const account = { id, kind: 'agent', nkey: publicNkeyOf(seed) };
    await market.order('account', { key: `open-${id}-0`, account });
    await market.order('grant', { key: `grant-${id}-0`, to: id, amountMicro: '9000000000' });
    const place: Place = { role, id, seed, steady, more, at: new Map(), asked: 0, born: 0 };
    if (more.pool !== undefined) await market.pool(`${more.pool}`, id, SLOTS);
    this.#places.push(place);
    this.#start(place, []);
  }

  #start(place: Place, again: readonly string[]): void {
    const { role, id, seed, steady, more } = place;
    const serial = ++this.#serial;
    const phases = Object.keys(enough[role]);
    const phase = phases[(place.born++ + id.length) % phases.length]!;
    const lot = Math.imul(CHANCE + serial, 2_654_435_761) >>> 16;
    const nth =
      phase === 'offered' || phase === 'called' ? 30 + (lot % 30) : role === 'buyer' ? 2 + (lot % 3) : 8 + (lot % 6);
    const doom = { phase, nth, afterMs: lot % 3 === 0 ? 0 : lot % 40 };
    const about = { role, id, seed, servers: market.stack.natsUrl, market: market.market, chance: CHANCE + serial };
    const argument = { ...about, ...more, again, nth: place.asked, ...(steady ? {} : { doom }) };
    const child = spawnTethered(process.execPath, [program, JSON.stringify(argument)], {
      stdio: ['pipe', 'pipe', 'inherit'],
      name: id,
    });
    place.process = child;
    // Told to stop when it has just died.
    child.process.stdin!.on('error', () => undefined);
    const lines = createInterface({ input: child.process.stdout! });
    lines.on('line', (line) => this.#heard(place, JSON.parse(line)));
    // What it said before its end has been read when its output is closed.
    lines.once('close', () => void child.exited.then(({ code, signal }) => this.#ended(place, code, signal)));
  }

  #heard(place: Place, { phase, task, refused, outcome }: Line): void {
    if (phase === 'called' && !place.at.has(task)) place.asked += 1;
    if (phase !== 'over') {
      place.at.set(task, phase);
      return;
    }
    place.at.delete(task);
    if (refused !== undefined && !reasons.includes(refused)) this.wrong.push(`${task} was refused: ${refused}`);
    if (place.role === 'buyer') add(this.ends, refused === undefined ? outcome! : `refused ${refused}`);
  }

  #ended(place: Place, code: number | null, signal: string | null): void {
    const under = [...place.at];
    place.at.clear();
    if (code !== null && code !== 0) this.wrong.push(`${place.id} ended with ${code}`);
    if (code === 0) this.wrong.push(...under.map(([task, phase]) => `${task} is ${phase}`));
    if (signal !== 'SIGKILL' || this.#calm) return;
    this.kills += 1;
    for (const [task, phase] of under) {
      add(this.hits, `${place.role} ${phase}`);
      if (phase !== 'offered' && phase !== 'called') this.hit.add(task);
    }
    this.#start(place, place.role === 'buyer' ? under.map(([task]) => task) : []);
  }

  get figures(): string {
    const { kills, hit, hits, wrong } = this;
    return JSON.stringify({ kills, hit: hit.size, ...Object.fromEntries(hits), wrong });
  }

  get isEnough(): boolean {
    const each = Object.entries(enough).flatMap(([role, phases]) =>
      Object.entries(phases).map(([phase, least]) => (this.hits.get(`${role} ${phase}`) ?? 0) >= least),
    );
    return this.hit.size >= HIT && each.every(Boolean);
  }

  /** No new negotiations, no more deaths; resolves when every buyer has seen the end of its own. */
  async calm(): Promise<void> {
    this.#calm = true;
    for (const { process } of this.#places) process!.process.stdin!.write('stop');
    await Promise.all(this.#places.filter(({ role }) => role === 'buyer').map(({ process }) => process!.exited));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#places.map(({ process }) => process!.kill('SIGKILL')));
  }
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

async function keys(name: string): Promise<string[]> {
  return market.redis.keys(marketKey(market.market, name, '*'));
}

/** What is under way in Redis still, by name. */
async function unfinished(pools: readonly string[]): Promise<string[]> {
  const { redis } = market;
  const left = await redis.zrange(marketKey(market.market, 'deadlines'), '0', '-1');
  left.push(...(await keys('lock')));
  for (const name of await keys('cfp')) if ((await redis.hget(name, 'state')) === 'open') left.push(name);
  for (const name of await keys('acct')) {
    const pending = await redis.hget(name, 'pending');
    if (pending !== null && pending !== '0') left.push(`${name} pending ${pending}`);
  }
  for (const pool of pools) {
    const free = await redis.scard(marketKey(market.market, 'free', pool));
    if (free !== SLOTS) left.push(`${pool}: ${free} slots free`);
  }
  return left;
}

/** The contracts by task, as their records have them. */
async function contracts(): Promise<{ task: string; state: string; outcome: string }[]> {
  const found: { task: string; state: string; outcome: string }[] = [];
  for (const name of await keys('contract')) {
    const [task, state, outcome] = await market.redis.hmget(name, 'task', 'state', 'outcome');
    found.push({ task: task!, state: state!, outcome: outcome! });
  }
  return found;
}

test(`participants of ${HIT} hand-offs are killed in the middle`, { timeout: 300_000 }, async () => {
  market = await startMarket(1);
  const doomed = await market.broker();
  const trade = new Trade();
  const providers = ['ann', 'ben', 'cem', 'dan'];
  const pools = ['slots-ann', 'slots-ben'];
  const resource = 'work';
  for (const id of providers) {
    const pool = `slots-${id}`;
    await trade.open('provider', id, { resource, ...(pools.includes(pool) ? { pool } : {}) });
  }
  await trade.open('buyer', 'may', { resource, providers, lanes: 28 }, true);
  await trade.open('buyer', 'tom', { resource, providers, lanes: 20 });
  const started = Date.now();
  try {
    await until('a third is hit', () => trade.hit.size >= HIT / 3, 90_000);
    await doomed.kill('SIGKILL');
    await market.broker();
    await until('enough is hit', () => trade.isEnough, 90_000);
    await trade.calm();
    await until('nothing is under way', async () => (await unfinished(pools)).length === 0, 60_000);
  } catch (error) {
    throw new Error(`${error}: ${trade.figures}; left: ${(await unfinished(pools)).join(', ')}`);
  } finally {
    await trade.stop();
  }
  const all = await contracts();
  const outcomes = new Map<string, number>();
  for (const { outcome } of all) add(outcomes, outcome);
  const figures = JSON.stringify({ contracts: Object.fromEntries(outcomes), told: Object.fromEntries(trade.ends) });
  console.log(`${Date.now() - started} ms: ${trade.figures} ${figures}`);
  expect(trade.wrong).toEqual([]);
  expect(all.filter(({ state }) => state !== 'settled')).toEqual([]);
  const done = all.filter(({ outcome }) => outcome === 'done').map(({ task }) => task);
  expect(done.length).toBe(new Set(done).size);
  expect(await market.breaches()).toEqual([]);
});
