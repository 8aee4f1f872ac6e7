// What waits for an operator, as Redis holds it and as the bank shows it.
import type { ProposalView } from '../operations.js';

/** A view without its contracts, which are looked up where somebody asks for them; and what the bank needs itself. */
export interface StoredProposal {
  readonly view: Omit<ProposalView, 'contracts'>;
  readonly buyer: string;
  readonly contracts: readonly string[];
  /** The request to engage as JSON; empty where there is none. */
  readonly text: string;
}

export function proposalOf(id: string, f: Readonly<Record<string, string>>): StoredProposal {
  return {
    view: {
      proposal: id,
      kind: f.about as ProposalView['kind'],
      state: f.state as ProposalView['state'],
      by: f.by!,
      conversation: f.conversation!,
      ...given('rule', f.rule),
      message: f.message!,
      ...given('amountMicro', f.amountMicro),
      filedAt: Number(f.filedAt),
      expiresAt: Number(f.expiresAt),
      ...given('decidedBy', f.decidedBy),
      ...given('detail', f.detail),
    },
    buyer: f.buyer!,
    contracts: f.contracts === undefined ? [] : f.contracts.split(','),
    text: f.text!,
  };
}

function given<N extends string>(name: N, value: string | undefined): { readonly [Key in N]?: string } {
  return (value === undefined || value === '' ? {} : { [name]: value }) as { readonly [Key in N]?: string };
}
