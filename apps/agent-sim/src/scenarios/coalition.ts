// Coalition: several providers fill one call together or not at all, though one of them drops out, lies or is broke.
import type { Agent, Appraisal, Choice, Hired, TaskRequest } from '@tender/agent';
import { CREDIT } from '@tender/credits';
import type { BookedOffer, Issues, Seen, TaskView } from '@tender/market';
import { priceOf } from './bargain.js';
import { begins, mean, PATIENCE_MS, percent, provideFor, refusalsOf } from './cast.js';
import { type BigCall, bestCoalition, bestSingle, drawCalls, drawMembers, type Member } from './coalition-draw.js';
import { cheapestFill } from './placement.js';
import { answerCalls, type Rogue } from './rogue.js';
import { type Outcome, type Scenario, tallyOf } from './scenario.js';
import type { World } from './world.js';

const CALLS = 8;
const SMALL = 6;
const BIG = 2;
const ATTEMPTS = 3;
const RESOURCE = 'cluster';
const BOND = String(CREDIT / 2);

/** The parts of a coalition begin together: work waits until all are there. */
type Barriers = Map<string, { readonly open: Promise<void>; readonly lift: () => void }>;

function barrierOf(barriers: Barriers, conversation: string) {
  const known = barriers.get(conversation);
  if (known !== undefined) return known;
  let lift = () => {};
  const open = new Promise<void>((resolve) => {
    lift = resolve;
  });
  const barrier = { open, lift };
  barriers.set(conversation, barrier);
  return barrier;
}

interface Called {
  readonly call: BigCall;
  readonly number: number;
  /** Of each attempt: what was engaged at once, and what came of it. */
  readonly awards: readonly (readonly TaskView[])[];
  readonly filled: readonly Hired[] | undefined;
}

async function run(world: World): Promise<Outcome> {
  const calls = drawCalls(world.prng('coalition-calls'), CALLS);
  const members = drawMembers(world.prng('coalition-members'), CALLS, SMALL, BIG);
  const resource = world.resource(RESOURCE);
  const barriers: Barriers = new Map();
  await Promise.all(members.map((member) => seat(world, member, resource, barriers)));
  await weakling(world, resource, barriers);
  const stops = [await flake(world, resource), await deserter(world, resource)];
  const buyers = await Promise.all([1, 2, 3, 4].map((n) => world.agent(`buyer-${n}`)));
  const called = await Promise.all(
    buyers.map(async (buyer, lane) => {
      const done: Called[] = [];
      for (const [number, call] of calls.entries()) {
        if (number % buyers.length === lane) done.push(await fill(buyer, call, number, resource, barriers));
      }
      return done;
    }),
  );
  for (const stop of stops) await stop();
  const partial = await closeOnPart(world, resource);
  await Promise.all(called.flat().flatMap(({ filled = [] }) => filled.map((hired) => hired.settled)));
  return outcomeOf(world, members, called.flat(), partial);
}

async function seat(world: World, member: Member, resource: string, barriers: Barriers): Promise<void> {
  const agent = await world.agent(member.name);
  await provideFor(agent, resource, (request) => appraise(member, request), {
    run: async (_, bench) => {
      await barrierOf(barriers, bench.view.frame.conversation).open;
      return {};
    },
  });
}

/** It offers what it has, at its rate: where that is not all that is asked, with its refusal. */
function appraise({ units, rates }: Member, { frame, issues }: TaskRequest): Appraisal {
  const rate = rates[Number(frame.task.inputs.call)]!;
  const priced = (count: number) => rate * count;
  if (issues.units <= units) return { ok: true, costMicro: priced(issues.units), wishMicro: priced(issues.units) };
  const counter: Issues = { ...issues, units, priceMicro: String(priced(units)) };
  return { ok: false, detail: 'no-capacity', message: `${units} machines, no more`, counter };
}

/** It takes part for little, and turns every contract down. */
async function weakling(world: World, resource: string, barriers: Barriers): Promise<void> {
  const agent = await world.agent('weakling');
  const member = { name: 'weakling', units: 3, rates: new Array<number>(CALLS).fill(CREDIT / 4) };
  await provideFor(agent, resource, (request) => appraise(member, request), {
    run: async (_, bench) => {
      await barrierOf(barriers, bench.view.frame.conversation).open;
      return {};
    },
    refuseWork: () => 'the machines are down',
  });
}

