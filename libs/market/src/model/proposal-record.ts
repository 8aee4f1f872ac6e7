// A proposal as the model keeps it: the fields that the scripts keep in Redis, under the same names.
import type { ProposalState } from './proposal-command.js';

export interface ProposalRecord {
  readonly id: string;
  readonly about: 'engage' | 'escalation';
  readonly by: string;
  readonly buyer: string;
  readonly conversation: string;
  readonly rule: string;
  readonly amountMicro: string;
  readonly text: string;
  readonly filedAt: number;
  readonly expiresAt: number;
  state: ProposalState;
  message: string;
  decidedBy?: string;
  decidedAt?: number;
  contracts?: readonly string[];
  detail?: string | undefined;
  forgottenAt?: number;
}

/** Whether a proposal's last word is not spoken: it waits, or is approved and not engaged yet. */
export function isOpen({ state, text }: ProposalRecord): boolean {
  return state === 'pending' || (state === 'approved' && text !== '');
}
