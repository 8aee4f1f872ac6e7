// Constraint satisfaction: machines check what they can do, say no with what would pass, and no contract breaks a hard limit.

import type { Agent, Appraisal, Choice, Hired, HireOutcome, TaskRequest } from '@tender/agent';
import type { Issues, Seen } from '@tender/market';
import { priceOf } from './bargain.js';
import { begins, credits, MINUTE, PATIENCE_MS, percent, provideFor, refusalsOf } from './cast.js';
import { drawMachines, drawNeeds, type Machine, type Need, obstacle } from './constraints-draw.js';
import { mostPlaced } from './placement.js';
import { answerCalls } from './rogue.js';
import { type Outcome, type Scenario, tallyOf } from './scenario.js';
import type { World } from './world.js';

const TASKS = 14;
const MACHINES = 6;
const BUYERS = 4;
const TRIES = 3;
const RESOURCE = 'batch';
const GRACE_MS = 2_000;

/** A machine with its agent, and what it has taken on. */
interface Seat {
  readonly machine: Machine;
  readonly agent: Agent;
  readonly holding: Set<string>;
}

interface Placed {
  readonly need: Need;
  readonly hired: Hired | undefined;
  readonly startedMs: number;
  readonly outcomes: readonly HireOutcome[];
}

async function run(world: World): Promise<Outcome> {
  const prng = world.prng('constraints');
  const needs = drawNeeds(prng, TASKS);
  const machines = drawMachines(prng, MACHINES);
  const resource = world.resource(RESOURCE);
  const cleared = [world.id('machine-*')];
  const regions = [...new Set(machines.map(({ region }) => region))];
  const scope = { payers: [world.everybody] };
  await world.rules([
    { id: 'cleared', kind: 'data-class', scope, from: 'confidential', cleared },
    { id: 'regions', kind: 'region', scope, regions },
  ]);
  const over = new AbortController();
  const seats = await Promise.all(machines.map((machine) => open(world, machine, resource, over.signal)));
  const stopRogues = await Promise.all([startLiar(world, resource), startBraggart(world, resource)]);
  const buyers = await Promise.all(Array.from({ length: BUYERS }, (_, n) => world.agent(`buyer-${n + 1}`)));
  const placed = await Promise.all(
    buyers.map((buyer, n) =>
      placeAll(
        buyer,
        needs.filter((_, index) => index % BUYERS === n),
        resource,
      ),
    ),
  );
  const smuggled = await smuggle(world, resource);
  over.abort();
  const all = placed.flat();
  await Promise.all(all.map(({ hired }) => hired?.settled));
  for (const stop of stopRogues) await stop();
  return outcomeOf(world, { machines, needs, placed: all, seats, smuggled });
}

/** Works on what it takes until the scenario is over, so that its room is really used. */
async function open(world: World, machine: Machine, resource: string, over: AbortSignal): Promise<Seat> {
  const agent = await world.agent(machine.name);
  const holding = new Set<string>();
  await provideFor(agent, resource, (request) => appraise(machine, holding.size, request), {
    run: async () => {
      if (!over.aborted) await new Promise((resume) => over.addEventListener('abort', resume, { once: true }));
      return {};
    },
    onContract: ({ contract }) => void holding.add(contract),
    refuseWork: ({ contract }) => {
      if (holding.size <= machine.room) return undefined;
      holding.delete(contract);
      return `there is room for ${machine.room} tasks`;
    },
    onSettled: ({ contract }) => void holding.delete(contract),
  });
  return { machine, agent, holding };
}

/** The capability check: what stands in the way for good, then what another region or deadline would mend. */
function appraise(machine: Machine, holding: number, { frame, issues, nowMs }: TaskRequest): Appraisal {
  if (holding >= machine.room) {
    return { ok: false, detail: 'no-capacity', message: `there is room for ${machine.room} tasks`, retryAfterMs: 500 };
  }
  const { memoryMb = 0, tokens = 0, dependencies = [] } = frame.task;
  const asked = { memoryMb, tokens, dependencies, regions: [issues.region] };
  const detail = obstacle(asked, machine, issues.deadline - nowMs, Number.POSITIVE_INFINITY);
  if (detail === undefined) {
    return {
      ok: true,
      costMicro: machine.costMicro,
      wishMicro: machine.costMicro * 1.25,
      completesAt: nowMs + machine.takesMs,
    };
  }
  const { region, takesMs } = machine;
  // A little longer: the offer is closed on a while later.
  const counter: Issues = { ...issues, region, deadline: Math.max(issues.deadline, nowMs + takesMs + GRACE_MS) };
  const still = obstacle({ ...asked, regions: [region] }, machine, counter.deadline - nowMs, Number.POSITIVE_INFINITY);
  const message = `${machine.name} has ${machine.memoryMb} MB, ${machine.tokens} tokens, ${machine.has.join(' and ') || 'no libraries'}, in ${region}`;
  return still === undefined ? { ok: false, detail, message, counter } : { ok: false, detail: still, message };
}