/** Tenders for almost nothing, without the credits for its bond. */
async function flake(world: World, resource: string) {
  const rogue = await world.rogue('flake', 0, [resource]);
  return answerCalls(rogue, ({ from, conversation, body: { frame, ask } }) => {
    rogue.bid(from, 'propose', conversation, tender(rogue, frame, { ...ask, units: 4, priceMicro: '100000' }));
  });
}

/** Tenders, and is gone before the call closes. */
async function deserter(world: World, resource: string) {
  const rogue = await world.rogue('deserter', 10, [resource]);
  return answerCalls(rogue, ({ from, conversation, body: { frame, ask } }) => {
    rogue.bid(from, 'propose', conversation, tender(rogue, frame, { ...ask, units: 5, priceMicro: '120000' }));
    rogue.bid(from, 'withdraw', conversation, { kind: 'task', detail: 'no-capacity' });
  });
}

function tender(rogue: Rogue, frame: Parameters<Rogue['offer']>[0], issues: Issues): object {
  return { kind: 'tender', round: 1, issues, offer: rogue.offer(frame, issues) };
}

/** A buyer that would take a part, and call it all: the bank is shown three of eight machines. */
async function closeOnPart(world: World, resource: string): Promise<string> {
  const [buyer, provider] = await Promise.all([world.rogue('short-changer'), world.rogue('lender')]);
  const frame = world.frame(buyer.id, { resource, summary: 'eight machines' });
  const ask = world.issues(8 * CREDIT, { units: 8 });
  const offers = [provider.offer(frame, world.issues(3 * CREDIT, { units: 3 }))];
  const answer = await buyer.engage(frame, ask, offers, 'all');
  return answer.performative === 'inform' ? 'engaged' : String(answer.body.detail);
}

async function fill(
  buyer: Agent,
  call: BigCall,
  number: number,
  resource: string,
  barriers: Barriers,
): Promise<Called> {
  const awards: TaskView[][] = [];
  const distrusted = new Set<string>();
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const outcome = await hire(buyer, call, number, resource, distrusted);
    if (!outcome.ok) return { call, number, awards, filled: undefined };
    awards.push(outcome.tasks.map(({ view }) => view));
    const { lift } = barrierOf(barriers, outcome.conversation);
    const begun = await Promise.all(outcome.tasks.map(begins));
    lift();
    if (begun.every(Boolean)) return { call, number, awards, filled: outcome.tasks };
    // A part is missing, and nobody stands by for it: the rest is of no use.
    for (const [index, hired] of outcome.tasks.entries()) if (!begun[index]) distrusted.add(hired.provider);
    await Promise.all(outcome.tasks.filter((_, index) => begun[index]).map((hired) => hired.decommit()));
  }
  return { call, number, awards, filled: undefined };
}

function hire(buyer: Agent, call: BigCall, number: number, resource: string, distrusted: ReadonlySet<string>) {
  const { units, budgetMicro } = call;
  return buyer.hire({
    task: { resource, summary: `${units} machines at once`, inputs: { call: number } },
    ask: { priceMicro: budgetMicro, units },
    bounds: { units: { min: 1, max: units }, priceMicro: { min: '1', max: String(budgetMicro) } },
    conditions: { bondMicro: BOND, penaltyPermille: 10 },
    fill: { kind: 'all', by: 'units' },
    mode: 'optimal',
    windowMs: PATIENCE_MS,
    // All members, the weakling and the flake; who has withdrawn does not count.
    closeAfterAnswers: SMALL + BIG + 2,
    choose: (seen) => coalitionOf(seen, call, distrusted),
  });
}

/** The cheapest parts that make up the whole; dearer ones stand by, as far as the budget would bear one of them. */
function coalitionOf({ offers, counters }: Seen, call: BigCall, distrusted: ReadonlySet<string>): Choice {
  const parts = [...offers, ...counters.filter(({ fault }) => fault === undefined)]
    .filter(({ participant }) => !distrusted.has(participant))
    .map((booked) => ({ booked, units: booked.offer.issues.units, price: priceOf(booked.offer.issues) }));
  const chosen = cheapestFill(parts, call.units);
  const total = chosen?.reduce((sum, { price }) => sum + price, 0) ?? Number.POSITIVE_INFINITY;
  if (chosen === undefined || total > call.budgetMicro) return { kind: 'give-up' };
  // Ranked behind all that were chosen; were all of them needed, the budget would still do.
  const most = Math.max(...chosen.map(({ price }) => price));
  let left = call.budgetMicro - total;
  const dearer = parts.filter((part) => !chosen.includes(part) && part.price > most);
  const standbys = dearer
    .sort((a, b) => a.price - b.price)
    .filter(({ price }) => {
      if (price > left) return false;
      left -= price;
      return true;
    });
  const intentOf = ({ booked }: { booked: BookedOffer }) => booked.intent;
  return { kind: 'settle', intents: [...chosen, ...standbys].map(intentOf) };
}

