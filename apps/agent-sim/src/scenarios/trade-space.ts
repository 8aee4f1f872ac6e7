// Multi-issue trade space: price, deadline, machines, batch and scope traded against each other, beside haggling over the price.
import type { Agent, HireOutcome, MyTurn } from '@tender/agent';
import { CREDIT } from '@tender/credits';
import { type Bounds, type Frame, type Issues, outOfBounds, type TaskView } from '@tender/market';
import { efficiencyOf, jointGain, outcomesOf, priceOf, type Sides } from './bargain.js';
import { credits, MINUTE, mean, PATIENCE_MS, percent, provideFor, refusalsOf, roundsOf, seenThrough } from './cast.js';
import type { Move } from './move.js';
import { drawCosts, drawTastes, gainsOf, laddersOf, tableOf } from './preferences.js';
import type { Rogue } from './rogue.js';
import { type Guard, type Outcome, type Scenario, tallyOf } from './scenario.js';
import { explore, type Haggler, quote } from './trade-off.js';
import type { World } from './world.js';

const PAIRS = 8;
const ROUNDS = 24;
const RESOURCE = 'fleet';
const PRICES = [CREDIT, 60 * CREDIT] as const;

interface Pair {
  readonly sides: Sides;
  /** All that could be agreed, at any price. */
  readonly outcomes: readonly Issues[];
}

type Table = 'all issues' | 'price only';

interface Traded {
  readonly pair: Pair;
  readonly table: Table;
  readonly outcome: HireOutcome;
  readonly views: readonly TaskView[];
}

/** The same for all: what a buyer would like best, and the usual contract that leaves the price alone to be haggled over. */
function asksOf(zeroMs: number): Readonly<Record<Table, { ask: Issues; bounds: Bounds }>> {
  const priceMicro = { min: String(PRICES[0]), max: String(PRICES[1]) };
  const terms = { priceMicro: '1', startBy: zeroMs + MINUTE / 2, durationMs: MINUTE / 6, scope: 1000, region: 'any' };
  return {
    'all issues': {
      ask: { ...terms, deadline: zeroMs + MINUTE, units: 4, batch: 32 },
      bounds: {
        priceMicro,
        deadline: { min: zeroMs + MINUTE, max: zeroMs + 5 * MINUTE },
        units: { min: 1, max: 4 },
        batch: { min: 1, max: 32 },
        scope: { min: 400, max: 1000 },
      },
    },
    'price only': { ask: { ...terms, deadline: zeroMs + 3 * MINUTE, units: 2, batch: 8 }, bounds: { priceMicro } },
  };
}

async function run(world: World): Promise<Outcome> {
  const prng = world.prng('trade-space');
  const resource = world.resource(RESOURCE);
  const zeroMs = world.now();
  const { ask } = asksOf(zeroMs)['all issues'];
  const seats = await Promise.all(
    Array.from({ length: PAIRS }, async (_, index) => {
      const sides = gainsOf(drawTastes(prng), drawCosts(prng), zeroMs);
      const pair = { sides, outcomes: outcomesOf(ask, tableOf(zeroMs)) };
      const [buyer, provider] = await Promise.all([
        world.agent(`buyer-${index + 1}`),
        world.agent(`provider-${index + 1}`),
      ]);
      await open(provider, resource, pair.sides);
      return { pair, buyer, provider };
    }),
  );
  const traded: Traded[] = [];
  for (const table of ['all issues', 'price only'] as const) {
    const trades = seats.map(({ pair, buyer, provider }) => trade(buyer, provider.id, resource, pair, table, zeroMs));
    traded.push(...(await Promise.all(trades)));
  }
  const careless = await overreach(world, resource, seats[0]!, zeroMs);
  const moves = await world.log();
  return {
    guard: guardOf(moves, traded, careless, zeroMs),
    ...figuresOf(moves, traded),
    notes: notesOf(traded, zeroMs),
  };
}

const issuesOf = (proposals: MyTurn['ours']) => proposals.map(({ issues }) => issues);

