// The registry's part for policies and approvals: the market's rules, and what waits for an operator.
import { defineScript } from '@tender/credits/redis';
import { z } from 'zod';
import type { FileProposalAsked } from '../model/proposal-command.js';
import { proposalStates } from '../operations.js';
import { type FieldsOf, folders, type Keyed, replyOf } from './script-reply.js';

const told = {
  proposal: z.string(),
  about: z.enum(['engage', 'escalation']),
  state: z.enum(proposalStates),
  asker: z.string(),
  conversation: z.string(),
  at: z.number(),
};
const setPolicyReply = replyOf({ version: z.number(), at: z.number() });
const fileProposalReply = replyOf({ ...told, expiresAt: z.number() });
const proposalReply = replyOf(told);
export type ProposalReply = z.infer<typeof proposalReply>;

export type FileProposalInput = Keyed & FileProposalAsked;

export const proposalScripts = {
  setPolicy: defineScript<Keyed & { text: string }, z.infer<typeof setPolicyReply>>(
    folders,
    'set-policy',
    setPolicyReply,
  ),
  fileProposal: defineScript<FileProposalInput, z.infer<typeof fileProposalReply>>(
    folders,
    'file-proposal',
    fileProposalReply,
  ),
  decideProposal: defineScript<
    (Keyed & { kind: 'approve' | 'deny'; proposal: string }) | { kind: 'expire'; proposal: string },
    ProposalReply
  >(folders, 'decide-proposal', proposalReply),
  closeProposal: defineScript<
    { proposal: string; contracts: readonly string[] } | { proposal: string; detail: string; message: string },
    ProposalReply
  >(folders, 'close-proposal', proposalReply),
};

export const proposalScriptFields = {
  setPolicy: { by: 1, key: 1, digest: 1, text: 1 },
  fileProposal: {
    ...{ by: 1, key: 1, digest: 1, about: 1, buyer: 1, conversation: 1, rule: 1, message: 1, amountMicro: 1 },
    ...{ withinMs: 1, text: 1 },
  },
  decideProposal: { kind: 1, by: 1, key: 1, digest: 1, proposal: 1 },
  closeProposal: { proposal: 1, contracts: 1, detail: 1, message: 1 },
} satisfies { [Name in keyof typeof proposalScripts]: Record<FieldsOf<(typeof proposalScripts)[Name]>, 1> };
