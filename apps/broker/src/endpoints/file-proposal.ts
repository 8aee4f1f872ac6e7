// 261: what a rule wants approved is filed, and an operator is asked.
import { bodyDigest, runScript } from '@tender/credits/redis';
import type { BankRequest, BankResult, PolicyVerdict } from '@tender/market';
import { type FileProposalInput, marketScripts } from '@tender/market/redis';
import type { Asked, Bank } from '../bank.js';
import { type Outcome, ok } from '../outcome.js';
import { refused } from './refused.js';

type Approval = Extract<PolicyVerdict, { kind: 'approval' }>;

/** `amountMicro`: what it would cost at most. Asked again under its key, the same proposal. */
export async function fileProposal(
  bank: Bank,
  { sender, body }: Asked<BankRequest<'engage'>>,
  { rule, withinMs }: Approval,
  amountMicro: number,
): Promise<Outcome<BankResult<'engage'>>> {
  const { buyer, conversation, task } = body.frame;
  const reply = await runFiling(bank, {
    by: sender,
    // Apart from the engagement's own key, which no wire key can be: once the rules allow it, that one still engages.
    key: `${body.key}:proposal`,
    digest: bodyDigest('file-proposal', body),
    about: 'engage',
    buyer,
    conversation,
    rule,
    withinMs,
    message: `rule ${rule} asks for approval: ${task.summary}`,
    amountMicro: String(amountMicro),
    text: JSON.stringify(body),
  });
  if (!reply.ok) return refused(bank, reply);
  const { proposal, expiresAt } = reply;
  return ok(
    { kind: 'pending', proposal, rule, expiresAt },
    { status: 261, scope: task.resource, budget: String(amountMicro), expires: expiresAt },
  );
}

/** Files, and tells once that something waits. */
export async function runFiling(bank: Bank, input: FileProposalInput) {
  const reply = await runScript(bank.redis, marketScripts.fileProposal, bank.meta, input);
  if (reply.ok && reply.replayed !== true) bank.events.proposal(reply);
  return reply;
}
