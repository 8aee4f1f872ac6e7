// What a lease costs, case by case: the tables of SPEC.md, walked by the model's tests and by those of the scripts.

export interface RefundCase {
  /** Micro-credits for all units and one term. */
  readonly amount: number;
  readonly durationMs: number;
  readonly usedMs: number;
  readonly paid: number;
}

/** An early release of the first term: a tenth of it at least, a started millionth of the term counts, and a started micro-credit. */
export const refundCases: readonly RefundCase[] = [
  { amount: 1_000, durationMs: 1_000, usedMs: 500, paid: 500 },
  { amount: 1_000, durationMs: 1_000, usedMs: 0, paid: 100 },
  { amount: 1_000, durationMs: 1_000, usedMs: 99, paid: 100 },
  { amount: 1_000, durationMs: 1_000, usedMs: 101, paid: 101 },
  { amount: 1_000, durationMs: 1_000, usedMs: 999, paid: 999 },
  { amount: 1_000, durationMs: 1_000, usedMs: 1_000, paid: 1_000 },
  { amount: 1_000, durationMs: 3_000, usedMs: 1_000, paid: 334 },
  { amount: 1_000, durationMs: 3_000, usedMs: 2_000, paid: 667 },
  { amount: 1, durationMs: 60_000, usedMs: 1, paid: 1 },
  { amount: 7, durationMs: 60_000, usedMs: 30_000, paid: 4 },
  { amount: 0, durationMs: 1_000, usedMs: 500, paid: 0 },
  { amount: 10_000_000, durationMs: 3_000, usedMs: 1_000, paid: 3_333_340 },
  { amount: 99_999_999_999_999, durationMs: 2_592_000_000, usedMs: 1, paid: 10_000_000_000_000 },
  { amount: 99_999_999_999_999, durationMs: 2_592_000_000, usedMs: 1_296_000_000, paid: 50_000_000_000_000 },
  { amount: 99_999_999_999_999, durationMs: 2_592_000_000, usedMs: 2_591_999_999, paid: 99_999_999_999_999 },
];

export interface EndingCase {
  readonly why: string;
  /** What the pool asks of its holders; 0 where it asks nothing. */
  readonly graceMs: number;
  readonly idleMs: number;
  /** When the holder said that it runs, if it did. */
  readonly ranAtMs?: number;
  readonly by: 'holder' | 'seller' | 'operator' | 'clock';
  /** When that is asked. */
  readonly atMs: number;
  readonly outcome: 'released' | 'preempted' | 'unstarted' | 'idle' | 'expired';
  readonly paid: number;
  readonly compensation: number;
}

