// What the model is asked about policies and approvals, and what it answers.
import type { proposalStates } from '../operations.js';
import type { Detail } from '../refusal.js';

export type ProposalState = (typeof proposalStates)[number];

export interface FileProposalAsked {
  readonly about: 'engage' | 'escalation';
  readonly buyer: string;
  readonly conversation: string;
  readonly rule?: string | undefined;
  readonly message: string;
  readonly amountMicro?: string | undefined;
  readonly withinMs: number;
  /** The request to engage as JSON, kept verbatim; absent where there is none. */
  readonly text?: string | undefined;
}

/** What came of an approved engagement. */
export type ProposalEnd =
  | { readonly proposal: string; readonly contracts: readonly string[] }
  | { readonly proposal: string; readonly detail: Detail; readonly message: string };

/** A proposal as it is told to whoever changes it. */
export interface ProposalTold {
  readonly proposal: string;
  readonly about: 'engage' | 'escalation';
  readonly state: ProposalState;
  readonly asker: string;
  readonly conversation: string;
  readonly at: number;
}