async function outcomeOf(
  world: World,
  members: readonly Member[],
  called: readonly Called[],
  partial: string,
): Promise<Outcome> {
  const moves = await world.log();
  const fillable = called.filter(({ call, number }) => bestCoalition(members, call, number) !== undefined);
  const filled = called.filter((one) => one.filled !== undefined);
  const said = (name: string, what: string) =>
    moves.filter((move) => move.from === name && move.what.startsWith(what)).length;
  const turnedDown = said('weakling', 'report turn-down');
  const broke = refusalsOf(moves, 'flake').filter((detail) => detail === 'insufficient-credits').length;
  const paid = ({ filled: tasks = [] }: Called) => tasks.reduce((sum, { view }) => sum + priceOf(view.issues), 0);
  const beside = filled.flatMap((one) => {
    const single = bestSingle(members, one.call, one.number);
    return single === undefined ? [] : [paid(one) / single];
  });
  const best = filled.flatMap((one) => bestCoalition(members, one.call, one.number) ?? []);
  const stopped = {
    ...tallyOf(Array.from({ length: broke }, () => 'insufficient-credits')),
    withdrawn: said('deserter', 'withdraw'),
    'turned down': turnedDown,
    ...(partial === 'engaged' ? {} : { [partial]: 1 }),
  };
  return {
    guard: {
      tried: broke + said('deserter', 'propose') + turnedDown + 1,
      stopped,
      breaches: [
        ...called.flatMap((one) => breachesOf(world, one)),
        ...(partial === 'engaged' ? ['the bank engaged three of eight machines'] : []),
      ],
    },
    figures: [
      {
        ...{
          name: 'calls filled of those that a coalition could fill',
          value: percent(filled.length / fillable.length),
          unit: '%',
        },
        against: { name: 'by one provider alone', value: percent(alone(members, fillable) / fillable.length) },
      },
      { name: 'price beside the best single provider’s', value: percent(mean(beside)), unit: '%' },
      {
        ...{
          name: 'price, all calls filled',
          value: Math.round(filled.reduce((sum, one) => sum + paid(one), 0) / 10_000) / 100,
          unit: 'credits',
        },
        against: {
          name: 'the cheapest coalitions',
          value: Math.round(best.reduce((sum, price) => sum + price, 0) / 10_000) / 100,
        },
      },
    ],
    notes: [
      `${CALLS} calls for 6 to 18 machines, ${SMALL} providers with 2 to 5 and ${BIG} with 12; ${moves.filter(({ what }) => what === 'report turn-down').length} parts were turned down, ${called.reduce((sum, { awards }) => sum + Math.max(0, awards.length - 1), 0)} calls were made again.`,
    ],
  };
}

function alone(members: readonly Member[], called: readonly Called[]): number {
  return called.filter(({ call, number }) => {
    const single = bestSingle(members, call, number);
    return single !== undefined && single <= call.budgetMicro;
  }).length;
}

/** An award of less than the whole, beyond the budget, or to somebody who never meant it. */
function breachesOf(world: World, { call, awards, filled = [] }: Called): string[] {
  const short = awards.flatMap((views) => {
    const units = views.reduce((sum, { issues }) => sum + issues.units, 0);
    return units < call.units ? [`${units} of ${call.units} machines were awarded`] : [];
  });
  const total = filled.reduce((sum, { view }) => sum + priceOf(view.issues), 0);
  const rogues = ['flake', 'deserter'].map((name) => world.id(name));
  const wrong = filled
    .filter(({ provider }) => rogues.includes(provider))
    .map(({ provider }) => `${provider} got a part`);
  const dear = total > call.budgetMicro ? [`${total} was paid, the budget was ${call.budgetMicro}`] : [];
  const units = filled.reduce((sum, { view }) => sum + view.issues.units, 0);
  const lost = filled.length > 0 && units < call.units ? [`${units} of ${call.units} machines ran`] : [];
  return [...short, ...wrong, ...dear, ...lost];
}

export const coalition: Scenario = {
  name: 'coalition',
  title: 'Coalition',
  about: 'several providers fill one call, all or nothing; one drops out, one is broke, one turns down',
  guardrail: 'Never a partial award: a call that asks for all is filled whole, within its budget, or not at all.',
  metric:
    'Calls filled, as a share of those that a coalition of reliable providers could fill within the budget (by brute force).',
  run,
};
