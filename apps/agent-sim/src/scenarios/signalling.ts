// Game-theoretic signalling: what sides say of their patience and ability, what bluffing gains, and what a bond makes of it.
import type { Agent } from '@tender/agent';
import { CREDIT } from '@tender/credits';
import { BOND_MICRO, bluffer, CALLS, honest, type Race, race, wealthOf } from './ability.js';
import { credits, mean, percent, provideFor, refusalsOf, thinksUntil } from './cast.js';
import type { Move } from './move.js';
import {
  distanceOf,
  drawImpatience,
  type Impatience,
  type Play,
  type Split,
  shareOf,
  sitDown,
  split,
  worthOf,
} from './patience.js';
import { type Guard, type Outcome, type Scenario, tallyOf } from './scenario.js';
import type { World } from './world.js';

const PAIRS = 6;

async function run(world: World): Promise<Outcome> {
  const [splits, { races, gains }, jumped] = await Promise.all([divide(world), compete(world), jumpTheTurn(world)]);
  const moves = await world.log();
  const bluffers = ['reckless', 'reckoning'].map((name) => world.id(name));
  const failed = races.filter(({ views: [view] }) => view?.outcome === 'failed');
  const forfeited = failed.filter(({ bonded, views: [view] }) => bonded && view?.bondTo === 'buyer').length;
  const guard: Guard = {
    tried: failed.filter(({ bonded }) => bonded).length + 1,
    stopped: tallyOf([
      ...Array.from({ length: forfeited }, () => 'bond forfeited'),
      ...refusalsOf(moves, jumped).slice(0, 1),
    ]),
    breaches: [
      ...failed.flatMap(({ bonded, views: [view] }) =>
        bonded && view?.bondTo !== 'buyer' ? [`${view?.contract} failed, and its provider kept the bond`] : [],
      ),
      ...(gains.bonded > 0 ? [`who bluffed behind bonds ended ${credits(gains.bonded)} credits richer`] : []),
      ...(refusalsOf(moves, jumped)[0] === 'not-your-turn' ? [] : ['a move out of turn was not refused']),
    ],
  };
  return { guard, ...figuresOf(moves, splits, races, gains, bluffers), notes: notesOf(splits) };
}

/** The same pairs three times: true to each other, bluffing where it is believed, bluffing where it is not. */
async function divide(world: World): Promise<Split[]> {
  const resource = world.resource('day');
  const pairs = drawImpatience(world.prng('signalling'), PAIRS);
  const splits = await Promise.all(
    pairs.map(async (truth, index) => {
      const names = ['splitter', 'believer', 'sceptic'].map((name) => `${name}-${index + 1}`);
      const [buyer, believer, sceptic] = await Promise.all(names.map((name) => world.agent(name)));
      await sitDown(believer!, resource, truth.provider, false);
      await sitDown(sceptic!, resource, truth.provider, true);
      return playAll(buyer!, believer!.id, sceptic!.id, resource, truth);
    }),
  );
  return splits.flat();
}

async function playAll(buyer: Agent, believer: string, sceptic: string, resource: string, truth: Impatience) {
  const plays: readonly (readonly [Play, string])[] = [
    ['truthful', believer],
    ['bluff believed', believer],
    ['bluff doubted', sceptic],
  ];
  const splits: Split[] = [];
  for (const [play, provider] of plays) splits.push(await split(buyer, provider, resource, truth, play));
  return splits;
}

/** Calls for the fastest, without bonds and with them; what the bluffers have gained by the bank's books. */
async function compete(world: World) {
  const resource = world.resource('sprint');
  const prng = world.prng('ability');
  const buyer = await world.agent('racer');
  const names = ['honest-1', 'honest-2', 'honest-3'];
  for (const name of names) await honest(await world.agent(name), resource, world.prng(name));
  // Little of its own: bonds that are lost are soon no longer covered.
  const reckless = await world.agent('reckless', 10);
  const reckoning = await world.agent('reckoning');
  await bluffer(reckless, resource, prng, false);
  await bluffer(reckoning, resource, prng, true);
  const wealth = async () => (await wealthOf(reckless)) + (await wealthOf(reckoning));
  const races: Race[] = [];
  const stages = [await wealth()];
  for (const bonded of [false, true]) {
    for (let call = 0; call < CALLS; call++) races.push(await race(buyer, resource, names.length + 2, bonded));
    stages.push(await wealth());
  }
  const [before, between, after] = stages as [number, number, number];
  return { races, gains: { free: between - before, bonded: after - between } };
}