async function placeAll(buyer: Agent, needs: readonly Need[], resource: string): Promise<Placed[]> {
  const placed: Placed[] = [];
  for (const need of needs) placed.push(await place(buyer, need, resource));
  return placed;
}

/** Asks for it as it would like it; again where all that it closed on was turned down. */
async function place(buyer: Agent, need: Need, resource: string): Promise<Placed> {
  const outcomes: HireOutcome[] = [];
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const startedMs = buyer.now();
    const { memoryMb, tokens, dependencies, confidential, budgetMicro, regions, wantedMs } = need;
    const dataClass = confidential ? 'confidential' : 'internal';
    const outcome = await buyer.hire({
      task: { resource, summary: need.name, memoryMb, tokens, dependencies: [...dependencies], dataClass },
      ask: {
        priceMicro: budgetMicro,
        startBy: startedMs + 2 * PATIENCE_MS,
        deadline: startedMs + wantedMs,
        durationMs: MINUTE,
        region: regions[0]!,
      },
      conditions: { graceMs: 1_000 },
      bounds: { priceMicro: { min: '1', max: String(budgetMicro) } },
      mode: 'optimal',
      choose: (seen) => chosen(seen, need, startedMs),
      windowMs: PATIENCE_MS,
      // All machines, and the braggart where data is confidential; what the liar says is no answer.
      closeAfterAnswers: MACHINES + (confidential ? 1 : 0),
    });
    outcomes.push(outcome);
    // Nobody can do it, and no room is freed before the scenario ends.
    if (!outcome.ok) break;
    const [hired] = outcome.tasks;
    if (await begins(hired!)) return { need, hired, startedMs, outcomes };
  }
  return { need, hired: undefined, startedMs: 0, outcomes };
}

function allows(need: Need, startedMs: number, issues: Issues): boolean {
  const { regions, latestMs, budgetMicro } = need;
  return regions.includes(issues.region) && issues.deadline <= startedMs + latestMs && priceOf(issues) <= budgetMicro;
}

/** Offers as asked, and counter-offers that the need allows: the bank takes the cheapest that may be engaged. */
function chosen({ offers, counters }: Seen, need: Need, startedMs: number): Choice {
  const fitting = counters.filter(
    ({ offer, fault }) => fault !== 'authorization-required' && allows(need, startedMs, offer.issues),
  );
  const intents = [...offers, ...fitting].map(({ intent }) => intent);
  return intents.length === 0 ? { kind: 'give-up' } : { kind: 'settle', intents };
}

/** Offers each task for next to nothing, in a region that nobody asked for, by a deadline of its own. */
async function startLiar(world: World, resource: string): Promise<() => Promise<void>> {
  const liar = await world.rogue('liar', 1000, [resource]);
  return answerCalls(liar, ({ from, conversation, body: { frame, ask } }) => {
    const issues = { ...ask, priceMicro: '1000', region: 'nowhere', deadline: ask.deadline + 60 * MINUTE };
    liar.bid(from, 'propose', conversation, { kind: 'tender', round: 1, issues, offer: liar.offer(frame, issues) });
  });
}

/** Offers to work on confidential data for next to nothing; nobody has cleared it. */
async function startBraggart(world: World, resource: string): Promise<() => Promise<void>> {
  const braggart = await world.rogue('braggart', 1000, [resource]);
  return answerCalls(braggart, ({ from, conversation, body: { frame, ask } }) => {
    if (frame.task.dataClass !== 'confidential') return;
    const issues = { ...ask, priceMicro: '1000' };
    const offer = braggart.offer(frame, issues);
    braggart.bid(from, 'propose', conversation, { kind: 'tender', round: 1, issues, offer });
  });
}

