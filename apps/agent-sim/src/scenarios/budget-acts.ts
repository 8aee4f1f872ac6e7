// What those of the budget scenario do: they spend whole credits on tokens, all at once, and hear what the bank says.
import type { Agent, Taken } from '@tender/agent';
import { CREDIT } from '@tender/credits';
import type { Refusal } from '@tender/market';
import { TEAMS, type Team } from './budget-tree.js';
import type { World } from './world.js';

/** A token of it costs a credit, whoever takes how many: what is spent is what was asked for. */
const LIMIT = 'units';
/** Budgets are to end the spending, nothing else. */
const PLENTY = 1_000_000;
const TTL_MS = 150_000;

const SIZES: Readonly<Record<Team, number>> = { blue: 2, green: 5, grey: 1, red: 3 };

export interface Cast {
  readonly bucket: string;
  readonly till: string;
  readonly teams: Readonly<Record<Team, readonly Agent[]>>;
}

export async function openCast(world: World): Promise<Cast> {
  const bucket = world.resource('api.batch');
  const till = await world.till('api-batch');
  await world.must(
    world.operator.openBucket({
      bucket,
      account: till,
      noiseMaxPermille: 1000,
      maxTtlMs: TTL_MS,
      limits: [{ name: LIMIT, capacity: PLENTY, refillPerSecond: PLENTY, reserve: 0, priceMicro: String(CREDIT) }],
    }),
  );
  const agentsOf = (team: Team) => {
    const names = Array.from({ length: SIZES[team] }, (_, index) => `${team}-${index + 1}`);
    return Promise.all(names.map((name) => world.agent(name, 1000, labelsOf(world, team))));
  };
  const [blue, green, grey, red] = await Promise.all(TEAMS.map(agentsOf));
  return { bucket, till, teams: { blue: blue!, green: green!, grey: grey!, red: red! } };
}

export function labelsOf(world: World, team: Team) {
  return { team: world.id(team), project: world.id('project'), budget: world.id(team) };
}

export function hold(agent: Agent, bucket: string, credits: number): Promise<Taken> {
  return agent.takeTokens(bucket, { [LIMIT]: credits, maxPriceMicro: credits * CREDIT }, { waitMs: 0, ttlMs: TTL_MS });
}

/** As a rogue would write it. */
export function takeBody(world: World, bucket: string, name: string, more: object = {}): object {
  const order = { amounts: { [LIMIT]: 1 }, maxPriceMicro: String(CREDIT), ttlMs: TTL_MS };
  return { hold: world.id(name), bucket, ...order, ...more };
}

export function usedBody(world: World, hold: string, key: string, units: number): object {
  return { key: world.id(key), hold, used: { [LIMIT]: units } };
}

export interface Spent {
  readonly asked: number;
  /** Credits that were paid. */
  readonly passed: number;
  readonly refused: readonly Refusal[];
}

/** So many asks of one credit each, dealt to the agents, all at the same moment; what is got is used. */
export async function spend(agents: readonly Agent[], bucket: string, asks: number): Promise<Spent> {
  const asked = Array.from({ length: asks }, async (_, index) => {
    const taken = await hold(agents[index % agents.length]!, bucket, 1);
    if (taken.ok) await taken.held.return();
    return taken;
  });
  const taken = await Promise.all(asked);
  const refused = taken.flatMap((one) => (one.ok ? [] : [one]));
  return { asked: asks, passed: asks - refused.length, refused };
}
