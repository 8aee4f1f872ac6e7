// Three parties: a budget that grants funds or does not, a channel that haggles on both sides, and a capacity that sells compute.
import type { Agent, HireOutcome } from '@tender/agent';
import { CREDIT } from '@tender/credits';
import type { TaskView } from '@tender/market';
import { priceOf } from './bargain.js';
import { credits, percent, provideFor, seenThrough } from './cast.js';
import { type Channel, MARGIN, openChannel } from './channel.js';
import { type Guard, type Outcome, type Scenario, tallyOf } from './scenario.js';
import type { World } from './world.js';

const JOBS = 8;
/** The last job's capacity promises and does not begin. */
const UNRELIABLE = JOBS - 1;
const CAP = 30 * CREDIT;
/** What the capacity asks at first, as a multiple of its cost. */
const FIRST_PRICE = 2;

interface Job {
  /** What the budget would pay for it at most. */
  readonly worthMicro: number;
  /** What it costs the capacity. */
  readonly costMicro: number;
}

interface Done {
  readonly job: Job;
  readonly number: number;
  readonly outcome: HireOutcome;
  readonly views: readonly TaskView[];
}

function drawJobs(world: World): Job[] {
  const prng = world.prng('three-party');
  return Array.from({ length: JOBS }, (_, number) => {
    const costMicro = Math.round((4 + 12 * prng.next()) * CREDIT);
    // The unreliable one's job is worth it in any case: it is to fail for its capacity alone.
    const worthMicro = Math.round((8 + 16 * prng.next()) * CREDIT) + (number === UNRELIABLE ? 12 * CREDIT : 0);
    return { worthMicro, costMicro };
  });
}

async function run(world: World): Promise<Outcome> {
  const jobs = drawJobs(world);
  const [results, compute] = [world.resource('results'), world.resource('compute')];
  const scope = { payers: [world.id('budget'), world.id('big-spender')] };
  await world.rules([{ id: 'cap', kind: 'budget-cap', scope, maxMicro: String(CAP), per: 'contract' }]);
  const [budget, channel, capacity, unreliable] = await Promise.all(
    ['budget', 'channel', 'capacity', 'unreliable'].map((name) => world.agent(name)),
  );
  await sell(capacity!, compute, jobs);
  await sell(unreliable!, compute, jobs, 'the machines are gone');
  const capacityFor = (job: number) => (job === UNRELIABLE ? unreliable! : capacity!).id;
  const between = await openChannel(channel!, results, compute, capacityFor);
  const done = await Promise.all(jobs.map((job, number) => grant(budget!, channel!.id, results, job, number)));
  await Promise.all([...between.bought.values()].map((hired) => hired.settled));
  const tried = await Promise.all([spendBeyond(world, results), embezzle(world, capacity!, compute)]);
  return outcomeOf(done, between, tried);
}

async function sell(agent: Agent, resource: string, jobs: readonly Job[], refusal?: string): Promise<void> {
  const costOf = (job: unknown) => jobs[Number(job)]?.costMicro ?? CREDIT;
  await provideFor(
    agent,
    resource,
    ({ frame }) => {
      const costMicro = costOf(frame.task.inputs.job);
      return { ok: true, costMicro, wishMicro: FIRST_PRICE * costMicro };
    },
    {
      run: ({ inputs }) => ({ rendered: String(inputs.job) }),
      refuseWork: () => refusal,
    },
  );
}

/** The budget asks for a result, and pays no more than that is worth to it. */
async function grant(budget: Agent, channel: string, resource: string, job: Job, number: number): Promise<Done> {
  const outcome = await budget.negotiate(channel, {
    task: { resource, summary: `result ${number + 1}`, inputs: { job: number } },
    ask: { priceMicro: CREDIT },
    bounds: { priceMicro: { min: '1', max: String(40 * CREDIT) } },
    limitMicro: job.worthMicro,
    mode: 'fast',
    roundMs: 5_000,
  });
  return { job, number, outcome, views: await seenThrough(outcome) };
}

interface Attempt {
  readonly what: string;
  readonly stoppedAs: string | undefined;
}

/** A budget whose holder would spend more on one thing than it may. */
async function spendBeyond(world: World, resource: string): Promise<Attempt> {
  const [spender, seller] = await Promise.all([world.rogue('big-spender'), world.rogue('accomplice')]);
  const frame = world.frame(spender.id, { resource, summary: 'something special' });
  const issues = world.issues(CAP + 10 * CREDIT);
  const { performative, body: answer } = await spender.engage(frame, issues, [seller.offer(frame, issues)]);
  return { what: 'spent beyond the cap', stoppedAs: performative === 'inform' ? undefined : answer.detail };
}