/** A buyer and a provider who agree with each other, but not with the rules: the bank is asked all the same. */
async function smuggle(world: World, resource: string): Promise<string> {
  const [buyer, provider] = await Promise.all([world.rogue('smuggler'), world.rogue('fence')]);
  const frame = world.frame(buyer.id, { resource, summary: 'no questions asked' });
  const issues = world.issues(1000, { region: 'nowhere' });
  const answer = await buyer.engage(frame, issues, [provider.offer(frame, issues)]);
  return answer.performative === 'inform' ? 'engaged' : String(answer.body.detail);
}

interface Came {
  readonly machines: readonly Machine[];
  readonly needs: readonly Need[];
  readonly placed: readonly Placed[];
  readonly seats: readonly Seat[];
  readonly smuggled: string;
}

async function outcomeOf(world: World, { machines, needs, placed, seats, smuggled }: Came): Promise<Outcome> {
  const moves = await world.log();
  const capacity = machines.map(({ room }) => room);
  const able = (fits: (need: Need, machine: Machine) => boolean) =>
    mostPlaced(
      needs.map((need) => machines.flatMap((machine, index) => (fits(need, machine) ? [index] : []))),
      capacity,
    );
  const placeable = able(
    (need, machine) => obstacle(need, machine, need.latestMs - GRACE_MS, need.budgetMicro) === undefined,
  );
  const asAsked = able(
    (need, machine) =>
      obstacle({ ...need, regions: [need.regions[0]!] }, machine, need.wantedMs, need.budgetMicro) === undefined,
  );
  const done = placed.filter(({ hired }) => hired !== undefined);
  const lies = moves.filter(({ from, what }) => from === 'liar' && what.startsWith('propose')).length;
  const boasts = moves.filter(({ from, what }) => from === 'braggart' && what.startsWith('propose')).length;
  const told = [...refusalsOf(moves, 'liar'), ...refusalsOf(moves, 'braggart')];
  const countered = done.filter(({ need, hired, startedMs }) => {
    const { region, deadline } = hired!.view.issues;
    return region !== need.regions[0] || deadline > startedMs + need.wantedMs;
  }).length;
  return {
    guard: {
      tried: lies + boasts + 1,
      stopped: tallyOf([...told, ...(smuggled === 'engaged' ? [] : [smuggled])]),
      breaches: [
        ...breachesOf(done, seats),
        ...strangersIn(world, placed, seats),
        ...(smuggled === 'engaged' ? ['the bank engaged an offer in a forbidden region'] : []),
      ],
    },
    figures: [
      {
        ...{
          name: 'tasks placed of those that can be placed at all',
          value: percent(done.length / placeable),
          unit: '%',
        },
        against: { name: 'at most, without counter-proposals', value: percent(asAsked / placeable) },
      },
      { name: 'tasks placed', value: done.length, unit: '', against: { name: 'by brute force', value: placeable } },
    ],
    notes: [
      `${TASKS} tasks, ${MACHINES} machines; ${countered} contracts on a machine’s terms, from the counter-proposal in its refusal.`,
    ],
  };
}

/** Contracts outside hard constraints, by what each machine and task really is. */
function breachesOf(placed: readonly Placed[], seats: readonly Seat[]): string[] {
  return placed.flatMap(({ need, hired, startedMs }) => {
    const { provider, issues } = hired!.view;
    const seat = seats.find(({ agent }) => agent.id === provider);
    if (seat === undefined) return [];
    const detail = obstacle(need, seat.machine, issues.deadline - startedMs, priceOf(issues));
    const why = detail ?? (allows(need, startedMs, issues) ? undefined : 'terms');
    return why === undefined
      ? []
      : [`${need.name} went to ${seat.machine.name} against ${why}, at ${credits(priceOf(issues))}`];
  });
}

/** Contracts of those who are no machines at all, begun or not. */
function strangersIn(world: World, placed: readonly Placed[], seats: readonly Seat[]): string[] {
  const machines = new Set(seats.map(({ agent }) => agent.id));
  const tasks = placed.flatMap(({ outcomes }) => outcomes.flatMap((one) => (one.ok ? one.tasks : [])));
  const strangers = tasks.filter(({ provider }) => !machines.has(provider));
  return strangers.map(({ contract, provider }) => `${provider.slice(world.run.length + 1)} got ${contract}`);
}

export const constraints: Scenario = {
  name: 'constraints',
  title: 'Constraint satisfaction',
  about: 'capability checks, refusals that say what would pass; no contract outside a hard limit',
  guardrail: 'No contract breaks a hard constraint: region, clearance, memory, tokens, libraries, deadline, budget.',
  metric:
    'Tasks placed, as a share of those that can be placed at all (by brute force), beside what could be placed without counter-proposals.',
  run,
};
