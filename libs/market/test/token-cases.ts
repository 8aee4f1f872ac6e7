// Who gets what when several ask at once: the table of TOKENS.md, walked by the tests.

interface Asking {
  readonly agent: 'ann' | 'ben' | 'cid' | 'sys';
  readonly requests: number;
  /** Content with so many. */
  readonly least?: number;
  readonly max: number;
}

export interface ClearingCase {
  readonly why: string;
  readonly rule: 'uniform-price' | 'proportional-share';
  readonly takes: readonly Asking[];
  /** Requests and rate of each who got some. */
  readonly got: Readonly<Record<string, readonly [requests: number, rate: number]>>;
}

const ask = (agent: Asking['agent'], requests: number, max: number, least?: number): Asking => ({
  ...{ agent, requests, max },
  ...(least === undefined ? {} : { least }),
});

/** Ten requests at ten micro-credits are there, two of them reserved; noise costs nothing. */
export const clearingCases: readonly ClearingCase[] = [
  {
    ...{ why: 'enough for all', rule: 'uniform-price' },
    takes: [ask('ann', 3, 30), ask('ben', 4, 80)],
    got: { ann: [3, 1000], ben: [4, 1000] },
  },
  {
    ...{ why: 'the highest offers, at the highest that lost', rule: 'uniform-price' },
    takes: [ask('ann', 5, 60), ask('ben', 5, 100), ask('cid', 3, 45)],
    got: { ben: [5, 1200], cid: [3, 1200] },
  },
  {
    ...{ why: 'class system first, for no more than it offers', rule: 'uniform-price' },
    takes: [ask('ann', 5, 500), ask('sys', 6, 60)],
    got: { sys: [6, 1000] },
  },
  {
    ...{ why: 'class system takes the reserve', rule: 'uniform-price' },
    takes: [ask('sys', 10, 100)],
    got: { sys: [10, 1000] },
  },
  {
    ...{ why: 'nobody slips by whoever does not fit', rule: 'uniform-price' },
    takes: [ask('cid', 1, 10), ask('ann', 7, 140), ask('ben', 2, 30)],
    got: { ann: [7, 1500] },
  },
  {
    ...{ why: 'content with the part that is left', rule: 'uniform-price' },
    takes: [ask('ann', 5, 100), ask('ben', 5, 50, 2)],
    got: { ann: [5, 1000], ben: [3, 1000] },
  },
  {
    ...{ why: 'equal offers, as they came', rule: 'uniform-price' },
    takes: [ask('ben', 5, 50), ask('ann', 5, 50)],
    got: { ben: [5, 1000] },
  },
  {
    ...{ why: 'nobody bids against itself', rule: 'uniform-price' },
    takes: [ask('ann', 5, 500), ask('ann', 5, 100)],
    got: { ann: [5, 1000] },
  },
  {
    ...{ why: 'each its part', rule: 'proportional-share' },
    takes: [ask('ann', 8, 80, 1), ask('ben', 4, 40, 1)],
    got: { ann: [5, 1000], ben: [2, 1000] },
  },
  {
    ...{ why: 'whoever asks for ten times as much gets no more', rule: 'proportional-share' },
    takes: [ask('ann', 80, 800, 1), ask('ben', 4, 40, 1)],
    got: { ann: [5, 1000], ben: [2, 1000] },
  },
  {
    ...{ why: 'who wants all of it waits beside parts', rule: 'proportional-share' },
    takes: [ask('ann', 6, 60), ask('ben', 6, 600, 1)],
    got: { ben: [3, 1000] },
  },
  {
    ...{ why: 'whole takes in order', rule: 'proportional-share' },
    takes: [ask('ann', 5, 50), ask('ben', 5, 500)],
    got: { ann: [5, 1000] },
  },
];

/** A case as TOKENS.md has it: cells joined by bars. */
export function clearingRow({ why, rule, takes, got }: ClearingCase): string {
  const asked = takes.map(
    ({ agent, requests, max, least }) =>
      `${agent} ${requests}${least === undefined ? '' : ` (${least} at least)`} for ${max}`,
  );
  const given = [...new Set(takes.map(({ agent }) => agent))]
    .filter((agent) => got[agent] !== undefined)
    .map((agent) => `${agent} ${got[agent]![0]} at ${got[agent]![1]}`);
  return [why, rule, asked.join(', '), given.join(', ')].join('|');
}
