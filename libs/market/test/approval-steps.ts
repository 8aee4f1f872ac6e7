// Random rules and proposals: what is filed, decided and closed, without regard to what there is.
import fc from 'fast-check';
import type { MarketCommand } from '../src/index.js';
import { AGENTS, any, often } from './drawn.js';

type Approval = Extract<MarketCommand, { kind: 'set-policy' | `${string}-proposal` }>;
export type ApprovalDraft = Approval extends infer C
  ? C extends { key: string }
    ? Omit<C, 'key' | 'digest'>
    : C
  : never;

const proposal = fc.oneof({ weight: 4, arbitrary: any }, { weight: 1, arbitrary: fc.constant('p99') });
const file = fc.record({
  kind: fc.constant('file-proposal' as const),
  by: fc.constantFrom(...AGENTS),
  about: fc.constantFrom('engage' as const, 'escalation' as const),
  buyer: fc.constantFrom(...AGENTS),
  conversation: fc.constantFrom('k1', 'k2'),
  rule: fc.constantFrom('dear', undefined),
  message: fc.constant('too dear'),
  amountMicro: often(fc.constantFrom('0', '500', undefined), fc.constant('1e3')),
  withinMs: fc.constantFrom(100, 1_000, 20_000),
  text: fc.constantFrom('{"key":"k"}', undefined),
});
const decide = fc.record({
  kind: fc.constant('decide-proposal' as const),
  by: fc.constant('operator'),
  proposal,
  verdict: fc.constantFrom('approve' as const, 'approve' as const, 'deny' as const),
});
const close = fc.oneof(
  fc.record({ kind: fc.constant('close-proposal' as const), proposal, contracts: fc.constant(['k1-t1', 'k1-t2']) }),
  fc.record({
    ...{ kind: fc.constant('close-proposal' as const), proposal },
    ...{ detail: fc.constant('insufficient-credits' as const), message: fc.constant('too poor') },
  }),
);
const setPolicy = fc.record({
  kind: fc.constant('set-policy' as const),
  by: fc.constant('operator'),
  text: fc.constantFrom('{"rules":[]}', '{"rules":[ ]}'),
});

export const approvalDraft: fc.Arbitrary<ApprovalDraft> = fc.oneof(
  { weight: 2, arbitrary: setPolicy },
  { weight: 6, arbitrary: file },
  { weight: 4, arbitrary: decide },
  { weight: 4, arbitrary: close },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('expire-proposal' as const), proposal }) },
);

/** One life, mostly of the same proposal: names are drawn from few. */
export const approvalDrafts: fc.Arbitrary<ApprovalDraft[]> = fc
  .record({ filed: file, decided: decide, closed: close, which: any })
  .map(({ filed, decided, closed, which }) => [filed, { ...decided, proposal: which }, { ...closed, proposal: which }]);
