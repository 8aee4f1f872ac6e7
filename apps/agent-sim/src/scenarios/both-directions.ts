// Both directions: slots are sold, tasks are bought, and a request for 48 hours is countered at 72 and agreed on turn two.
import type { Agent, Appraise, HireOutcome } from '@tender/agent';
import { CREDIT } from '@tender/credits';
import { PATIENCE_MS, provideFor, refusalsOf, roundsOf, seenThrough } from './cast.js';
import type { Move } from './move.js';
import { type Outcome, type Scenario, tallyOf } from './scenario.js';
import type { World } from './world.js';

const HOUR = 3_600_000;
const RESOURCE = 'render';

/** It needs 72 hours, whatever is asked; what would pass is told with the no. */
function needs72(world: World): Appraise {
  const possible = world.now() + 72 * HOUR;
  return ({ issues }) => {
    if (issues.deadline >= possible) return { ok: true, costMicro: 5 * CREDIT };
    const counter = { ...issues, deadline: possible };
    return { ok: false, detail: 'deadline-infeasible', message: 'it takes 72 hours', counter };
  };
}

function askOf(world: World) {
  const now = world.now();
  return {
    ask: { priceMicro: 9 * CREDIT, startBy: now + HOUR, deadline: now + 48 * HOUR, durationMs: 40 * HOUR },
    bounds: { deadline: { min: now + HOUR, max: now + 96 * HOUR } },
  };
}

async function run(world: World): Promise<Outcome> {
  const resource = world.resource(RESOURCE);
  const studio = await world.agent('studio');
  await provideFor(studio, resource, needs72(world));
  const [caller, haggler, stubborn, arbiter] = await Promise.all(
    ['caller', 'haggler', 'stubborn', 'arbiter'].map((name) => world.agent(name)),
  );
  const announced = await caller!.hire({
    task: { resource, summary: 'render a film in 48 hours' },
    ask: askOf(world).ask,
    limits: askOf(world).bounds,
    windowMs: PATIENCE_MS,
    closeAfterAnswers: 1,
  });
  const bilateral = await haggler!.negotiate(studio.id, {
    task: { resource, summary: 'render a film in 48 hours' },
    ...askOf(world),
    // What would pass is within its bounds: it says yes to it.
    decide: (turn) => ({ kind: 'propose', issues: turn.theirs.at(-1)?.issues ?? turn.context.ask }),
  });
  const escalated = await insist(world, stubborn!, arbiter!, studio.id, resource);
  const sold = await sellSlots(world);
  await nag(world, studio.id, resource);
  await Promise.all([announced, bilateral, escalated].map(seenThrough));
  const moves = await world.log();
  return outcomeOf(moves, { announced, bilateral, escalated, sold });
}

/** Asks for 48 hours three times; then an arbiter decides, and finds that 72 will do. */
async function insist(world: World, buyer: Agent, arbiter: Agent, provider: string, resource: string) {
  arbiter.onEscalation(({ theirs }) =>
    theirs === undefined ? { kind: 'reject', message: 'nothing is offered' } : { kind: 'accept', issues: theirs },
  );
  return buyer.negotiate(provider, {
    task: { resource, summary: 'render a film in 48 hours, no later' },
    ...askOf(world),
    decide: (turn) => ({ kind: 'propose', issues: turn.context.ask }),
    escalateTo: arbiter.id,
  });
}

/** The other direction: an agent sells two slots of a pool, the highest bid wins. */
async function sellSlots(world: World): Promise<number> {
  const [seller, bidder] = await Promise.all([world.agent('seller'), world.agent('bidder')]);
  const pool = await world.pool('slots', seller, { slots: 2 });
  const wins = bidder.win(pool, { maxPriceMicro: 3 * CREDIT, deadlineMs: 10_000 });
  // Calls that came before the bidder listened are lost: it is sold until it has won.
  let won = false;
  void wins.then(() => {
    won = true;
  });
  while (!won) {
    const sale = await seller.call({ pool, durationMs: 60_000, windowMs: 150 });
    if (!sale.ok && sale.detail !== 'no-capacity') break;
  }
  const lease = await wins;
  const settled = await lease.release();
  return settled.ok ? 1 : 0;
}

/** A buyer made of the wire alone asks for 48 hours again and again. */
async function nag(world: World, to: string, resource: string): Promise<void> {
  const rogue = await world.rogue('nagger');
  const frame = world.frame(rogue.id, { resource, summary: 'render a film in 48 hours' });
  const { ask, bounds } = askOf(world);
  const issues = world.issues(ask.priceMicro, { ...ask, priceMicro: String(ask.priceMicro) });
  const protocol = world.protocol();
  const opening = { kind: 'opening', round: 1, issues, frame, provider: to, bounds, protocol };
  rogue.tell(to, 'propose', frame.conversation, opening);
  for (let round = 2; round <= 5; round++) {
    const heard = await rogue.answer(frame.conversation, ['reject-proposal', 'failure', 'cancel']);
    if (heard?.performative !== 'reject-proposal') return;
    rogue.tell(to, 'counter-propose', frame.conversation, { kind: 'counter', round, issues });
  }
}

interface Came {
  readonly announced: HireOutcome;
  readonly bilateral: HireOutcome;
  readonly escalated: HireOutcome;
  readonly sold: number;
}

function outcomeOf(moves: readonly Move[], { announced, bilateral, escalated, sold }: Came): Outcome {
  const turn = ({ ok, conversation }: HireOutcome) => (ok ? roundsOf(moves, conversation) : 0);
  const refused = refusalsOf(moves, 'nagger');
  const fourth = refused.filter((detail) => detail === 'round-limit');
  const rejections = refused.filter((detail) => detail === 'deadline-infeasible').length;
  const deadlines = [announced, bilateral, escalated].map((one) => (one.ok ? one.tasks[0]!.view.issues.deadline : 0));
  const breaches = [
    ...(rejections > 3 ? [`the nagger was rejected ${rejections} times`] : []),
    ...(fourth.length === 0 ? ['the nagger’s proposal after the third rejection was not refused'] : []),
    ...(turn(announced) === 2 && turn(bilateral) === 2 ? [] : ['72 hours were not agreed on turn two']),
    ...(escalated.ok ? [] : ['the arbiter’s word led to no contract']),
  ];
  return {
    guard: { tried: 1, stopped: tallyOf(fourth.slice(0, 1)), breaches },
    figures: [
      {
        name: 'turn on which 72 hours were approved, announced',
        value: turn(announced),
        unit: '',
        against: { name: 'by an arbiter after three rejections', value: turn(escalated) },
      },
      { name: 'turn on which they were approved, between two', value: turn(bilateral), unit: '' },
      {
        name: 'tasks bought',
        value: deadlines.filter((deadline) => deadline > 0).length,
        unit: '',
        against: { name: 'leases sold', value: sold },
      },
    ],
    notes: ['Each no to 48 hours is a 463 that carries 72 hours, sealed: the buyer may close on it at once.'],
  };
}

export const bothDirections: Scenario = {
  name: 'both-directions',
  title: 'Both directions, and a counter-proposal',
  about: '48 hours asked, countered at 72, agreed on turn two; tasks are bought and slots are sold',
  guardrail: 'Three rejections in one conversation, and it is escalated or over: a fourth proposal is refused.',
  metric: 'The turn on which a request for 48 hours that takes 72 was approved, beside that of a buyer who insists.',
  run,
};
