// Human in the loop: what costs more than a threshold waits for an operator, who says yes, no, or nothing in time.
import { setTimeout as delay } from 'node:timers/promises';
import type { Agent, HireOutcome, Operator } from '@tender/agent';
import { CREDIT } from '@tender/credits';
import { priceOf } from './bargain.js';
import { credits, MINUTE, mean, PATIENCE_MS, provideFor, seenThrough } from './cast.js';
import type { Rogue } from './rogue.js';
import { type Guard, type Outcome, type Scenario, tallyOf } from './scenario.js';
import type { World } from './world.js';

const RESOURCE = 'lab';
const THRESHOLD = 20 * CREDIT;
const WITHIN_MS = 3_000;
const LOOK_EVERY_MS = 50;
const PLANS = ['approve', 'deny', 'sleep'] as const;
type Plan = (typeof PLANS)[number] | 'not asked';

interface Order {
  readonly name: string;
  readonly priceMicro: number;
  /** What the operator will do about it. */
  readonly plan: Plan;
  /** How long it thinks. */
  readonly thinksMs: number;
}

interface Answered {
  readonly order: Order;
  readonly outcome: HireOutcome;
  /** From the offer being closed on, or waiting, to the contract or the no. */
  readonly waitedMs: number;
  readonly pending: boolean;
}

function drawOrders(world: World): Order[] {
  const prng = world.prng('human');
  return Array.from({ length: 9 }, (_, index) => {
    const dear = index >= 3;
    const priceMicro = Math.round((dear ? 22 + 20 * prng.next() : 4 + 14 * prng.next()) * CREDIT);
    const plan: Plan = dear ? PLANS[index % 3]! : 'not asked';
    return { name: `buyer-${index + 1}`, priceMicro, plan, thinksMs: 100 + prng.int(400) };
  });
}

async function run(world: World): Promise<Outcome> {
  const resource = world.resource(RESOURCE);
  const orders = drawOrders(world);
  const scope = { payers: [world.everybody] };
  await world.rules([{ id: 'threshold', kind: 'approval', scope, aboveMicro: String(THRESHOLD), withinMs: WITHIN_MS }]);
  const worked = new Set<string>();
  const provider = await world.agent('provider');
  await provideFor(provider, resource, ({ issues }) => ({ ok: true, costMicro: priceOf(issues) }), {
    run: (_, { contract }) => {
      worked.add(contract);
      return {};
    },
  });
  const over = new AbortController();
  const desk = sitAtTheDesk(world, orders, over.signal);
  const agents = await Promise.all(orders.map(({ name }) => world.agent(name)));
  const answered = await Promise.all(orders.map((order, index) => buy(agents[index]!, order, resource)));
  const tried = await skipTheHuman(world, provider, resource, worked);
  over.abort();
  const decisions = await desk;
  await Promise.all(answered.map(({ outcome }) => seenThrough(outcome)));
  return { guard: guardOf(answered, tried), ...figuresOf(answered, decisions), notes: notesOf(answered) };
}

/** The operator looks at what waits, thinks, and decides as planned; what is planned to be slept over is left alone. */
async function sitAtTheDesk(world: World, orders: readonly Order[], over: AbortSignal): Promise<number> {
  const plans = new Map(orders.map((order) => [world.id(order.name), order]));
  const seen = new Set<string>();
  const deciding: Promise<boolean>[] = [];
  while (!over.aborted) {
    const waiting = await world.operator.approvals();
    for (const { proposal, by } of waiting.ok ? waiting.proposals : []) {
      const order = plans.get(by);
      if (order === undefined || seen.has(proposal)) continue;
      seen.add(proposal);
      deciding.push(decide(world.operator, proposal, order));
    }
    await delay(LOOK_EVERY_MS);
  }
  return (await Promise.all(deciding)).filter(Boolean).length;
}

async function decide(operator: Operator, proposal: string, { plan, thinksMs }: Order): Promise<boolean> {
  if (plan !== 'approve' && plan !== 'deny') return false;
  await delay(thinksMs);
  return (await operator.decide(proposal, plan)).ok;
}

async function buy(buyer: Agent, order: Order, resource: string): Promise<Answered> {
  let pending = false;
  let sinceMs = performance.now();
  const outcome = await buyer.hire({
    task: { resource, summary: `an experiment for ${credits(order.priceMicro)} credits` },
    ask: { priceMicro: order.priceMicro },
    windowMs: PATIENCE_MS,
    closeAfterAnswers: 1,
    onOpen: () => {
      sinceMs = performance.now();
    },
    onPending: () => {
      pending = true;
      sinceMs = performance.now();
    },
  });
  return { order, outcome, waitedMs: performance.now() - sinceMs, pending };
}

interface Attempt {
  readonly what: string;
  /** What it was stopped with; undefined where it was not. */
  readonly stoppedAs: string | undefined;
}

/** Three buyers that do not want to wait for anybody. */
async function skipTheHuman(
  world: World,
  provider: Agent,
  resource: string,
  worked: ReadonlySet<string>,
): Promise<Attempt[]> {
  const [jumper, forger, selfMade] = await Promise.all(
    ['jumper', 'forger', 'self-made-operator'].map((name) => world.rogue(name)),
  );
  return Promise.all([
    jump(world, jumper!, provider, resource, worked),
    forge(world, forger!, provider, resource, worked),
    decideAlone(world, selfMade!, provider, resource),
  ]);
}

