// Random steps with rate tokens in a market so small that holds, owners, prices and levels clash all the time.
import { type AccountChange, type BucketSpec, bucketSpec } from '@tender/credits';
import fc from 'fast-check';
import type { Ruling, TokenAmounts, UpstreamWord } from '../src/index.js';
import { AGENTS, often, SYSTEM_AGENT } from './drawn.js';
import { type HireDraw, type WorkDraw, workDraw } from './token-work.js';

/** `any-<n>`: one of the holds that there are. */
export interface TakeDraw {
  readonly hold: string;
  readonly agent: string;
  readonly by?: string | undefined;
  readonly amounts: TokenAmounts;
  readonly atLeast?: TokenAmounts | undefined;
  readonly maxPrice: number;
  readonly ttlMs: number;
}

export interface ReturnDraw {
  readonly hold: string;
  readonly by: string;
  readonly used: Readonly<Record<string, number>>;
  readonly upstream?: UpstreamWord | undefined;
  readonly key: string;
}

export type TokenStep =
  | HireDraw
  | WorkDraw
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'open'; readonly bucket: BucketSpec; readonly key: string }
  | { readonly kind: 'take'; readonly bucket: string; readonly policy: number; readonly takes: readonly TakeDraw[] }
  | ({ readonly kind: 'return' } & ReturnDraw)
  /** In one call. */
  | { readonly kind: 'returns'; readonly all: readonly ReturnDraw[] }
  | {
      readonly kind: 'offer';
      readonly hold: string;
      readonly by: string;
      readonly to: string;
      /** All that is in hand, or one token of each limit; or these. */
      readonly amounts: TokenAmounts | 'all' | 'one';
      readonly price: number;
      readonly key: string;
    }
  /** Of what is offered, now and then something else. */
  | {
      readonly kind: 'buy';
      readonly of: string;
      readonly hold: string;
      readonly agent: string;
      readonly amounts?: TokenAmounts | undefined;
      readonly maxPrice: number;
      readonly policy: number;
      readonly barred: Ruling['barred'];
    }
  | { readonly kind: 'sweep' }
  | { readonly kind: 'expire'; readonly hold: string }
  /** An earlier question once more, as after a crash between doing and answering. */
  | { readonly kind: 'again'; readonly which: number }
  /** An operator changes who somebody is, while it holds tokens. */
  | { readonly kind: 'order'; readonly account: AccountChange };

const agent = fc.constantFrom(...AGENTS, SYSTEM_AGENT);
const name = fc.constantFrom('requests', 'tokens');
const key = fc.nat({ max: 40 }).map((n) => `key-${String(n).padStart(6, '0')}`);
const newHold = fc.nat({ max: 60 }).map((n) => `h${n}`);
const anyHold = often(
  fc.nat({ max: 9 }).map((n) => `any-${n}`),
  fc.constant('nobody'),
);

const limit = (of: string, capacity: number) =>
  fc.record({
    name: fc.constant(of),
    capacity: fc.constantFrom(capacity, capacity, capacity / 2),
    refillPerSecond: fc
      .constantFrom(capacity / 4, capacity / 2, 0.125, capacity / 3)
      .map((rate) => Math.round(rate * 1e3) / 1e3),
    reserve: fc.constantFrom(0, 0, capacity / 4, capacity / 2),
    priceMicro: fc.constantFrom('0', '1', '2', '7'),
  });

const limits = often(fc.tuple(limit('requests', 8), limit('tokens', 40)), fc.tuple(limit('requests', 8)));

export const bucket = (id: string): fc.Arbitrary<BucketSpec> =>
  fc
    .record({
      limits,
      rule: fc.constantFrom('uniform-price' as const, 'uniform-price' as const, 'proportional-share' as const),
      lendAfterMs: fc.constantFrom(0, 0, 0, 700),
      noiseMaxPermille: fc.constantFrom(1000, 4000, 9000),
      noiseWindowMs: fc.constantFrom(1000, 5000),
      ownerMaxPermille: fc.constantFrom(1000, 1000, 1000, 600),
      maxTtlMs: often(fc.constant(5_000), fc.constant(900)),
      decreasePermille: fc.constantFrom(700, 500),
      backOffMs: fc.constantFrom(100, 2_000),
      increasePermille: fc.constantFrom(0, 20, 333),
      leastPermille: fc.constantFrom(50, 400),
      hears: fc.constantFrom('all' as const, 'all' as const, 'system' as const),
      maxPauseMs: fc.constantFrom(0, 1_000, 600_000),
      account: often(fc.constant('pool-account'), fc.constant('ann')),
    })
    .map((spec) => bucketSpec.parse({ bucket: id, ...spec }));

const amounts: fc.Arbitrary<TokenAmounts> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({ requests: fc.integer({ min: 1, max: 3 }), tokens: fc.integer({ min: 1, max: 16 }) }),
  },
  { weight: 9, arbitrary: fc.record({ requests: fc.integer({ min: 1, max: 9 }) }) },
  { weight: 1, arbitrary: fc.record({ frames: fc.constant(1) }) },
);

const policy = fc.oneof({ weight: 60, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constant(1) });
const barred: fc.Arbitrary<Ruling['barred']> = fc.oneof(
  { weight: 30, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: fc.constant({ rule: 'denied', detail: 'not-permitted', message: 'rule denied: not you' }) },
);

