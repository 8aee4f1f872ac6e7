// Concession bargaining: buyers and providers who only ever concede, by Zeuthen's rule, in few rounds or in fine ones.
import type { Agent, HireOutcome } from '@tender/agent';
import { CREDIT } from '@tender/credits';
import type { Frame, Issues, Protocol, TaskView } from '@tender/market';
import { newId } from '@tender/market/nats';
import type { Prng } from '../prng.js';
import { priceOf } from './bargain.js';
import {
  credits,
  mean,
  PATIENCE_MS,
  percent,
  provideFor,
  refusalsOf,
  roundsOf,
  seenThrough,
  thinksUntil,
} from './cast.js';
import type { Move } from './move.js';
import type { Rogue } from './rogue.js';
import { type Guard, type Outcome, type Scenario, tallyOf } from './scenario.js';
import type { World } from './world.js';

const PAIRS = 8;
const MAX_ROUNDS = 16;
const MOST = 20 * CREDIT;
const RESOURCE = 'gpu';

interface Pair {
  readonly valueMicro: number;
  readonly costMicro: number;
}

function drawPairs(prng: Prng): Pair[] {
  return Array.from({ length: PAIRS }, () => ({
    valueMicro: Math.round((9 + 9 * prng.next()) * CREDIT),
    costMicro: Math.round((2 + 6 * prng.next()) * CREDIT),
  }));
}

interface Bargained {
  readonly pair: Pair;
  readonly mode: 'fast' | 'optimal';
  readonly outcome: HireOutcome;
  readonly views: readonly TaskView[];
}

async function bargain(buyer: Agent, provider: string, resource: string, pair: Pair, mode: Bargained['mode']) {
  const outcome = await buyer.negotiate(provider, {
    task: { resource, summary: 'train a model' },
    ask: { priceMicro: CREDIT },
    bounds: { priceMicro: { min: '1', max: String(MOST) } },
    limitMicro: pair.valueMicro,
    mode,
    maxRounds: MAX_ROUNDS,
    roundMs: PATIENCE_MS,
  });
  return { pair, mode, outcome, views: await seenThrough(outcome) };
}

async function run(world: World): Promise<Outcome> {
  const resource = world.resource(RESOURCE);
  const pairs = drawPairs(world.prng('concession'));
  const seats = await Promise.all(
    pairs.map(async (pair, index) => {
      const [buyer, provider] = await Promise.all([
        world.agent(`buyer-${index + 1}`),
        world.agent(`provider-${index + 1}`),
      ]);
      await provideFor(provider, resource, () => ({ ok: true, costMicro: pair.costMicro }));
      return { pair, buyer, provider };
    }),
  );
  const bargained: Bargained[] = [];
  for (const mode of ['fast', 'optimal'] as const) {
    const done = seats.map(({ pair, buyer, provider }) => bargain(buyer, provider.id, resource, pair, mode));
    bargained.push(...(await Promise.all(done)));
  }
  const tried = await misbehave(world, resource, seats[0]!);
  const moves = await world.log();
  return { guard: guardOf(moves, bargained, tried), ...figuresOf(moves, bargained), notes: notesOf(bargained) };
}

/** Shares of the product of gains that agreements reached: none where there was no agreement. */
function shares(bargained: readonly Bargained[], mode: Bargained['mode']): number[] {
  return bargained
    .filter((one) => one.mode === mode)
    .map(({ pair, views }) => {
      const [view] = views;
      if (view === undefined) return 0;
      const price = priceOf(view.issues);
      const most = ((pair.valueMicro - pair.costMicro) / 2) ** 2;
      return ((pair.valueMicro - price) * (price - pair.costMicro)) / most;
    });
}

