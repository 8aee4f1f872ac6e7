// proposal, escalate, policy: what waits for an operator, what becomes of it, and the rules that made it wait.
import { canonicalJson, parseMicro } from '@tender/credits';
import { bodyDigest, runScript } from '@tender/credits/redis';
import {
  type AdminRequest,
  type BankRequest,
  type BankResult,
  type Engage,
  type ProposalView,
  type Refusal,
  refusal,
  type TaskView,
} from '@tender/market';
import { marketScripts, type StoredProposal } from '@tender/market/redis';
import type { Asked, Bank } from '../bank.js';
import { type Outcome, ok } from '../outcome.js';
import type { AdminDone } from './admin-done.js';
import { engage, mostOf } from './engage.js';
import { runFiling } from './file-proposal.js';
import { keyed } from './keyed.js';
import { refused } from './refused.js';
import { accountSpokenFor } from './speaks-for.js';

export async function policy({ policies }: Bank): Promise<Outcome<BankResult<'policy'>>> {
  return ok({ version: policies.version, policy: policies.policy });
}

export async function proposal(
  bank: Bank,
  { sender, body }: Asked<BankRequest<'proposal'>>,
): Promise<Outcome<ProposalView>> {
  const stored = await bank.reader.proposal(body.proposal);
  if (stored === undefined) return refusal('unknown', `there is no proposal ${body.proposal}, or none any more`);
  const { by, expiresAt } = stored.view;
  if (sender !== by && sender !== stored.buyer) return refusal('not-permitted', `${body.proposal} was filed by ${by}`);
  return ok(await viewOf(bank, stored), { status: statusOf(stored.view.state), expires: expiresAt });
}

/** 261 while it is undecided, 263 once there are contracts or an operator's yes; else as any other answer. */
function statusOf(state: ProposalView['state']): number {
  if (state === 'pending') return 261;
  return state === 'engaged' || state === 'approved' ? 263 : 200;
}

async function viewOf(bank: Bank, { view, contracts }: StoredProposal): Promise<ProposalView> {
  if (contracts.length === 0) return view;
  const found = await Promise.all(contracts.map((contract) => bank.reader.task(contract)));
  return { ...view, contracts: found.filter((task): task is TaskView => task !== undefined) };
}

export async function escalate(
  bank: Bank,
  { sender, body }: Asked<BankRequest<'escalate'>>,
): Promise<Outcome<BankResult<'escalate'>>> {
  const { frame, message, withinMs, engage: wanted } = body;
  const unfit = await unfitOf(bank, sender, body);
  if (unfit !== undefined) return unfit;
  const reply = await runFiling(bank, {
    ...keyed('escalate', sender, body),
    about: 'escalation',
    buyer: frame.buyer,
    conversation: frame.conversation,
    message,
    withinMs,
    ...(wanted === undefined ? {} : { text: JSON.stringify(wanted), amountMicro: costOf(wanted) }),
  });
  if (!reply.ok) return refused(bank, reply);
  return ok({ proposal: reply.proposal, expiresAt: reply.expiresAt }, { status: 261, expires: reply.expiresAt });
}

/** Whoever approves sees what it costs at most, whatever the message says. */
function costOf({ fill, offers }: Engage): string {
  return String(
    mostOf(
      fill,
      offers.map(({ issues }) => parseMicro(issues.priceMicro)!),
    ),
  );
}

async function unfitOf(bank: Bank, sender: string, body: BankRequest<'escalate'>): Promise<Refusal | undefined> {
  const { frame, engage: wanted } = body;
  if (frame.market !== bank.market) return refusal('malformed', `frame.market: this is ${bank.market}`);
  // What is to be engaged on approval is paid by the buyer: nobody else can ask for it.
  const account = await accountSpokenFor(bank, sender, wanted === undefined ? sender : frame.buyer);
  if (!account.ok) return account;
  if (wanted === undefined || canonicalJson(wanted.frame) === canonicalJson(frame)) return undefined;
  return refusal('malformed', 'engage.frame: is another than the frame that is escalated');
}

/** An operator's word; what is approved is engaged before it is answered. */
export async function decide(
  bank: Bank,
  by: string,
  {
    key,
    proposal: id,
    verdict,
  }: { readonly key: string; readonly proposal: string; readonly verdict: 'approve' | 'deny' },
): Promise<Outcome<ProposalView>> {
  const digest = bodyDigest('decide', { proposal: id, verdict });
  const input = { by, key, digest, kind: verdict, proposal: id };
  const reply = await runScript(bank.redis, marketScripts.decideProposal, bank.meta, input);
  if (!reply.ok) return refused(bank, reply);
  if (reply.replayed !== true) bank.events.proposal(reply);
  if (reply.state === 'approved') await engageApproved(bank, id);
  const stored = await bank.reader.proposal(id);
  return stored === undefined ? refusal('expired', `${id} is decided and forgotten`) : ok(await viewOf(bank, stored));
}

/** The sweeper's: nobody decided in time, or whoever approved died before the engagement was closed. */
export async function overdueProposal(bank: Bank, id: string): Promise<void> {
  const reply = await runScript(bank.redis, marketScripts.decideProposal, bank.meta, { kind: 'expire', proposal: id });
  if (reply.ok) bank.events.proposal(reply);
  else if (reply.detail === 'duplicate') await engageApproved(bank, id);
}

/** Passing troubles: the sweeper comes again. */
const passing: ReadonlySet<string> = new Set(['unavailable', 'stale']);

/**
 * Engages what an operator approved, in the buyer's name and under the proposal's own key: whoever does it, and however
 * often, it is done once. Rules that ask for approval are not asked again, all others are.
 */
export async function engageApproved(bank: Bank, id: string): Promise<void> {
  const stored = await bank.reader.proposal(id);
  if (stored?.view.state !== 'approved' || stored.text === '') return;
  const body = { ...(JSON.parse(stored.text) as Engage), key: `proposal:${id}` };
  const outcome = await engage(bank, { sender: stored.buyer, conversation: stored.view.conversation, body }, id);
  if (!outcome.ok && passing.has(outcome.detail)) return;
  const end = outcome.ok
    ? { contracts: outcome.result.kind === 'contracts' ? outcome.result.contracts.map(({ contract }) => contract) : [] }
    : { detail: outcome.detail, message: outcome.message };
  const reply = await runScript(bank.redis, marketScripts.closeProposal, bank.meta, { proposal: id, ...end });
  if (reply.ok) bank.events.proposal(reply);
}

/** As many as fit into a message. */
const MOST_SHOWN = 256;

/** What waits, the most urgent first, and whose it is: as much as a message holds. */
export async function approvals(bank: Bank, { after }: AdminRequest<'approvals'>): Promise<AdminDone> {
  const found = await bank.reader.waiting(MOST_SHOWN + 1, after);
  const shown = found.slice(0, MOST_SHOWN).map(({ view }) => view);
  const page = { status: 'done', proposals: shown, ...(found.length > MOST_SHOWN ? { more: 1 } : {}) };
  if (after !== undefined) return ok(page);
  const asking = await bank.reader.asking();
  const waiting = asking.reduce((sum, one) => sum + one.waiting, 0);
  return ok({ ...page, waiting, asking: asking.slice(0, MOST_SHOWN) });
}