/** Names a price for whatever is proposed: what that costs it, and a margin that shrinks. */
async function open(provider: Agent, resource: string, sides: Sides): Promise<void> {
  const who: Haggler = { gain: sides.provider, prices: PRICES, rounds: ROUNDS };
  const appraise = ({ issues }: { issues: Issues }) =>
    ({ ok: true, costMicro: priceOf(issues) - sides.provider(issues) }) as const;
  await provideFor(provider, resource, appraise, {
    decide: ({ ours, theirs }) => quote(who, issuesOf(ours), issuesOf(theirs)),
  });
}

async function trade(
  buyer: Agent,
  provider: string,
  resource: string,
  pair: Pair,
  table: Table,
  zeroMs: number,
): Promise<Traded> {
  const { ask, bounds } = asksOf(zeroMs)[table];
  const worth = pair.sides.buyer(ask) + priceOf(ask);
  const ladders = table === 'all issues' ? laddersOf(zeroMs) : {};
  const who = { gain: pair.sides.buyer, prices: PRICES, rounds: ROUNDS, ladders };
  const outcome = await buyer.negotiate(provider, {
    task: { resource, summary: `label images, ${table}` },
    ask: { ...ask, priceMicro: Math.max(PRICES[0], Math.round(0.3 * worth)) },
    bounds,
    limitMicro: worth,
    maxRounds: ROUNDS,
    roundMs: PATIENCE_MS,
    decide: ({ ours, theirs }) => explore(who, issuesOf(ours), issuesOf(theirs)),
  });
  return { pair, table, outcome, views: await seenThrough(outcome) };
}

/** Two providers and a buyer that go beyond the bounds, and a buyer that would pay more than it means to. */
async function overreach(
  world: World,
  resource: string,
  seat: { readonly pair: Pair; readonly buyer: Agent; readonly provider: Agent },
  zeroMs: number,
): Promise<HireOutcome> {
  const [dreamer, gouger, dumper] = await Promise.all(['dreamer', 'gouger', 'dumper'].map((name) => world.rogue(name)));
  const { ask, bounds } = asksOf(zeroMs)['all issues'];
  const negotiate = (who: Agent, provider: string, decide?: () => { kind: 'accept' }, limitMicro = 20 * CREDIT) =>
    who.negotiate(provider, {
      task: { resource, summary: 'label images' },
      ask: { ...ask, priceMicro: CREDIT },
      bounds,
      limitMicro,
      roundMs: PATIENCE_MS,
      ...(decide === undefined ? {} : { decide }),
    });
  const [careless] = await Promise.all([
    negotiate(await world.agent('careless'), seat.provider.id, () => ({ kind: 'accept' }), 2 * CREDIT),
    negotiate(seat.buyer, dreamer!.id),
    answerWith(dreamer!, (issues) => ({ ...issues, deadline: issues.deadline + 60 * MINUTE })),
    negotiate(seat.buyer, gouger!.id),
    answerWith(gouger!, (issues) => ({ ...issues, priceMicro: String(2 * PRICES[1]) })),
    dump(world, dumper!, seat.provider.id, resource, zeroMs),
  ]);
  return careless;
}

/** Answers an opening with what it likes. */
async function answerWith(rogue: Rogue, change: (issues: Issues) => Issues): Promise<void> {
  const opened = await rogue.hear(({ performative }) => performative === 'propose');
  if (opened === undefined) return;
  const { frame, issues } = opened.body as { frame: Frame; issues: Issues };
  const changed = change(issues);
  const body = { kind: 'counter', round: 1, issues: changed, offer: rogue.offer(frame, changed) };
  rogue.tell(opened.from, 'counter-propose', frame.conversation, body);
  await rogue.answer(frame.conversation, ['failure', 'cancel']);
  rogue.leave(opened.from, frame.conversation);
}

/** A buyer that, once they talk, wants ten times the machines. */
async function dump(world: World, rogue: Rogue, to: string, resource: string, zeroMs: number): Promise<void> {
  const frame = world.frame(rogue.id, { resource, summary: 'label images' });
  const { ask, bounds } = asksOf(zeroMs)['all issues'];
  const issues = { ...ask, priceMicro: String(CREDIT) };
  const protocol = world.protocol();
  const opening = { kind: 'opening', round: 1, issues, frame, provider: to, bounds, protocol };
  rogue.tell(to, 'propose', frame.conversation, opening);
  await rogue.answer(frame.conversation, ['counter-propose', 'failure']);
  rogue.tell(to, 'counter-propose', frame.conversation, {
    kind: 'counter',
    round: 2,
    issues: { ...issues, units: 40 },
  });
  await rogue.answer(frame.conversation, ['failure', 'cancel']);
}