function figuresOf(moves: readonly Move[], bargained: readonly Bargained[]): Pick<Outcome, 'figures'> {
  const rounds = (mode: Bargained['mode']) =>
    mean(bargained.filter((one) => one.mode === mode).map(({ outcome }) => roundsOf(moves, outcome.conversation)));
  const agreed = bargained.filter(({ views }) => views.length > 0).length;
  return {
    figures: [
      {
        ...{
          name: 'share of the Nash product, optimal',
          value: percent(mean(shares(bargained, 'optimal'))),
          unit: '%',
        },
        against: { name: 'fast', value: percent(mean(shares(bargained, 'fast'))) },
      },
      {
        name: 'rounds to an agreement, optimal',
        value: rounds('optimal'),
        unit: 'rounds',
        against: { name: 'fast', value: rounds('fast') },
      },
      {
        name: 'agreements',
        value: agreed,
        unit: '',
        against: { name: 'worth making', value: bargained.length },
      },
    ],
  };
}

function notesOf(bargained: readonly Bargained[]): string[] {
  const [first] = bargained;
  if (first === undefined) return [];
  const { valueMicro, costMicro } = first.pair;
  const prices = bargained.filter(({ pair }) => pair === first.pair).map(({ views }) => priceOf(views[0]!.issues));
  return [
    `The first pair: worth ${credits(valueMicro)} to the buyer, costs its provider ${credits(costMicro)}; agreed at ${prices.map(credits).join(' fast and ')} optimal.`,
  ];
}

/** Names of rogues, what each must be refused with, and what they tried. */
type Tried = readonly { readonly who: string; readonly what: string; readonly refusedAs: readonly string[] }[];

async function misbehave(
  world: World,
  resource: string,
  seat: { readonly buyer: Agent; readonly provider: Agent; readonly pair: Pair },
): Promise<Tried> {
  const buyers = await Promise.all(['retreater', 'hasty', 'endless'].map((name) => world.rogue(name)));
  const seller = await world.rogue('retreating-seller');
  const [retreater, hasty, endless] = buyers as [Rogue, Rogue, Rogue];
  const to = seat.provider.id;
  await Promise.all([
    haggle(world, retreater, to, resource, [1, 1.5, 1.2]),
    hurry(world, hasty),
    haggle(world, endless, to, resource, [1, 1.1, 1.2, 1.3, 1.4], 3),
    sellBackwards(seller, seat.buyer, resource),
  ]);
  await world.log();
  return [
    { who: 'retreater', what: 'took back its concession', refusedAs: ['no-improvement'] },
    { who: 'hasty', what: 'proposed twice without waiting', refusedAs: ['not-your-turn'] },
    { who: 'endless', what: 'went on after the last round', refusedAs: ['round-limit', 'expired', 'late'] },
    { who: 'retreating-seller', what: 'raised its price again', refusedAs: ['no-improvement'] },
  ];
}

/** A buyer made of the wire alone proposes these prices, whatever it hears. */
async function haggle(
  world: World,
  rogue: Rogue,
  to: string,
  resource: string,
  prices: readonly number[],
  maxRounds = MAX_ROUNDS,
): Promise<void> {
  const frame = world.frame(rogue.id, { resource, summary: 'haggle' });
  const { conversation } = frame;
  const talking = { to, frame, issues: world.issues(CREDIT), protocol: world.protocol({ maxRounds }) };
  for (const [index, price] of prices.entries()) {
    propose(rogue, talking, index + 1, price);
    const heard = await rogue.answer(conversation, ['counter-propose', 'failure', 'cancel', 'reject-proposal']);
    if (heard?.performative === 'failure') break;
  }
  rogue.leave(to, conversation);
}

/** Proposes again while the other side still thinks about what was proposed first. */
async function hurry(world: World, rogue: Rogue): Promise<void> {
  const resource = world.resource('turns');
  const provider = await world.agent('thoughtful');
  const frame = world.frame(rogue.id, { resource, summary: 'at once' });
  const refused = rogue.answer(frame.conversation, ['failure']);
  await provideFor(
    provider,
    resource,
    thinksUntil(refused, () => ({ ok: true, costMicro: 2 * CREDIT })),
  );
  const protocol = world.protocol({ maxRounds: MAX_ROUNDS });
  const talking = { to: provider.id, frame, issues: world.issues(CREDIT), protocol };
  propose(rogue, talking, 1, 1);
  propose(rogue, talking, 2, 1.5);
  await refused;
  rogue.leave(provider.id, frame.conversation);
}

interface Talking {
  readonly to: string;
  readonly frame: Frame;
  readonly issues: Issues;
  readonly protocol: Protocol;
}

