// A provider's check of what it can do, and the counter-proposals that come of it: they pass, fit, and change no more than they must.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  appraise,
  type Bounds,
  type Capability,
  compose,
  counterFacts,
  counterFor,
  fewerUnits,
  freeFrom,
  higherPrice,
  type Issues,
  issueNames,
  issueValue,
  laterStart,
  lessScope,
  longerDeadline,
  longerRun,
  numericIssues,
  otherRegion,
  outOfBounds,
  shortfallRefusal,
  smallerBatches,
  type Task,
} from '../src/index.js';
import { ask, frame, HOUR, T } from './task-support.js';

const task: Task = { ...frame.task, tokens: 100 };
/** Takes half an hour on the two units of `ask`, and costs 300. */
const able: Capability = {
  ...{ units: 4, busy: [], memoryMb: 1000, batch: 10, regions: ['eu', 'us'], dataClass: 'confidential' },
  ...{ tokens: { now: 100, perHour: 100, most: 200 }, dependencies: new Set(['cuda']), marginPermille: 250 },
  effort: { setupMs: 0, workMs: HOUR, setupMicro: 200, unitHourMicro: 100 },
};

describe('a capability', () => {
  test('says when it would begin and end, and at what cost', () => {
    expect(appraise(task, ask, able, T)).toEqual({ ok: true, startsAt: T, endsAt: T + HOUR / 2, costMicro: 300 });
    const busy = [
      { from: T, until: T + HOUR / 4, units: 3 },
      { from: T + HOUR / 2, until: T + HOUR, units: 4 },
    ];
    // Between the two there is too little time.
    expect(freeFrom({ units: 4, busy }, 2, HOUR / 2, T)).toBe(T + HOUR);
    expect(freeFrom({ units: 4, busy }, 1, HOUR / 2, T)).toBe(T);
    expect(freeFrom({ units: 4, busy }, 5, 1, T)).toBeUndefined();
  });

  const rows: [Partial<Issues>, Partial<Capability>, Partial<Task>, detail: string, wouldPass?: Partial<Issues>][] = [
    [{ region: 'ap' }, {}, {}, 'region', { region: 'eu' }],
    [{}, { units: 1 }, {}, 'no-capacity', { units: 1 }],
    [{ batch: 11 }, {}, {}, 'no-capacity', { batch: 10 }],
    [{}, {}, { memoryMb: 1001 }, 'no-capacity'],
    [{}, {}, { dependencies: ['cuda', 'imagenet'] }, 'missing-dependency'],
    [{}, {}, { dataClass: 'restricted' }, 'not-permitted'],
    [{}, {}, { tokens: 400 }, 'token-limit', { scope: 500 }],
    [{ startBy: T }, {}, { tokens: 200 }, 'deadline-infeasible', { startBy: T + HOUR }],
    [{ durationMs: 1 }, {}, {}, 'deadline-infeasible', { durationMs: HOUR / 2 }],
    [{ deadline: T + 1 }, {}, {}, 'deadline-infeasible', { deadline: T + HOUR / 2 }],
    [{ priceMicro: '399' }, {}, {}, 'below-reserve-price', { priceMicro: '400' }],
  ];
  test.each(rows)('%j, %j, %j: %s', (issues, capability, more, detail, wouldPass) => {
    const found = appraise({ ...task, ...more }, { ...ask, ...issues }, { ...able, ...capability }, T);
    if (found.ok) throw new Error('it can be done');
    expect(found.shortfalls).toHaveLength(1);
    expect(found.shortfalls[0]).toMatchObject({ detail, ...(wouldPass && { wouldPass }) });
    expect(shortfallRefusal(found.shortfalls, wouldPass !== undefined).final).toBe(wouldPass === undefined);
    if (wouldPass !== undefined) {
      const changed = appraise(
        { ...task, ...more },
        { ...ask, ...issues, ...wouldPass },
        { ...able, ...capability },
        T,
      );
      expect(changed.ok).toBe(true);
    }
  });
});

