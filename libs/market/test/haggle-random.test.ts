// Any two sides on any network: every negotiation ends, no two ends contradict each other, and no slot stays locked.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type DealSide,
  decideMonotonic,
  decideRubinstein,
  type HaggleEvent,
  type HaggleState,
  type Issues,
  issueValue,
  outOfBounds,
  rejection,
} from '../src/index.js';
import { ask, at, bounds, ENDS, frame, HOUR, offerOf, protocol, SEALED_UNTIL, T } from './haggle-support.js';
import { type Agent, type Chance, type Rogue, World, type WorldOptions } from './haggle-world.js';

const LIMITS: Record<DealSide, string> = { buyer: '2400', provider: '700' };

/** Each seal with a hold of its own now and then; the same price and hold otherwise. */
function sealed(issues: Issues, chance: Chance) {
  return offerOf(issues, { hold: `hold-${chance.below(3)}` }, ENDS + chance.below(SEALED_UNTIL - ENDS));
}

function proposing(state: HaggleState, issues: Issues, chance: Chance, risk?: number): HaggleEvent {
  const seals = state.context.side === 'provider';
  return {
    kind: 'propose',
    issues,
    ...(seals && { offer: sealed(issues, chance) }),
    ...(risk !== undefined && { risk }),
  };
}

function accepting(state: HaggleState, chance: Chance): HaggleEvent {
  const theirs = state.theirs.at(-1);
  if (state.context.side === 'buyer' || theirs === undefined) return { kind: 'accept' };
  return { kind: 'accept', offer: sealed(theirs.issues, chance) };
}

/** What every agent does where its strategy has nothing to say. */
function around(agent: Agent): Agent {
  return (state, nowMs, chance) => {
    if (state.name === 'stuck' && chance.happens(0.5)) return { kind: 'escalate', message: 'decide', withinMs: 2_000 };
    if (state.name === 'escalated' && chance.happens(0.5)) return accepting(state, chance);
    if (state.name === 'mine') return agent(state, nowMs, chance);
    return chance.happens(0.01) ? { kind: 'quit', detail: 'no-capacity' } : undefined;
  };
}

function anyIssues(chance: Chance): Issues {
  return at(400 + chance.below(2_800), {
    deadline: T + (20 + chance.below(80)) * HOUR,
    region: chance.of(['eu', 'us', 'asia']),
    ...(chance.happens(0.1) && { units: 1 + chance.below(3) }),
  });
}

const agents: Record<string, Agent> = {
  stubborn: (state, _nowMs, chance) =>
    proposing(state, state.ours.at(-1)?.issues ?? (state.context.side === 'buyer' ? ask : at(2000)), chance),
  random: (state, _nowMs, chance) => {
    if (chance.happens(0.15)) return accepting(state, chance);
    if (chance.happens(0.3)) {
      const counter = anyIssues(chance);
      const seals = state.context.side === 'provider' && chance.happens(0.5);
      const more = chance.happens(0.5) ? { counter, ...(seals && { offer: sealed(counter, chance) }) } : {};
      const { round: _, ...move } = rejection(1, 'no-capacity', 'no', { final: chance.happens(0.1), ...more });
      return { kind: 'reject', move };
    }
    return proposing(state, anyIssues(chance), chance);
  },
  monotonic: (state, nowMs, chance) => {
    const { side } = state.context;
    const priceMicro =
      side === 'buyer' ? { weight: 1000, worst: 2400, best: 1000 } : { weight: 1000, worst: 700, best: 2500 };
    const preferences = { side, issues: { priceMicro }, reservePermille: 0 };
    const move = decideMonotonic({ preferences, believes: chance.happens(0.5) }, state, nowMs);
    if (move.kind === 'propose') return proposing(state, move.issues, chance, move.risk);
    return move.kind === 'accept' ? accepting(state, chance) : move;
  },
  rubinstein: (state, _nowMs, chance) => {
    const limits = { buyerLimitMicro: LIMITS.buyer, providerLimitMicro: LIMITS.provider };
    const move = decideRubinstein(
      { ...limits, discounts: { buyer: 800, provider: 900 }, horizon: chance.of(['infinite', 'rounds']) },
      state,
    );
    if (move.kind === 'propose') return proposing(state, move.issues, chance);
    return move.kind === 'accept' ? accepting(state, chance) : move;
  },
};

