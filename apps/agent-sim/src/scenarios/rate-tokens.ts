// Rate tokens: the same requests hit a model API's limit twice, unmanaged and through the market's bucket of its tokens.
import { setTimeout as delay } from 'node:timers/promises';
import type { Agent } from '@tender/agent';
import { quantile } from '../tally.js';
import { runFigures } from './rate-figures.js';
import { managed, questionMs } from './rate-managed.js';
import {
  DEFAULT_SECONDS,
  LIMITS,
  MIRROR,
  NOISE_MAX_PERMILLE,
  NOISE_WINDOW_MS,
  PATIENCE_MS,
  PRICE,
  planRates,
  type RatePlan,
  RESERVE,
} from './rate-plan.js';
import { playRates } from './rate-play.js';
import { unmanaged } from './rate-unmanaged.js';
import { judge, rateFigures, rateNotes, rateTables } from './rate-verdict.js';
import type { Rogue } from './rogue.js';
import { type Outcome, type Scenario, type Settings, tallyOf } from './scenario.js';
import type { World } from './world.js';

const BUCKET = 'api.model';
const CREDITS = 2000;

async function run(world: World, { seconds = DEFAULT_SECONDS, llmTrace, quiet }: Settings): Promise<Outcome> {
  const plan = planRates(world.seed, world.prng('rate-deal'), seconds * 1000, llmTrace);
  const bucket = await openBucket(world);
  const agents = await Promise.all(plan.players.map((player) => connect(world, player)));
  const [rogue, asker] = await Promise.all([world.rogue('rogue', CREDITS), world.agent('asker')]);
  const lastS = Math.round((plan.runMs + PATIENCE_MS) / 1000);
  world.say(opening(plan));
  world.say(`Unmanaged: every agent asks the upstream by itself; ${lastS} s at most …`);
  const before = await playRates(plan, unmanaged(world.prng('rate-back-off')), quiet);
  world.say(`Through the market: tokens first, then the upstream; ${lastS} s at most …`);
  const over = new AbortController();
  const questions = questionMs(asker, bucket, over.signal);
  const [after, attempts] = await Promise.all([
    playRates(plan, managed(bucket, agents, plan.players), quiet).finally(() => over.abort()),
    delay(plan.runMs / 2).then(() => breakIn(world, rogue, agents[0]!, bucket)),
  ]);
  const answerMs =
    quantile(
      (await questions).sort((a, b) => a - b),
      0.99,
    ) ?? 0;
  const told = { plan, before: runFigures(plan, before), after: runFigures(plan, after), answerMs, quiet };
  return {
    guard: {
      tried: attempts.length,
      stopped: tallyOf(attempts.flatMap(({ stoppedAs }) => stoppedAs ?? [])),
      breaches: [
        ...attempts.flatMap(({ what, stoppedAs }) => (stoppedAs === undefined ? [`somebody ${what}`] : [])),
        ...judge(told),
      ],
    },
    figures: rateFigures(told),
    tables: rateTables(told),
    notes: rateNotes(told),
  };
}

function opening({ source, arrivals, compression, load, runMs, players }: RatePlan): string {
  const requests = `${arrivals.length} requests of ${source}, compressed ${compression.toFixed(1)} times into ${(runMs / 1000).toFixed(1)} s`;
  const asked = `${load.tokens.toFixed(2)} times the upstream’s tokens, ${load.requests.toFixed(2)} times its requests`;
  return `${requests}: ${players.length} agents ask for ${asked}.`;
}

/** Mirrors the upstream as well as the operator knows it: an eighth too much of everything. */
async function openBucket(world: World): Promise<string> {
  const bucket = world.resource(BUCKET);
  const limit = (name: 'requests' | 'tokens', perMinute: number) => {
    const capacity = Math.round((MIRROR * perMinute * LIMITS.burstMs) / 60_000);
    const refillPerSecond = Math.round((MIRROR * perMinute * 1000) / 60) / 1000;
    return {
      name,
      capacity,
      refillPerSecond,
      reserve: Math.round(RESERVE * capacity),
      priceMicro: String(PRICE[name]),
    };
  };
  const account = await world.till('api-model');
  await world.must(
    world.operator.openBucket({
      ...{
        bucket,
        account,
        rule: 'uniform-price',
        noiseWindowMs: NOISE_WINDOW_MS,
        noiseMaxPermille: NOISE_MAX_PERMILLE,
      },
      limits: [limit('requests', LIMITS.requestsPerMinute), limit('tokens', LIMITS.tokensPerMinute)],
    }),
  );
  return bucket;
}

function connect(world: World, { name, kind }: RatePlan['players'][number]): Promise<Agent> {
  return world.agent(name, CREDITS, { class: kind === 'system' ? 'system' : 'standard', team: kind });
}

interface Attempt {
  readonly what: string;
  /** What it was refused with; undefined where it passed. */
  readonly stoppedAs: string | undefined;
}

/** One that knows the wire tries what the SDK would not let it, while the bucket is fought over. */
async function breakIn(world: World, rogue: Rogue, system: Agent, bucket: string): Promise<Attempt[]> {
  const take = (hold: string, more: object = {}) => ({
    hold: world.id(hold),
    bucket,
    amounts: { requests: 1, tokens: 100 },
    maxPriceMicro: '1000000',
    ttlMs: 1000,
    ...more,
  });
  const most = Math.round((MIRROR * LIMITS.tokensPerMinute * LIMITS.burstMs) / 60_000);
  const others = await system.takeTokens(bucket, { requests: 1, tokens: 1, maxPriceMicro: 1_000_000 });
  const attempts: readonly (readonly [string, 'tokens' | 'return', object, readonly string[]])[] = [
    ['took as class System by saying so', 'tokens', take('r1', { class: 'system' }), ['malformed']],
    ['took in another agent’s name', 'tokens', take('r2', { agent: system.id }), ['not-permitted', 'unknown']],
    ['took what is reserved', 'tokens', take('r3', { amounts: { requests: 1, tokens: most } }), ['no-capacity']],
    ['took for less than the reserve price', 'tokens', take('r4', { maxPriceMicro: '10' }), ['below-reserve-price']],
  ];
  const done: Attempt[] = [];
  for (const [what, operation, body, details] of attempts) {
    done.push(attemptOf(what, await rogue.ask(operation, body), details));
  }
  if (others.ok) {
    const body = { key: world.id('r5'), hold: others.held.hold, used: { requests: 0, tokens: 0 } };
    done.push(attemptOf('gave back what another holds', await rogue.ask('return', body), ['not-permitted', 'unknown']));
    await others.held.release();
  }
  return done;
}

function attemptOf(what: string, answer: Awaited<ReturnType<Rogue['ask']>>, details: readonly string[]): Attempt {
  const detail = answer.performative === 'inform' ? undefined : String(answer.body?.detail);
  return { what, stoppedAs: detail !== undefined && details.includes(detail) ? detail : undefined };
}

export const rateTokens: Scenario = {
  name: 'rate-tokens',
  title: 'Rate tokens of a model API',
  about:
    'a model API’s limit is bought, held and given back instead of run into; a greedy neighbour pays for it; a minute or so',
  guardrail:
    'Whatever one neighbour asks for, the upstream is not run into, System does not wait, and nobody’s share is eaten.',
  metric: 'The requests that the upstream answered with 429, beside the same requests without the market.',
  takes: ['seconds', 'llmTrace', 'quiet'],
  run,
};