/** Negotiates with the provider like everybody, and goes to the bank by itself. */
async function engageFor(world: World, rogue: Rogue, provider: Agent, resource: string) {
  const frame = world.frame(rogue.id, { resource, summary: 'no time to ask' });
  const issues = world.issues(30 * CREDIT);
  const protocol = world.protocol({ mode: 'fast' });
  const opening = { kind: 'opening', round: 1, issues, frame, provider: provider.id, bounds: {}, protocol };
  rogue.tell(provider.id, 'propose', frame.conversation, opening);
  const accepted = await rogue.answer(frame.conversation, ['accept-proposal', 'counter-propose']);
  const answer = await rogue.engage(frame, issues, [accepted?.body.offer]);
  return { frame, issues, answer };
}

/** Hears 261, and tells the provider to begin all the same. */
async function jump(
  world: World,
  rogue: Rogue,
  provider: Agent,
  resource: string,
  worked: ReadonlySet<string>,
): Promise<Attempt> {
  const { frame, answer } = await engageFor(world, rogue, provider, resource);
  const contract = `${frame.conversation}-t1`;
  rogue.tell(provider.id, 'task-start', frame.conversation, { contract, inputs: {} }, 202);
  await delay(300);
  const pending = answer.body.kind === 'pending' && !worked.has(contract);
  return { what: 'told the provider to begin before anybody approved', stoppedAs: pending ? 'pending' : undefined };
}

/** As above, and shows the provider a contract that it has made up. */
async function forge(
  world: World,
  rogue: Rogue,
  provider: Agent,
  resource: string,
  worked: ReadonlySet<string>,
): Promise<Attempt> {
  const { frame, issues, answer } = await engageFor(world, rogue, provider, resource);
  const contract = `${frame.conversation}-t1`;
  const now = world.now();
  const view = {
    contract,
    state: 'awarded',
    frame,
    issues,
    provider: provider.id,
    intent: 'made-up',
    attempt: 1,
    standbys: 0,
    awardedAt: now,
    dueAt: now + MINUTE,
    percent: 0,
    slots: [],
    fences: [],
  };
  rogue.tell(provider.id, 'inform', frame.conversation, { kind: 'contract', view }, 263);
  rogue.tell(provider.id, 'task-start', frame.conversation, { contract, inputs: {} }, 202);
  await delay(300);
  const known = await rogue.ask('task', { contract });
  const stopped = answer.body.kind === 'pending' && known.body.detail === 'unknown' && !worked.has(contract);
  return { what: 'showed the provider a contract of its own making', stoppedAs: stopped ? 'unknown' : undefined };
}

/** Approves its own proposal, signed by its own key. */
async function decideAlone(world: World, rogue: Rogue, provider: Agent, resource: string): Promise<Attempt> {
  const { answer } = await engageFor(world, rogue, provider, resource);
  const request = { key: `${rogue.id}-decide`, proposal: answer.body.proposal, verdict: 'approve' };
  const decided = await rogue.askAsOperator('decide', request);
  const stopped = decided.performative === 'inform' ? undefined : String(decided.body.detail);
  return { what: 'approved its own proposal', stoppedAs: stopped };
}

function guardOf(answered: readonly Answered[], tried: readonly Attempt[]): Guard {
  const wrong = answered.flatMap(({ order, outcome, pending }) => {
    const { name, plan, priceMicro } = order;
    const price = `${name}, ${credits(priceMicro)} credits`;
    const dear = priceMicro > THRESHOLD;
    if (dear !== pending) return [`${price}: ${pending ? 'waited for nothing' : 'did not wait'}`];
    if (outcome.ok && dear && plan !== 'approve') return [`${price}: a contract that nobody approved`];
    if (!outcome.ok && (!dear || plan === 'approve')) return [`${price}: no contract (${outcome.detail})`];
    return [];
  });
  const missed = tried.filter(({ stoppedAs }) => stoppedAs === undefined).map(({ what }) => `somebody ${what}`);
  return {
    tried: tried.length,
    stopped: tallyOf(tried.flatMap(({ stoppedAs }) => stoppedAs ?? [])),
    breaches: [...wrong, ...missed],
  };
}

function figuresOf(answered: readonly Answered[], decisions: number): Pick<Outcome, 'figures'> {
  const waits = (plan: Plan) =>
    mean(answered.filter(({ order }) => order.plan === plan).map(({ waitedMs }) => waitedMs));
  const asked = answered.filter(({ pending }) => pending).length;
  return {
    figures: [
      {
        name: 'wait for a contract that was approved',
        value: Math.round(waits('approve')),
        unit: 'ms',
        against: { name: 'below the threshold', value: Math.round(waits('not asked')) },
      },
      { name: 'decisions', value: decisions, unit: '', against: { name: 'proposals that waited', value: asked } },
      {
        name: 'wait for a no',
        value: Math.round(waits('deny')),
        unit: 'ms',
        against: { name: 'where nobody decided', value: Math.round(waits('sleep')) },
      },
    ],
  };
}

function notesOf(answered: readonly Answered[]): string[] {
  const details = tallyOf(answered.flatMap(({ outcome }) => (outcome.ok ? [] : [outcome.detail])));
  const told = Object.entries(details).map(([detail, count]) => `${count} ${detail}`);
  return [
    `Above ${credits(THRESHOLD)} credits an operator is asked, for ${WITHIN_MS / 1000} seconds; ended without a contract: ${told.join(', ')}.`,
  ];
}

export const human: Scenario = {
  name: 'human',
  title: 'Human in the loop',
  about: 'dear contracts wait for an operator, who approves, denies or sleeps; nobody gets around it',
  guardrail: 'No contract above the threshold without an operator’s yes, and no work without a contract.',
  metric:
    'How long a buyer waits for the contract once it has chosen, approved by an operator, beside below the threshold.',
  run,
};