/** Out of turn, replays, steps back, foreign issues, made-up seals, contracts and approvals that are not. */
function rogue(side: DealSide): Rogue {
  return (heard, nowMs, chance) => {
    const issues = anyIssues(chance);
    const others = heard.flatMap((event) => ('issues' in event ? [event.issues] : []));
    const offer = side === 'provider' ? sealed(issues, chance) : undefined;
    const odd = offer && { ...offer, seal: { ...offer.seal, participant: chance.of(['ben', 'cid']) } };
    const round = 1 + chance.below(9);
    const said = { round, issues, replyBy: nowMs + chance.below(3_000), ...(chance.happens(0.9) && { offer: odd }) };
    return chance.of<() => HaggleEvent>([
      () => ({ kind: 'opening', ...said, round: 1 }),
      () => ({ kind: 'counter', ...said }),
      () => ({ kind: 'counter', ...said }),
      () => {
        const taken = others.length > 0 ? chance.of(others) : issues;
        return { kind: 'accepted', round, issues: taken, ...(side === 'provider' && { offer: sealed(taken, chance) }) };
      },
      () => ({
        kind: 'rejected',
        move: rejection(round, 'over-budget', 'no', { final: false, counter: issues, offer: odd }),
      }),
      () => ({ kind: 'rejected', move: rejection(round, 'over-budget', 'no', { final: chance.happens(0.1) }) }),
      () => ({ kind: 'contract', contract: 'talk-1-t1' }),
      () => ({ kind: 'waits', proposal: 'p9', expiresAt: nowMs + chance.below(10_000_000) }),
      () => (chance.happens(0.1) ? { kind: 'cancelled', detail: 'expired' } : { kind: 'counter', ...said }),
    ])();
  };
}

const name = fc.constantFrom(...Object.keys(agents));
const sides = fc.constantFrom<DealSide>('buyer', 'provider');
const drawn = fc.record({
  seed: fc.integer(),
  buyer: name,
  provider: name,
  opener: sides,
  mode: fc.constantFrom<'fast' | 'optimal'>('fast', 'optimal'),
  maxRounds: fc.integer({ min: 1, max: 12 }),
  rogue: fc.option(sides, { freq: 3 }),
  lost: fc.constantFrom(0, 0, 0.1, 0.4),
  doubled: fc.constantFrom(0, 0, 0.3),
  longestDelayMs: fc.constantFrom(10, 10, 200, 1_500),
  crash: fc.option(fc.record({ side: sides, atMs: fc.integer({ min: 0, max: 8_000 }) }), { freq: 3 }),
  outage: fc.option(fc.tuple(fc.integer({ min: 0, max: 6_000 }), fc.integer({ min: 0, max: 10_000 })), { freq: 2 }),
  approval: fc.constantFrom(0, 0, 0.5),
});

function worldOf(facts: typeof drawn extends fc.Arbitrary<infer D> ? D : never): World {
  const { opener, mode, maxRounds, rogue: bad, outage, crash } = facts;
  const options: WorldOptions = {
    ...facts,
    agents: { buyer: around(agents[facts.buyer]!), provider: around(agents[facts.provider]!) },
    rogue: bad ? { side: bad, says: rogue(bad) } : undefined,
    // A bond is at stake: who is lied to about a contract must learn of it all the same.
    shared: {
      opener,
      frame: { ...frame, conditions: { ...frame.conditions, bondMicro: '10' } },
      protocol: { ...protocol, mode, maxRounds },
    },
    limits: LIMITS,
    crash: crash ?? undefined,
    outage: outage === null ? undefined : [outage[0], outage[0] + outage[1]],
  };
  return new World(options).run();
}

/** By then the last approval has lapsed, the last seal run out, and the last word of the bank was waited for. */
const BY = SEALED_UNTIL + 4_000 + 60_000 + 1;

const seen = { agreed: 0, ended: 0, corrected: 0 };

test('whatever is said, lost, doubled, delayed, forged or cut short', () => {
  fc.assert(
    fc.property(drawn, (facts) => {
      const world = worldOf(facts);
      const [contract, ...more] = world.bank.contracts.values();
      expect(more).toEqual([]);
      for (const side of ['buyer', 'provider'] as const) {
        if (!world.judged(side)) continue;
        const { state, endedAt, outcomes, heard, answers } = world.sides[side];
        // It ends, in time and rounds.
        expect(['agreed', 'ended']).toContain(state.name);
        expect(endedAt).toBeLessThanOrEqual(BY);
        expect(Math.max(state.ourMoves, state.theirMoves)).toBeLessThanOrEqual(facts.maxRounds);
        expect(state.rejections).toBeLessThanOrEqual(3);
        expect(answers).toBeLessThanOrEqual(heard);
        // It says what became of it once; a second time only to put an end right.
        seen[state.name as 'agreed' | 'ended'] += 1;
        if (outcomes.length > 1) seen.corrected += 1;
        expect(outcomes.map(({ ok }) => ok)).toEqual(outcomes.length > 1 ? [false, true] : [state.name === 'agreed']);
        // It never obeyed what is beyond the bounds, and never went beyond its own limit.
        for (const { issues } of [...state.ours, ...state.theirs]) expect(outOfBounds(issues, ask, bounds)).toEqual([]);
        for (const { issues } of state.ours) {
          const price = issueValue(issues, 'priceMicro');
          if (side === 'buyer') expect(price).toBeLessThanOrEqual(Number(LIMITS.buyer));
          else expect(price).toBeGreaterThanOrEqual(Number(LIMITS.provider));
        }
        // What it says is what the bank says.
        if (state.name === 'agreed') expect(state.view).toEqual(contract);
        else if (contract !== undefined) expect(side).toBe('without a contract');
      }
      if (world.judged('provider')) expect([...world.bank.holds.values()]).not.toContain('locked');
    }),
    { numRuns: 3_000 },
  );
  expect(seen.agreed).toBeGreaterThan(seen.ended / 20);
});