describe('a kind of counter-proposal', () => {
  const facts = (capability: Partial<Capability> = {}, bounds: Bounds = {}, more: Partial<Task> = {}) => ({
    ...counterFacts({ ...task, ...more }, { ...able, ...capability }, T),
    bounds,
  });
  const taken = [{ from: T, until: T + 2 * HOUR, units: 3 }];

  test('changes its own issue, as little as will do', () => {
    expect(longerDeadline({ ...ask, deadline: T + 1 }, facts())?.deadline).toBe(T + HOUR / 2);
    expect(laterStart(ask, facts({ busy: taken }))?.startBy).toBe(T + 2 * HOUR);
    expect(longerRun({ ...ask, durationMs: 1 }, facts())?.durationMs).toBe(HOUR / 2);
    expect(fewerUnits(ask, facts({ busy: taken }))?.units).toBe(1);
    expect(smallerBatches({ ...ask, batch: 64 }, facts())?.batch).toBe(10);
    expect(lessScope(ask, facts({}, {}, { tokens: 400 }))?.scope).toBe(500);
    expect(otherRegion({ ...ask, region: 'ap' }, facts())?.region).toBe('eu');
    expect(higherPrice({ ...ask, priceMicro: '1' }, facts())?.priceMicro).toBe('400');
  });

  test('does nothing where nothing is wrong, where it does not help, or where the bounds forbid it', () => {
    expect(longerDeadline(ask, facts())).toBeUndefined();
    expect(smallerBatches({ ...ask, deadline: T + 1 }, facts())).toBeUndefined();
    const tight: Bounds = { deadline: { min: T, max: T + HOUR / 4 } };
    expect(longerDeadline({ ...ask, deadline: T + 1 }, facts({}, tight))).toBeUndefined();
  });

  test('composes: one unit is free at once, but takes twice the time', () => {
    const short = { ...ask, durationMs: HOUR / 2, deadline: T + HOUR / 2, startBy: T };
    const capability = { busy: taken };
    expect(fewerUnits(short, facts(capability))).toBeUndefined();
    expect(compose('units', 'durationMs', 'deadline')(short, facts(capability))).toEqual({
      ...{ ...short, units: 1, durationMs: HOUR, deadline: T + HOUR },
    });
  });
});

