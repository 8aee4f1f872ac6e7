// What random steps are drawn from: few names, so that everything clashes all the time.
import fc from 'fast-check';

export const AGENTS = ['ann', 'ben', 'cid'] as const;
export const SYSTEM_AGENT = 'sys';
export const ANNS_NKEY = `U${'A'.repeat(55)}`;

/** `any-<n>` stands for one of the calls, leases, tasks or holders that there are when the step is taken. */
export const any = fc.nat({ max: 9 }).map((n) => `any-${n}`);

/** The first of the two nearly always. */
export function often<T, U>(usual: fc.Arbitrary<T>, seldom: fc.Arbitrary<U>): fc.Arbitrary<T | U> {
  return fc.oneof<fc.WeightedArbitrary<T | U>[]>({ weight: 15, arbitrary: usual }, { weight: 1, arbitrary: seldom });
}
