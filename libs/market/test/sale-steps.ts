// Random sales of one pool with a reserve, caps, noise and deposits, richer than those of market-steps.ts and free of tasks.
import { bodyDigest } from '@tender/credits';
import fc from 'fast-check';
import { auctionRules, type MarketBook, type MarketCommand, type PoolSpec, rankBids } from '../src/index.js';

export const STANDARD = ['ann', 'ben', 'cid', 'dot'] as const;
export const SYSTEM = ['sys', 'sys-too'] as const;
/** Two owners of two agents each. */
export const OWNERS: Readonly<Record<string, string>> = { ann: 'acme', cid: 'acme', sys: 'ops', 'sys-too': 'ops' };
export const SLOTS = 6;
const DIGEST = 'd'.repeat(43);
const DEPOSIT = '3';

export type SaleStep =
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'sweep' }
  | { readonly kind: 'sale'; readonly sale: Sale }
  | { readonly kind: 'lease'; readonly what: (typeof leaseSteps)[number]; readonly which: number }
  | { readonly kind: 'call'; readonly what: (typeof callSteps)[number]; readonly which: number }
  | {
      readonly kind: 'deposit';
      readonly which: number;
      readonly agent: string;
      readonly by: string;
      readonly micro: string;
    }
  | { readonly kind: 'withdraw'; readonly which: number; readonly agent: string; readonly by: string }
  /** A call is extended, and what its bidders agreed to passes. */
  | { readonly kind: 'outlast'; readonly which: number; readonly agent: string; readonly swept: boolean }
  | { readonly kind: 'pool'; readonly rules: PoolRules }
  | { readonly kind: 'again'; readonly which: number };

export type PoolRules = Pick<
  PoolSpec,
  'reserve' | 'lendMs' | 'graceMs' | 'noiseMaxPermille' | 'noiseWindowMs' | 'ownerMax'
>;

interface Bid {
  readonly participant: string;
  readonly units: number;
  readonly price: number;
  /** Whether it lays down what is asked before it bids. */
  readonly pays: boolean;
}

export interface Sale {
  readonly units: number;
  readonly durationMs: number;
  readonly rule: (typeof auctionRules)[number];
  readonly deposit: boolean;
  readonly bids: readonly Bid[];
  /** Else the call stays open. */
  readonly awarded: boolean;
}

const callSteps = ['release-call', 'lapse-call', 'extend-call', 'return-deposits'] as const;
const leaseSteps = ['run', 'progress', 'renew', 'settle', 'preempt-lease', 'expire-lease'] as const;
const agent = fc.constantFrom(...STANDARD, ...SYSTEM);
const bid = fc.record({
  participant: agent,
  units: fc.constantFrom(1, 1, 1, 2, 3),
  price: fc.integer({ min: 1, max: 4_000 }),
  pays: fc.constantFrom(true, true, true, true, false),
});
export const saleOf = (durationMs: fc.Arbitrary<number>): fc.Arbitrary<Sale> =>
  fc.record({
    units: fc.integer({ min: 1, max: SLOTS }),
    durationMs,
    rule: fc.constantFrom(...auctionRules),
    deposit: fc.constantFrom(false, false, true),
    bids: fc.array(bid, { minLength: 1, maxLength: 6 }),
    awarded: fc.constantFrom(true, true, true, true, false),
  });
const sale = saleOf(fc.constantFrom(400, 900, 2_000));
const which = fc.nat({ max: 30 });

export const poolRules: fc.Arbitrary<PoolRules> = fc.record({
  reserve: fc.integer({ min: 0, max: 4 }),
  lendMs: fc.constantFrom(0, 0, 900, 2_000),
  graceMs: fc.constantFrom(0, 300, 300),
  noiseMaxPermille: fc.constantFrom(1_000, 4_000, 100_000),
  noiseWindowMs: fc.constantFrom(1_000, 7_000),
  ownerMax: fc.constantFrom(0, 0, 3, 4),
});

