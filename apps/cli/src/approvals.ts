// `tender approvals`: what waits for an operator, and the operator's word.
import type { Operator, Waiting } from '@tender/agent';
import { showCredits } from '@tender/credits';
import type { ProposalView } from '@tender/market';
import { asOperator, refusedByBank } from './as-operator.js';
import type { CliConfig } from './config.js';
import { showLeft } from './quantities.js';
import { type OutputForm, print, printJson, showTable } from './table.js';

export function listApprovals(config: CliConfig, form: OutputForm): Promise<number> {
  return asOperator(config, async (operator) => {
    const answer = await operator.approvals();
    if (!answer.ok) throw refusedByBank(answer, config.market);
    if (form === 'json') printJson(answer.proposals);
    else print(listed(answer, config.market));
    return 0;
  });
}

/** So many askers are named. */
const NAMED = 5;

function listed({ proposals, asking }: Waiting, market: string): string {
  const [first] = proposals;
  if (first === undefined) return `Nothing waits for approval in the market ${market}.`;
  const rows = proposals.map((one) => [
    one.proposal,
    one.kind,
    one.by,
    one.rule ?? '–',
    one.amountMicro === undefined ? '–' : showCredits(Number(one.amountMicro)),
    showLeft(one.expiresAt - Date.now()),
    one.message,
  ]);
  const named = asking.slice(0, NAMED).map(({ by, waiting }) => `${by} ${waiting}`);
  const others = asking.length > NAMED ? ` and ${asking.length - NAMED} others` : '';
  return [
    showTable(['ID', 'KIND', 'BY', 'RULE', 'CREDITS', 'EXPIRES IN', 'MESSAGE'], rows),
    `\n${proposals.length} waiting, by asker: ${named.join(', ')}${others}.`,
    `\`tender approvals approve ${first.proposal}\` or \`tender approvals deny ${first.proposal}\` decides the most urgent one.`,
  ].join('\n');
}

/** 0 where the word stands, 1 where it does not, or what was approved could not be engaged. */
export function decideApproval(
  config: CliConfig,
  proposal: string,
  verdict: 'approve' | 'deny',
  form: OutputForm,
): Promise<number> {
  return asOperator(config, async (operator) => {
    const view = await decided(operator, config, proposal, verdict);
    if (form === 'json') printJson(view);
    else print(told(view));
    return view.state === 'failed' ? 1 : 0;
  });
}

async function decided(
  operator: Operator,
  { market }: CliConfig,
  proposal: string,
  verdict: 'approve' | 'deny',
): Promise<ProposalView> {
  // The same word twice is the same word: an answer that was lost is asked for by typing it again.
  const answer = await operator.decide(proposal, verdict, `cli-${verdict}-${proposal}`);
  if (answer.ok) return answer.proposal;
  const hint = answer.detail === 'unknown' ? ' `tender approvals list` shows what waits.' : '';
  const error = refusedByBank(answer, market);
  error.message += hint;
  throw error;
}

function told({ proposal, state, detail, message, contracts = [] }: ProposalView): string {
  switch (state) {
    case 'engaged':
      return `${proposal} is approved and engaged: ${contracts.map(({ contract, provider }) => `${contract} with ${provider}`).join(', ')}.`;
    case 'approved':
      return `${proposal} is approved.`;
    case 'denied':
      return `${proposal} is denied.`;
    case 'failed':
      return `${proposal} is approved, but cannot be engaged any more: ${detail}, ${message}. Its buyer may ask anew.`;
    default:
      return `${proposal} is ${state}.`;
  }
}