/** Of a lease for 1,000 micro-credits and 1,000 ms in a pool that compensates with a quarter of a term's price. */
const ending = (graceMs: number, idleMs: number, ranAtMs?: number) => ({
  ...{ graceMs, idleMs },
  ...(ranAtMs === undefined ? {} : { ranAtMs }),
});
export const endingCases: readonly EndingCase[] = [
  { why: 'taken back at once', ...ending(0, 0), by: 'seller', atMs: 0, outcome: 'preempted', paid: 0, compensation: 0 },
  {
    why: 'as much as is there',
    ...ending(0, 0),
    by: 'seller',
    atMs: 99,
    outcome: 'preempted',
    paid: 99,
    compensation: 99,
  },
  { why: 'half-way', ...ending(0, 0, 10), by: 'seller', atMs: 500, outcome: 'preempted', paid: 500, compensation: 250 },
  {
    why: 'by an operator',
    ...ending(0, 0),
    by: 'operator',
    atMs: 750,
    outcome: 'preempted',
    paid: 750,
    compensation: 250,
  },
  {
    why: 'taken back too late',
    ...ending(0, 0),
    by: 'seller',
    atMs: 1_000,
    outcome: 'expired',
    paid: 1_000,
    compensation: 0,
  },
  { why: 'never begun', ...ending(300, 400), by: 'clock', atMs: 300, outcome: 'unstarted', paid: 300, compensation: 0 },
  {
    why: 'never begun, a tenth',
    ...ending(20, 0),
    by: 'clock',
    atMs: 20,
    outcome: 'unstarted',
    paid: 100,
    compensation: 0,
  },
  {
    why: 'never begun, swept late',
    ...ending(300, 0),
    by: 'clock',
    atMs: 900,
    outcome: 'unstarted',
    paid: 300,
    compensation: 0,
  },
  {
    why: 'never begun, then released',
    ...ending(300, 0),
    by: 'holder',
    atMs: 400,
    outcome: 'unstarted',
    paid: 300,
    compensation: 0,
  },
  {
    why: 'never begun, then taken back',
    ...ending(300, 0),
    by: 'seller',
    atMs: 400,
    outcome: 'unstarted',
    paid: 300,
    compensation: 0,
  },
  {
    why: 'begun, then silent',
    ...ending(300, 400, 100),
    by: 'clock',
    atMs: 500,
    outcome: 'idle',
    paid: 500,
    compensation: 0,
  },
  {
    why: 'silent at once, a tenth',
    ...ending(0, 40, 10),
    by: 'clock',
    atMs: 50,
    outcome: 'idle',
    paid: 100,
    compensation: 0,
  },
  {
    why: 'silent, but to its end',
    ...ending(0, 400, 700),
    by: 'clock',
    atMs: 1_000,
    outcome: 'expired',
    paid: 1_000,
    compensation: 0,
  },
  {
    why: 'begun, then released',
    ...ending(300, 400, 100),
    by: 'holder',
    atMs: 499,
    outcome: 'released',
    paid: 499,
    compensation: 0,
  },
];

export interface RenewalCase {
  readonly why: string;
  /** The clearing prices of the pool's last awards per unit, the latest first, and the length that each was for. */
  readonly recent: readonly { readonly priceMicro: number; readonly durationMs: number }[];
  readonly reservePrice: number;
  readonly durationMs: number;
  /** Per unit, for one term. */
  readonly price: number;
}

/** `30/1000 …` as in SPEC.md. */
const paid = (text: string) =>
  text.split(' ').map((one) => {
    const [priceMicro, durationMs] = one.split('/').map(Number);
    return { priceMicro: priceMicro!, durationMs: durationMs! };
  });

export const renewalCases: readonly RenewalCase[] = [
  { why: 'nothing was sold yet', recent: [], reservePrice: 7, durationMs: 1_000, price: 7 },
  { why: 'the only price', recent: paid('30/1000'), reservePrice: 7, durationMs: 1_000, price: 30 },
  { why: 'below the reserve price', recent: paid('5/1000'), reservePrice: 7, durationMs: 1_000, price: 7 },
  { why: 'twice as long', recent: paid('30/500'), reservePrice: 7, durationMs: 1_000, price: 60 },
  { why: 'a third as long', recent: paid('100/3000'), reservePrice: 0, durationMs: 1_000, price: 34 },
  {
    why: 'shorter, under the reserve price',
    recent: paid('30/60000'),
    reservePrice: 7,
    durationMs: 1_000,
    price: 7,
  },
  { why: 'a price of nothing', recent: paid('0/500'), reservePrice: 0, durationMs: 1_000, price: 0 },
  { why: 'of two the lower', recent: paid('900/1000 30/1000'), reservePrice: 7, durationMs: 1_000, price: 30 },
  {
    why: 'a friend overpays once',
    recent: paid('900/10 30/1000 31/1000 29/1000 28/1000'),
    reservePrice: 7,
    durationMs: 1_000,
    price: 30,
  },
  {
    why: 'and twice',
    recent: paid('900/10 900/10 31/1000 29/1000 28/1000'),
    reservePrice: 7,
    durationMs: 1_000,
    price: 31,
  },
  {
    why: 'a gift does not lower it',
    recent: paid('0/1000 30/1000 31/1000'),
    reservePrice: 7,
    durationMs: 1_000,
    price: 30,
  },
  {
    why: 'of lengths that differ',
    recent: paid('15/500 40/2000 100/3000'),
    reservePrice: 7,
    durationMs: 1_000,
    price: 30,
  },
];