/** The opening in the first round, a counter-proposal in every other; `price` in credits. */
function propose(rogue: Rogue, { to, frame, protocol, ...said }: Talking, round: number, price: number): void {
  const issues = { ...said.issues, priceMicro: String(Math.round(price * CREDIT)) };
  const bounds = { priceMicro: { min: '1', max: String(MOST) } };
  const opening = { kind: 'opening', round, issues, frame, provider: to, bounds, protocol };
  if (round === 1) rogue.tell(to, 'propose', frame.conversation, opening);
  else rogue.tell(to, 'counter-propose', frame.conversation, { kind: 'counter', round, issues });
}

/** A provider made of the wire alone: it asks 15, then 14, then 16. */
async function sellBackwards(rogue: Rogue, buyer: Agent, resource: string): Promise<void> {
  const asked = buyer.negotiate(rogue.id, {
    task: { resource, summary: 'train a model' },
    ask: { priceMicro: CREDIT },
    bounds: { priceMicro: { min: '1', max: String(MOST) } },
    limitMicro: 5 * CREDIT,
    mode: 'optimal',
    roundMs: PATIENCE_MS,
  });
  const opened = await rogue.hear(({ performative }) => performative === 'propose');
  if (opened !== undefined) {
    const { frame, issues } = opened.body as { frame: Frame; issues: Issues };
    const intent = newId();
    for (const [index, price] of [15, 14, 16].entries()) {
      const priced = { ...issues, priceMicro: String(price * CREDIT) };
      const offer = rogue.offer(frame, priced, {}, intent);
      const body = { kind: 'counter', round: index + 1, issues: priced, offer };
      rogue.tell(opened.from, 'counter-propose', frame.conversation, body);
      await rogue.answer(frame.conversation, ['counter-propose', 'failure', 'cancel', 'reject-proposal']);
    }
    rogue.leave(opened.from, frame.conversation);
  }
  await asked;
}

function guardOf(moves: readonly Move[], bargained: readonly Bargained[], tried: Tried): Guard {
  const refused = tried.flatMap(({ who, refusedAs }) => {
    const detail = refusalsOf(moves, who).find((one) => refusedAs.includes(one));
    return detail === undefined ? [] : [detail];
  });
  const rogues = new Set(tried.map(({ who }) => who));
  const missed = tried.filter(({ who, refusedAs }) => !refusalsOf(moves, who).some((one) => refusedAs.includes(one)));
  return {
    tried: tried.length,
    stopped: tallyOf(refused),
    breaches: [
      ...missed.map(({ who, what }) => `${who} ${what}, and nobody refused it`),
      ...retreatsIn(moves.filter(({ from }) => !rogues.has(from))),
      ...bargained.flatMap(({ outcome }) => {
        const rounds = roundsOf(moves, outcome.conversation);
        return rounds > MAX_ROUNDS ? [`${outcome.conversation} went on for ${rounds} rounds`] : [];
      }),
    ],
  };
}

/** Each step back of somebody who keeps to the rules, as the wire had it. */
function retreatsIn(moves: readonly Move[]): string[] {
  const last = new Map<string, number>();
  return moves.flatMap((move) => {
    if (!/^(counter-propose|propose)/.test(move.what) || move.amountMicro === undefined) return [];
    const key = `${move.conversation}|${move.from}`;
    const price = Number(move.amountMicro);
    const before = last.get(key);
    last.set(key, price);
    const up = move.from.startsWith('buyer') ? 1 : -1;
    if (before === undefined || (price - before) * up >= 0) return [];
    return [`${move.from} went back from ${credits(before)} to ${credits(price)}`];
  });
}

export const concession: Scenario = {
  name: 'concession',
  title: 'Concession bargaining',
  about: 'two sides concede in turn, by Zeuthen’s rule; nobody takes a concession back',
  guardrail:
    'Nobody steps back from what it has proposed, or speaks out of turn, and a negotiation has so many rounds.',
  metric:
    'The product of both sides’ gains at the agreed price, as a share of the most it could be (Nash), in fine steps beside few.',
  run,
};