/** A buyer made of the wire alone offers twice before the other side has answered. */
async function jumpTheTurn(world: World): Promise<string> {
  const resource = world.resource('turns');
  const [rogue, provider] = await Promise.all([world.rogue('jumper'), world.agent('patient')]);
  const frame = world.frame(rogue.id, { resource, summary: 'now, now, now' });
  const refused = rogue.answer(frame.conversation, ['failure']);
  await provideFor(
    provider,
    resource,
    thinksUntil(refused, () => ({ ok: true, costMicro: 8 * CREDIT })),
  );
  const issues = world.issues(9 * CREDIT);
  const discountPermille = { buyer: 900, provider: 900 };
  const protocol = world.protocol({ kind: 'alternating-offers', discountPermille });
  const bounds = { priceMicro: { min: String(8 * CREDIT), max: String(20 * CREDIT) } };
  const opening = { kind: 'opening', round: 1, issues, frame, provider: provider.id, bounds, protocol };
  rogue.tell(provider.id, 'propose', frame.conversation, opening);
  rogue.tell(provider.id, 'counter-propose', frame.conversation, {
    kind: 'counter',
    round: 2,
    issues: { ...issues, priceMicro: String(10 * CREDIT) },
  });
  await refused;
  return 'jumper';
}

function figuresOf(
  moves: readonly Move[],
  splits: readonly Split[],
  races: readonly Race[],
  gains: { readonly free: number; readonly bonded: number },
  bluffers: readonly string[],
): Pick<Outcome, 'figures'> {
  const of = (play: Play) => splits.filter((one) => one.play === play);
  const gained = (play: Play) =>
    mean(of(play).map((one, index) => worthOf(one, moves) - worthOf(of('truthful')[index]!, moves)));
  const done = (bonded: boolean) =>
    races.filter((one) => one.bonded === bonded && one.views[0]?.outcome === 'done').length / CALLS;
  const won = (bonded: boolean) =>
    races.filter((one) => one.bonded === bonded && bluffers.includes(one.views[0]?.provider ?? '')).length;
  return {
    figures: [
      {
        ...{
          name: 'distance from Rubinstein’s split, truthful',
          value: percent(mean(of('truthful').map(distanceOf))),
          unit: '% of the pie',
        },
        against: { name: 'bluffing and believed', value: percent(mean(of('bluff believed').map(distanceOf))) },
      },
      {
        ...{
          name: 'gained by bluffing about patience, believed',
          value: percent(gained('bluff believed')),
          unit: '% of the pie',
        },
        against: { name: 'doubted', value: percent(gained('bluff doubted')) },
      },
      {
        name: 'gained by bluffing about speed, bonded',
        value: credits(gains.bonded),
        unit: 'credits',
        against: { name: 'without bonds', value: credits(gains.free) },
      },
      {
        name: 'tasks done, bonded',
        value: percent(done(true)),
        unit: '%',
        against: { name: 'without bonds', value: percent(done(false)) },
      },
      {
        name: 'tasks won by bluffers, bonded',
        value: won(true),
        unit: '',
        against: { name: 'without bonds', value: won(false) },
      },
    ],
  };
}

function notesOf(splits: readonly Split[]): string[] {
  const [first] = splits;
  if (first === undefined) return [];
  const { buyer, provider } = first.truth;
  return [
    `The first pair keeps ${buyer / 10} % and ${provider / 10} % of a gain from one proposal to the next; told truly, ${percent(shareOf(first))} % went to the buyer, who opened.`,
    `A bond is ${credits(BOND_MICRO)} credits; a bluffer does in time what it claims once in three times.`,
  ];
}

export const signalling: Scenario = {
  name: 'signalling',
  title: 'Game-theoretic signalling',
  about: 'alternating offers by patience, true and bluffed; claims of ability, free and behind bonds',
  guardrail:
    'A bluff behind a bond costs who bluffs: each claim that fails forfeits it to the buyer. Nobody moves out of turn.',
  metric:
    'How far the agreed shares are from Rubinstein’s split for the patience that both truly have, beside those of bluffers who were believed.',
  run,
};