/** A channel that has no funds from anybody, and commits to the capacity all the same. */
async function embezzle(world: World, capacity: Agent, resource: string): Promise<Attempt> {
  const rogue = await world.rogue('penniless', 0);
  const frame = world.frame(rogue.id, { resource, summary: 'compute for nobody' });
  const { conversation } = frame;
  const issues = world.issues(15 * CREDIT);
  const protocol = world.protocol({ mode: 'fast' });
  const bounds = { priceMicro: { min: '1', max: String(40 * CREDIT) } };
  const opening = { kind: 'opening', round: 1, issues, frame, provider: capacity.id, bounds, protocol };
  rogue.tell(capacity.id, 'propose', conversation, opening);
  const answered = await rogue.answer(conversation, ['accept-proposal', 'counter-propose']);
  const offer = answered?.body.offer;
  const { performative, body: answer } = await rogue.engage(frame, offer?.issues ?? issues, [offer]);
  return {
    what: 'committed to the capacity without funds',
    stoppedAs: performative === 'inform' ? undefined : answer.detail,
  };
}

function outcomeOf(done: readonly Done[], { bought }: Channel, tried: readonly Attempt[]): Outcome {
  const closed = done.filter(({ views: [view] }) => view?.outcome === 'done');
  const possible = done.filter(({ job, number }) => number !== UNRELIABLE && job.worthMicro >= job.costMicro + MARGIN);
  const paidFor = (view: TaskView | undefined) => Number(view?.paidMicro ?? 0);
  const granted = closed.reduce((sum, { views: [view] }) => sum + paidFor(view), 0);
  const passedOn = [...bought.values()].reduce((sum, { view }) => sum + paidFor(view), 0);
  const surplus = closed.reduce((sum, { job }) => sum + job.worthMicro - job.costMicro, 0);
  const most = possible.reduce((sum, { job }) => sum + job.worthMicro - job.costMicro, 0);
  const unhaggled = possible
    .filter(({ job }) => job.worthMicro >= FIRST_PRICE * job.costMicro + MARGIN)
    .reduce((sum, { job }) => sum + job.worthMicro - job.costMicro, 0);
  const turnedDown = done.filter(
    ({ number, views: [view] }) => number === UNRELIABLE && view?.outcome === 'failed',
  ).length;
  return {
    guard: guardOf(done, bought, tried, turnedDown),
    figures: [
      {
        name: 'surplus of what was closed, of all that was to be had',
        value: percent(surplus / most),
        unit: '%',
        against: { name: 'had the capacity stood by its first price', value: percent(unhaggled / most) },
      },
      {
        name: 'jobs closed by all three',
        value: closed.length,
        unit: '',
        against: { name: 'worth closing', value: possible.length },
      },
      {
        name: 'granted by the budget',
        value: credits(granted),
        unit: 'credits',
        against: { name: 'passed on to the capacity', value: credits(passedOn) },
      },
    ],
    notes: done.map((one) => noteOf(one, bought)),
  };
}

/** Who agreed to what, job by job. */
function noteOf({ job, number, outcome, views: [view] }: Done, bought: Channel['bought']): string {
  const about = `Job ${number + 1}, worth ${credits(job.worthMicro)}, costs ${credits(job.costMicro)}`;
  if (view === undefined) return `${about}: no agreement (${outcome.ok ? '' : outcome.detail})`;
  if (view.outcome !== 'done') return `${about}: granted ${credits(priceOf(view.issues))}, turned down, all of it back`;
  const capacity = Number(bought.get(view.frame.conversation)?.view.paidMicro ?? 0);
  const paid = Number(view.paidMicro ?? 0);
  return `${about}: the budget paid ${credits(paid)}, the capacity got ${credits(capacity)}, the channel kept ${credits(paid - capacity)}`;
}

function guardOf(
  done: readonly Done[],
  bought: Channel['bought'],
  tried: readonly Attempt[],
  turnedDown: number,
): Guard {
  const alone = done.flatMap(({ number, outcome, views: [view] }) => {
    const capacity = bought.get(outcome.conversation)?.view;
    const name = `job ${number + 1}`;
    const [paid, passed] = [Number(view?.paidMicro ?? 0), Number(capacity?.paidMicro ?? 0)];
    if (view?.outcome === 'done' && capacity?.outcome !== 'done') return [`${name} was paid without capacity`];
    if (view?.outcome !== 'done' && passed > 0) return [`${name}: capacity was paid without the budget`];
    if (view?.outcome !== 'done' && paid > 0) return [`${name} was not done, and paid`];
    return paid > 0 && paid - passed < MARGIN ? [`${name} left the channel ${credits(paid - passed)}`] : [];
  });
  const missed = tried.flatMap(({ what, stoppedAs }) => (stoppedAs === undefined ? [`somebody ${what}`] : []));
  return {
    tried: tried.length + 1,
    stopped: {
      ...tallyOf(tried.flatMap(({ stoppedAs }) => stoppedAs ?? [])),
      ...(turnedDown > 0 ? { 'turned down, all of it back': turnedDown } : {}),
    },
    breaches: [...alone, ...missed],
  };
}

export const threeParty: Scenario = {
  name: 'three-party',
  title: 'Budget, channel and capacity',
  about: 'a budget grants funds, a channel haggles on both sides, a capacity sells compute; all three or none',
  guardrail:
    'A deal closes only if all three agree: no capacity without funds, no funds without capacity, none beyond the cap.',
  metric:
    'The surplus of the jobs that were closed, of all that could have been closed with a gain for each of the three.',
  run,
};