describe('the counter-proposal', () => {
  test('48 hours cannot be met, 72 can', () => {
    const effort = { ...able.effort, workMs: 2 * 72 * HOUR, unitHourMicro: 1 };
    const slow: Capability = { ...able, effort };
    const long = { ...ask, durationMs: 96 * HOUR };
    const bounds: Bounds = { deadline: { min: T, max: T + 96 * HOUR } };
    const found = counterFor(long, { ask: long, bounds }, counterFacts(task, slow, T));
    expect(found).toEqual({ issues: { ...long, deadline: T + 72 * HOUR }, changed: ['deadline'], isWithin: true });
  });

  test('prefers what the buyer minds least, and goes beyond the bounds where nothing within them would do', () => {
    const dear = { ...ask, deadline: T + HOUR / 4 };
    const facts = counterFacts(task, able, T);
    const both: Bounds = { deadline: { min: T, max: T + HOUR }, scope: { min: 1, max: 1000 } };
    expect(counterFor(dear, { ask: dear, bounds: both }, facts)?.changed).toEqual(['deadline']);
    expect(counterFor(dear, { ask: dear, bounds: both }, facts, ['scope', 'deadline'])?.issues.scope).toBe(500);
    const none = counterFor(dear, { ask: dear, bounds: {} }, facts);
    expect(none).toMatchObject({ changed: ['deadline'], isWithin: false });
    const never = counterFacts({ ...task, dataClass: 'restricted' }, able, T);
    expect(counterFor(ask, { ask, bounds: both }, never)).toBeUndefined();
  });

  const issues = fc.record({
    priceMicro: fc.integer({ min: 1, max: 2000 }).map(String),
    startBy: fc.nat({ max: 4 * HOUR }).map((ms) => T + ms),
    deadline: fc.nat({ max: 8 * HOUR }).map((ms) => T + ms),
    durationMs: fc.integer({ min: 1, max: 3 * HOUR }),
    units: fc.integer({ min: 1, max: 8 }),
    batch: fc.integer({ min: 1, max: 20 }),
    scope: fc.integer({ min: 1, max: 1000 }),
    region: fc.constantFrom('eu', 'us', 'ap'),
  });
  const capabilities = fc.record({
    units: fc.integer({ min: 1, max: 6 }),
    busy: fc.array(
      fc.record({
        from: fc.nat(2 * HOUR),
        length: fc.integer({ min: 1, max: 2 * HOUR }),
        units: fc.integer({ min: 1, max: 3 }),
      }),
      { maxLength: 4 },
    ),
    batch: fc.integer({ min: 1, max: 20 }),
    perHour: fc.constantFrom(0, 50),
    workMs: fc.integer({ min: 1, max: 4 * HOUR }),
    marginPermille: fc.constantFrom(0, 200),
  });
  /** Which issues may move, and how far to each side. */
  const spans = fc.record(
    Object.fromEntries(issueNames.map((name) => [name, fc.option(fc.double({ min: 0, max: 4, noNaN: true }))])),
  );

  test('passes, fits where anything within the bounds does, and changes nothing that need not change', () => {
    const seen = { within: 0, beyond: 0 };
    fc.assert(
      fc.property(issues, capabilities, spans, (asked, drawn, span) => {
        const busy = drawn.busy.map(({ from, length, units }) => ({ from: T + from, until: T + from + length, units }));
        const { units, batch, perHour, workMs, marginPermille } = drawn;
        const effort = { ...able.effort, workMs };
        const tokens = { now: 60, perHour, most: 150 };
        const capability: Capability = { ...able, units, busy, batch, tokens, effort, marginPermille };
        const facts = counterFacts({ ...task, tokens: 120 }, capability, T);
        if (facts.passes(asked)) return;
        const bounds: Bounds = boundsOf(asked, span as never);
        const found = counterFor(asked, { ask: asked, bounds }, facts);
        // Beyond all bounds something always does: nothing here is fixed for good.
        if (found === undefined) throw new Error('nothing would do');
        const { issues: made, changed, isWithin } = found;
        seen[isWithin ? 'within' : 'beyond'] += 1;
        const fits = (one: Issues) => outOfBounds(one, asked, bounds).length === 0;
        const passes = (one: Issues) => facts.passes(one) && (!isWithin || fits(one));
        expect(passes(made)).toBe(true);
        expect(fits(made)).toBe(isWithin);
        for (const name of changed) {
          expect(passes({ ...made, [name]: asked[name] })).toBe(false);
          if (name === 'region' || name === 'units') continue;
          // A step back towards what was asked would be one too many.
          const step = Math.sign(issueValue(asked, name) - issueValue(made, name));
          const nearer = issueValue(made, name) + step;
          expect(passes({ ...made, [name]: name === 'priceMicro' ? String(nearer) : nearer })).toBe(false);
        }
        if (!isWithin) expect(anyWithin(asked, bounds, facts.passes)).toBe(false);
      }),
      { numRuns: 400 },
    );
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(3);
  });

  function boundsOf(asked: Issues, span: Record<string, number | null>): Bounds {
    const bounds: Record<string, unknown> = {};
    for (const name of numericIssues) {
      const share = span[name];
      if (share === null || share === undefined) continue;
      const value = issueValue(asked, name);
      const isTime = name === 'startBy' || name === 'deadline';
      const by = Math.floor(share * (isTime ? HOUR : value));
      const [min, max] = [Math.max(1, value - by), value + by];
      bounds[name] = name === 'priceMicro' ? { min: String(min), max: String(max) } : { min, max };
    }
    if (typeof span.region === 'number') bounds.region = ['eu', 'ap'];
    return bounds as Bounds;
  }

  /** Every choice of units and region, all else as far as the bounds go: whatever passes at all passes so. */
  function anyWithin(asked: Issues, bounds: Bounds, passes: (issues: Issues) => boolean): boolean {
    const best = { ...asked };
    for (const name of ['startBy', 'deadline', 'durationMs'] as const)
      best[name] = Number(bounds[name]?.max ?? asked[name]);
    for (const name of ['batch', 'scope'] as const) best[name] = Number(bounds[name]?.min ?? asked[name]);
    best.priceMicro = bounds.priceMicro?.max ?? asked.priceMicro;
    const least = Number(bounds.units?.min ?? asked.units);
    for (let units = least; units <= asked.units; units++) {
      for (const region of bounds.region ?? [asked.region]) if (passes({ ...best, units, region })) return true;
    }
    return false;
  }
});