const common: fc.WeightedArbitrary<SaleStep>[] = [
  { weight: 10, arbitrary: fc.record({ kind: fc.constant('sale' as const), sale }) },
  { weight: 4, arbitrary: fc.constantFrom(1, 200, 500, 1_300).map((ms): SaleStep => ({ kind: 'wait', ms })) },
  { weight: 3, arbitrary: fc.constant<SaleStep>({ kind: 'sweep' }) },
  {
    weight: 14,
    arbitrary: fc.record({ kind: fc.constant('lease' as const), what: fc.constantFrom(...leaseSteps), which }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      ...{ kind: fc.constant('call' as const), which },
      what: fc.constantFrom('release-call' as const, 'lapse-call' as const),
    }),
  },
];
const by = fc.constantFrom('self', 'self', 'self', 'ben');
const odd: fc.WeightedArbitrary<SaleStep>[] = [
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pool' as const), rules: poolRules }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('again' as const), which }) },
  {
    weight: 4,
    arbitrary: fc.record({
      ...{ kind: fc.constant('deposit' as const), which, micro: fc.constantFrom(DEPOSIT, DEPOSIT, '4', '0') },
      agent: fc.oneof({ weight: 8, arbitrary: agent }, { weight: 1, arbitrary: fc.constantFrom('nobody', 'seller') }),
      by,
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('withdraw' as const), which, agent, by }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('outlast' as const), which, agent, swept: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: fc.record({
      ...{ kind: fc.constant('call' as const), which },
      what: fc.constantFrom('extend-call' as const, 'extend-call' as const, 'return-deposits' as const),
    }),
  },
];

/** A pool and what happens in it; `changing` also changes the pool's rules and asks what cannot be. */
export function saleSteps(rules: fc.Arbitrary<PoolRules>, changing: boolean) {
  const step = fc.oneof(...common, ...(changing ? odd : []));
  return fc.record({ rules, steps: fc.array(step, { minLength: 8, maxLength: 30 }) });
}

export function poolOf(rules: PoolRules): PoolSpec {
  return {
    ...{ pool: 'gpu', account: 'pool-account', seller: 'seller', slots: SLOTS, reservePriceMicro: '0', maxTerms: 64 },
    ...{ seals: ['mac'], idleMs: 0, compensationPermille: 100, ...rules },
  };
}

/** Where the market is, and the next new names. */
export interface SaleScene {
  readonly book: MarketBook;
  nowMs: number;
  names: number;
}

/** Locks to take first, and the commands of a sale on slots that are free and not under negotiation. */
export function commandsOf(scene: SaleScene, { units, durationMs, rule, deposit, bids, awarded }: Sale) {
  const { book, nowMs } = scene;
  const pool = book.pools.get('gpu')!;
  const slots = [...pool.free].filter((slot) => !book.locks.has(`gpu:${slot}`)).slice(0, units);
  if (slots.length === 0) return undefined;
  scene.names += 1;
  const cfp = `c${scene.names}`;
  const lockValue = `lock-${cfp}`;
  const asks = deposit ? { depositMicro: DEPOSIT } : {};
  const ranked = rankBids(
    DIGEST,
    bids.map((drawn, n) => ({ ...drawn, intent: `${cfp}-${n}` })),
  );
  const shown = ranked.map(({ pays: _pays, ...other }) => ({ ...other, until_ms: nowMs }));
  const payers = [...new Set(ranked.filter(({ pays }) => deposit && pays).map(({ participant }) => participant))];
  const commands = [
    ...[
      keyed(scene, {
        ...{ kind: 'open-call', by: 'seller', cfp, pool: 'gpu', slots, lockValue, rule, durationMs, ...asks },
        ...{ reservePriceMicro: '0', windowMs: 400, ttlMs: 1_500, seals: ['mac'], termsDigest: DIGEST },
      }),
    ],
    ...payers.map((payer) =>
      keyed(scene, { kind: 'deposit', by: payer, agent: payer, cfp, amountMicro: DEPOSIT, policy: 0 }),
    ),
    ...(awarded
      ? [keyed(scene, { kind: 'award', by: 'seller', cfp, bids: shown, termsDigest: DIGEST, policy: 0 })]
      : []),
  ];
  return { cfp, slots, lockValue, commands };
}

type Unkeyed<C> = C extends { key: string } ? Omit<C, 'key' | 'digest'> : C;

export function keyed(scene: SaleScene, draft: Unkeyed<MarketCommand>): MarketCommand {
  if (!('by' in draft)) return draft;
  scene.names += 1;
  const { kind, by: _by, ...body } = draft;
  return { ...draft, key: `key-${scene.names}`, digest: bodyDigest(kind, body) } as MarketCommand;
}

/** A call that somebody laid something down for, if there is one, else any. */
function openOf(book: MarketBook, which: number): string | undefined {
  const calls = [...book.calls.values()];
  const waiting = calls.filter(({ deposits, state }) => state === 'open' && deposits.size > 0);
  const among = waiting.length > 0 ? waiting : calls;
  return among[which % Math.max(1, among.length)]?.cfp;
}

/** What comes before that time, the time, and what comes after it. */
export function outlasting(scene: SaleScene, { which, agent, swept }: Extract<SaleStep, { kind: 'outlast' }>) {
  const cfp = openOf(scene.book, which);
  const until = cfp === undefined ? undefined : scene.book.calls.get(cfp)!.depositUntil;
  if (cfp === undefined || until === undefined || until < scene.nowMs) return undefined;
  return {
    before: keyed(scene, { kind: 'extend-call', by: 'seller', cfp, ttlMs: 5_000 }),
    atMs: until + 1,
    after: [
      keyed(scene, { kind: 'deposit', by: agent, agent, cfp, amountMicro: DEPOSIT, policy: 0 }),
      ...(swept ? [{ kind: 'return-deposits', cfp } as const] : []),
    ],
  };
}

/** The command of any other step, undefined where there is nothing that it could be about. */
export function commandOf(
  scene: SaleScene,
  step: Exclude<SaleStep, { kind: 'sale' | 'wait' | 'sweep' | 'again' | 'outlast' }>,
) {
  const { book } = scene;
  const pick = <T>(list: Iterable<T>, n: number): T | undefined => {
    const all = [...list];
    return all[n % Math.max(1, all.length)];
  };
  switch (step.kind) {
    case 'pool':
      return keyed(scene, { kind: 'open-pool', by: 'operator', pool: poolOf(step.rules) });
    case 'call': {
      const cfp = step.what === 'extend-call' ? openOf(book, step.which) : pick(book.calls.keys(), step.which);
      if (cfp === undefined) return undefined;
      if (step.what === 'lapse-call' || step.what === 'return-deposits') return { kind: step.what, cfp } as const;
      if (step.what === 'extend-call') return keyed(scene, { kind: step.what, by: 'seller', cfp, ttlMs: 5_000 });
      return keyed(scene, { kind: step.what, by: 'seller', cfp });
    }
    case 'deposit': {
      const cfp = pick([...book.calls.keys(), 'c-none'], step.which)!;
      const { agent: payer, micro } = step;
      const by = step.by === 'self' ? payer : step.by;
      return keyed(scene, { kind: 'deposit', by, cfp, agent: payer, amountMicro: micro, policy: 0 });
    }
    case 'withdraw': {
      const cfp = openOf(book, step.which) ?? 'c-none';
      const agent = pick(book.calls.get(cfp)?.deposits.keys() ?? [], step.which) ?? step.agent;
      return keyed(scene, { kind: 'withdraw-deposit', by: step.by === 'self' ? agent : step.by, cfp, agent });
    }
    case 'lease': {
      const lease = pick(
        [...book.contracts.values()].filter(({ state }) => state !== 'settled'),
        step.which,
      );
      if (lease === undefined) return undefined;
      const { id: contract, participant: by } = lease;
      if (step.what === 'expire-lease') return { kind: step.what, contract } as const;
      if (step.what === 'preempt-lease') return keyed(scene, { kind: step.what, by: 'seller', contract });
      if (step.what === 'settle') return keyed(scene, { kind: step.what, by, contract });
      if (step.what === 'renew')
        return keyed(scene, { kind: step.what, by, contract, maxPriceMicro: '9000', policy: 0 });
      return keyed(scene, { kind: 'hear', by, contract, step: step.what });
    }
  }
}