const take: fc.Arbitrary<TakeDraw> = fc
  .record({
    hold: often(newHold, anyHold),
    agent: often(agent, fc.constantFrom('nobody', 'pool-account')),
    by: often(fc.constant(undefined), fc.constantFrom('ben', 'ben', 'cid')),
    amounts,
    least: often(fc.constantFrom(undefined, undefined, 1, 2), fc.constant(5)),
    maxPrice: fc.oneof(
      { weight: 8, arbitrary: fc.integer({ min: 0, max: 400 }) },
      { weight: 1, arbitrary: fc.constant(90_000) },
    ),
    ttlMs: fc.constantFrom(10, 800, 3_000, 3_000),
    bounds: fc.oneof(
      { weight: 8, arbitrary: fc.constant(undefined) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(40, 200).map((most) => [{ rule: 'cap', of: 'payer' as const, most }]),
      },
    ),
    barred,
  })
  .map(({ least, ...draw }) => {
    if (least === undefined) return draw;
    // Content with a part of each limit; now and then with more than it asks for.
    const atLeast = Object.fromEntries(
      Object.entries(draw.amounts).map(([of, n]) => [of, least === 5 ? n + 1 : Math.ceil(n / (least + 1))]),
    );
    return { ...draw, atLeast };
  });

const used = fc.dictionary(often(name, fc.constant('frames')), fc.integer({ min: 0, max: 24 }), { maxKeys: 2 });
const upstream: fc.Arbitrary<UpstreamWord | undefined> = fc.option(
  fc.record(
    {
      status: fc.constantFrom(200, 200, 429, 429, 503),
      retryAfterMs: fc.constantFrom(0, 300, 1_500),
      remaining: fc.dictionary(name, fc.integer({ min: 0, max: 30 }), { maxKeys: 2 }),
    },
    { requiredKeys: ['status'] },
  ),
  { nil: undefined },
);

const giveBack = { hold: anyHold, by: often(fc.constant('holder'), agent), used, upstream, key };

const step: fc.Arbitrary<TokenStep> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 37, 400, 1_000, 2_500, 7_000) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(60_000, 599_000, 601_000) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('open' as const), bucket: bucket('api'), key }) },
  {
    weight: 20,
    arbitrary: fc.record({
      kind: fc.constant('take' as const),
      bucket: often(fc.constant('api'), fc.constant('none')),
      policy,
      takes: fc.array(take, { minLength: 1, maxLength: 6 }),
    }),
  },
  { weight: 9, arbitrary: fc.record({ kind: fc.constant('return' as const), ...giveBack }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('returns' as const),
      all: fc.array(fc.record(giveBack), { minLength: 2, maxLength: 5 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      ...{ kind: fc.constant('offer' as const), hold: anyHold, by: often(fc.constant('holder'), agent) },
      to: often(agent, fc.constant('nobody')),
      amounts: fc.oneof(
        { weight: 6, arbitrary: fc.constantFrom('all' as const, 'one' as const) },
        { weight: 1, arbitrary: amounts },
      ),
      ...{ price: fc.constantFrom(0, 5, 50, 800, 90_000), key },
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      ...{
        kind: fc.constant('buy' as const),
        of: often(fc.constant('offered'), anyHold),
        hold: often(newHold, anyHold),
      },
      agent: fc.oneof({ weight: 6, arbitrary: fc.constant('addressee') }, { weight: 1, arbitrary: agent }),
      amounts: often(fc.constant(undefined), amounts),
      maxPrice: often(fc.constant(100_000), fc.constant(3)),
      policy,
      barred,
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('sweep' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('expire' as const), hold: anyHold }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('again' as const), which: fc.nat({ max: 30 }) }) },
);

const order: fc.Arbitrary<TokenStep> = fc
  .record({
    id: agent,
    class: fc.constantFrom('standard' as const, 'system' as const, undefined),
    owner: fc.constantFrom('acme', null, undefined),
    host: fc.constantFrom('ben', null, undefined),
    budget: fc.constantFrom('cids', 'idle', null, undefined),
  })
  .map((account) => ({ kind: 'order', account }));

const first = bucket('api').map((spec) => ({ ...spec, account: 'pool-account' }));
const sequence = (maxLength: number, one = step) => fc.array(one, { minLength: 8, maxLength });
const ordered = fc.oneof({ weight: 20, arbitrary: step }, { weight: 1, arbitrary: order });

const working: fc.Arbitrary<TokenStep> = fc.oneof({ weight: 2, arbitrary: step }, { weight: 1, arbitrary: workDraw });

/** Offered, then brought to a task, then bought: by chance alone the three are as good as never one after the other. */
const soldAtWork: fc.Arbitrary<readonly TokenStep[]> = fc
  .tuple(agent, agent, fc.nat({ max: 2 }))
  .map(([to, provider, n]) => [
    { kind: 'offer', hold: `any-${n}`, by: 'holder', to, amounts: 'one', price: 5, key: 'key-000099' },
    { kind: 'hire', hold: 'offered', providers: [provider], fill: 'one', disputeMs: 0 },
    { kind: 'buy', of: 'offered', hold: 'h61', agent: 'addressee', maxPrice: 100_000, policy: 0, barred: undefined },
  ]);
const atWork = fc
  .tuple(sequence(40, working), soldAtWork, fc.nat({ max: 30 }))
  .map(([steps, sold, at]) => steps.toSpliced(at, 0, ...sold));

/** A first bucket, and what then happens. */
export const tokenSteps = fc.record({
  bucket: first,
  steps: fc.oneof(sequence(40), atWork, sequence(40, ordered)),
});
export const fewTokenSteps = fc.record({ bucket: first, steps: sequence(20) });