function guardOf(moves: readonly Move[], traded: readonly Traded[], careless: HireOutcome, zeroMs: number): Guard {
  const rogues = ['dreamer', 'gouger', 'dumper'];
  const told = rogues.map((name) => ({ name, detail: refusalsOf(moves, name)[0] }));
  const missed = told
    .filter(({ detail }) => detail === undefined)
    .map(({ name }) => `what the ${name} proposed was not refused`);
  const outside = traded.flatMap(({ pair, table, views }) =>
    views.flatMap(({ issues, contract }) => {
      const { ask, bounds } = asksOf(zeroMs)[table];
      const wrong = outOfBounds(issues, ask, bounds);
      if (wrong.length > 0) return [`${contract} is outside the bounds in ${wrong.join(' and ')}`];
      const { buyer, provider } = pair.sides;
      return buyer(issues) < 0 || provider(issues) < 0 ? [`${contract} leaves a side worse off than none`] : [];
    }),
  );
  const overpaid = careless.ok ? ['the careless buyer paid more than it is willing to'] : [];
  return {
    tried: rogues.length + 1,
    stopped: tallyOf([...told.flatMap(({ detail }) => detail ?? []), ...(careless.ok ? [] : ['willingness to pay'])]),
    breaches: [...missed, ...outside, ...overpaid],
  };
}

/** How near the frontier each agreement lies; nothing where there is none. */
function reached(traded: readonly Traded[], table: Table): number[] {
  return traded
    .filter((one) => one.table === table)
    .map(({ pair, views: [view] }) => (view === undefined ? 0 : efficiencyOf(pair.sides, view.issues, pair.outcomes)));
}

function figuresOf(moves: readonly Move[], traded: readonly Traded[]): Pick<Outcome, 'figures'> {
  const of = (table: Table) => traded.filter((one) => one.table === table);
  const rounds = (table: Table) => mean(of(table).map(({ outcome }) => roundsOf(moves, outcome.conversation)));
  const gains = (table: Table) =>
    of(table).reduce((sum, { pair, views: [view] }) => {
      return view === undefined ? sum : sum + jointGain(pair.sides, view.issues);
    }, 0);
  return {
    figures: [
      {
        name: 'way to the Pareto frontier',
        value: percent(mean(reached(traded, 'all issues'))),
        unit: '%',
        against: { name: 'price only', value: percent(mean(reached(traded, 'price only'))) },
      },
      {
        name: 'gained by both sides together',
        value: credits(gains('all issues')),
        unit: 'credits',
        against: { name: 'price only', value: credits(gains('price only')) },
      },
      {
        name: 'rounds to an agreement',
        value: rounds('all issues'),
        unit: 'rounds',
        against: { name: 'price only', value: rounds('price only') },
      },
      {
        name: 'agreements',
        value: of('all issues').filter(({ views }) => views.length > 0).length,
        unit: '',
        against: { name: 'price only', value: of('price only').filter(({ views }) => views.length > 0).length },
      },
    ],
  };
}

function notesOf(traded: readonly Traded[], zeroMs: number): string[] {
  const view = traded[0]?.views[0];
  if (view === undefined) return [];
  const { priceMicro, deadline, units, batch, scope } = view.issues;
  const minutes = Math.round((deadline - zeroMs) / MINUTE);
  return [
    `The first pair agreed on ${credits(Number(priceMicro))} credits for ${scope / 10} % of the work in ${minutes} min, ${units} machines, batches of ${batch}.`,
  ];
}

export const tradeSpace: Scenario = {
  name: 'trade-space',
  title: 'Multi-issue trade space',
  about: 'price, deadline, machines, batch and scope traded against each other, beside price alone',
  guardrail: 'Nothing is agreed outside the bounds, and nobody pays more than it is willing to.',
  metric:
    'How far along the way to the Pareto frontier (from both sides’ true gains) the agreements lie, beside haggling over the price of the usual contract.',
  run,
};
