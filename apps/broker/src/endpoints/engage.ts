// engage: a buyer closes on sealed offers; the bank ranks them anew and commits the contracts in one step.
import { canonicalJson, MAX_MICRO, parseMicro } from '@tender/credits';
import { runScript } from '@tender/credits/redis';
import {
  type BankRequest,
  type BankResult,
  dealDigest,
  jsonBytes,
  type Offer,
  type PolicyVerdict,
  policyRefusal,
  type Refusal,
  rankOffers,
  refusal,
  type ShownVerdict,
  type TaskView,
  taskFacts,
} from '@tender/market';
import { type EngageInput, type EngageReply, marketScripts, type TaskOffer } from '@tender/market/redis';
import type { Asked, Bank } from '../bank.js';
import { type Outcome, ok } from '../outcome.js';
import { JUDGEMENTS, NO_VERSION, policyMoved } from '../policy-book.js';
import { fileProposal } from './file-proposal.js';
import { keyed } from './keyed.js';
import { refused } from './refused.js';
import { accountSpokenFor } from './speaks-for.js';

type Body = BankRequest<'engage'>;
type Result = BankResult<'engage'>;
/** The frames of all contracts in one answer, at most: half of what an agent reads. */
const MAX_FRAMES_BYTES = 256 * 1024;

type Approval = Extract<PolicyVerdict, { kind: 'approval' }>;

/** `approved`: the proposal under which an operator approved it; its key is the proposal's own. */
export async function engage(bank: Bank, asked: Asked<Body>, approved?: string): Promise<Outcome<Result>> {
  const { sender, body } = asked;
  const { frame } = body;
  if (frame.market !== bank.market) return refusal('malformed', `frame.market: this is ${bank.market}`);
  const buyer = await accountSpokenFor(bank, sender, frame.buyer);
  if (!buyer.ok) return buyer;
  const unfit = unfitOf(body);
  if (unfit !== undefined) return unfit;
  const sealed = body.offers.filter((offer) => holds(bank, body, offer));
  if (sealed.length === 0) return refusal('bad-signature', 'no offer that was shown carries a good seal for this deal');
  const forged = body.offers.filter((offer) => !sealed.includes(offer)).map((offer) => barred(offer, 'bad-signature'));
  for (let attempt = 1; ; attempt += 1) {
    const judged = judge(bank, body, sealed, approved !== undefined);
    const allowed = (judged.approval ?? judged.refusal) === undefined;
    // What no script will check against the rules' version is held against the latest ones first.
    if (!allowed && attempt < JUDGEMENTS) {
      await bank.policies.load();
      if (bank.policies.version !== judged.version) continue;
    }
    const input = inputOf(asked, judged, approved !== undefined);
    // Rules that came after it change nothing of what is committed: asked again, it is answered as before.
    const asJudged = allowed ? input : { ...input, policy: NO_VERSION };
    const reply = await runScript(bank.redis, marketScripts.engage, bank.meta, asJudged);
    if (reply.ok) return engaged(bank, body, reply, forged);
    if (judged.approval !== undefined) {
      return fileProposal(bank, asked, judged.approval, judged.costMicro);
    }
    if (judged.refusal !== undefined) {
      return { ...judged.refusal, verdicts: [...(judged.refusal.verdicts ?? []), ...forged] };
    }
    if (policyMoved(reply) && attempt < JUDGEMENTS) {
      await bank.policies.load();
      continue;
    }
    const refusal = refused(bank, reply);
    return reply.verdicts === undefined ? refusal : { ...refusal, verdicts: [...reply.verdicts, ...forged] };
  }
}

/** What a script would have to take on trust. */
function unfitOf({ rule, weights, fill, ask, frame, offers }: Body): Refusal | undefined {
  if ((rule === 'best-score') !== (weights !== undefined)) {
    return refusal('malformed', 'weights: best-score needs them, lowest-price takes none');
  }
  // What is committed but cannot be told, nobody would follow.
  if (fill.kind !== 'one' && offers.length * jsonBytes(frame) > MAX_FRAMES_BYTES) {
    return refusal('malformed', `frame: too long for ${offers.length} contracts; show fewer offers`);
  }
  if (fill.kind === 'one' || fill.by === 'units' || ask.scope > 1) return undefined;
  return refusal('malformed', `ask.scope: ${frame.task.task} has no parts to be shared out`);
}

function holds(bank: Bank, { frame }: Body, offer: Offer): boolean {
  return bank.seals.holds(frame.conversation, dealDigest(frame, offer.issues, offer.hold), offer.seal);
}

function barred({ seal }: Offer, detail: ShownVerdict['detail']): ShownVerdict {
  return { participant: seal.participant, intent: seal.intent, outcome: 'barred', detail };
}

interface Judged {
  readonly version: number;
  /** In rank order; those that the rules refuse are shown too, because the others' ranks depend on them. */
  readonly rows: readonly TaskOffer[];
  /** Where the rules refuse all of them: the first one's, with every verdict. */
  readonly refusal?: Refusal;
  readonly limitMicro?: number;
  readonly approval?: Approval;
  /** What is to be approved, at most. */
  readonly costMicro: number;
}

/**
 * Ranks the offers and judges them by the market's rules. An approval is asked for where the best of the rest needs
 * one, or where several fill the call together and any of them does; a runner-up that would need one is barred, since
 * nobody could ask for it when the contract is handed over.
 */
function judge({ policies }: Bank, body: Body, offers: readonly Offer[], approved: boolean): Judged {
  const { version } = policies;
  const one = body.fill.kind === 'one';
  const rows: TaskOffer[] = [];
  const prices: number[] = [];
  let refusal: Refusal | undefined;
  let approval: Approval | undefined;
  let limitMicro: number | undefined;
  for (const { offer, row } of rankOffers(body.frame.conversation, body.rule, body.weights, offers.map(rankable))) {
    const verdict = policies.judge(taskFacts(body.frame, offer.seal.participant, offer.issues), approved);
    const asks = !verdict.ok && verdict.kind === 'approval';
    if (!verdict.ok && !asks) {
      const no = policyRefusal(verdict);
      refusal ??= no;
      rows.push({ ...row, barred: no.detail });
      continue;
    }
    const standsBy = one && prices.length > 0;
    if (verdict.ok) limitMicro = least(limitMicro, verdict.limitMicro);
    if (asks && !standsBy) approval ??= verdict;
    rows.push(asks && standsBy ? { ...row, barred: 'authorization-required' } : row);
    prices.push(row.price);
  }
  const verdicts = rows.flatMap(({ participant, intent, barred: detail }) =>
    detail === undefined ? [] : [{ participant, intent, outcome: 'barred' as const, detail }],
  );
  return {
    version,
    rows,
    costMicro: mostOf(body.fill, prices),
    ...(refusal === undefined || prices.length > 0 ? {} : { refusal: { ...refusal, verdicts } }),
    ...(limitMicro === undefined ? {} : { limitMicro }),
    ...(approval === undefined ? {} : { approval }),
  };
}

/** What an engagement costs at most; what exceeds all credits that there can be cannot be paid in any case. */
export function mostOf({ kind }: Body['fill'], prices: readonly number[]): number {
  if (kind === 'one') return Math.max(...prices);
  return Math.min(
    MAX_MICRO,
    prices.reduce((sum, price) => sum + price, 0),
  );
}

function least(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || (b !== undefined && b < a) ? b : a;
}

/** An offer as it is ranked, and as the script takes it: it holds until its own limit or its session's. */
function rankable(offer: Offer) {
  const { seal, issues, completesAt, quality, risk } = offer;
  const { participant, intent } = seal;
  const row: TaskOffer = {
    participant,
    intent,
    completesAt,
    quality,
    risk,
    until_ms: seal.seal === 'mac' ? Math.min(seal.until, seal.sessionUntil) : seal.until,
    ...(seal.seal === 'mac' ? {} : { nkey: seal.nkey }),
    price: parseMicro(issues.priceMicro)!,
    units: issues.units,
    scope: issues.scope,
    startBy: issues.startBy,
    deadline: issues.deadline,
    durationMs: issues.durationMs,
    hold: offer.hold ?? '',
    issuesText: canonicalJson(issues),
  };
  return { participant, intent, issues, completesAt, quality, risk, offer, row };
}

function inputOf({ sender, body }: Asked<Body>, judged: Judged, approved: boolean): EngageInput {
  const { frame, ask, fill, rule, weights } = body;
  return {
    ...keyed('engage', sender, body),
    buyer: frame.buyer,
    conversation: frame.conversation,
    task: frame.task.task,
    resource: frame.task.resource,
    policy: judged.version,
    ...(judged.limitMicro === undefined ? {} : { limitMicro: String(judged.limitMicro) }),
    ...(approved ? { approved } : {}),
    ...(frame.task.tokenHold === undefined ? {} : { tokens: frame.task.tokenHold }),
    frameText: canonicalJson(frame),
    fill: fill.kind,
    counts: fill.by,
    total: ask[fill.by],
    conditions: frame.conditions,
    rule,
    ...(weights === undefined ? {} : { weights }),
    offers: judged.rows,
  };
}

async function engaged(
  bank: Bank,
  body: Body,
  reply: Extract<EngageReply, { ok: true }>,
  others: readonly ShownVerdict[],
): Promise<Outcome<Result>> {
  const views = await Promise.all(reply.contracts.map(({ contract }) => bank.reader.task(contract)));
  const contracts = views.filter((view): view is TaskView => view !== undefined);
  const resource = body.frame.task.resource;
  if (reply.replayed !== true) {
    for (const view of contracts) bank.events.engaged(resource, factOf(view));
    bank.events.depositsEnded(reply);
  }
  const first = contracts[0];
  const budget = contracts.reduce((sum, { issues }) => sum + parseMicro(issues.priceMicro)!, 0);
  return ok(
    { kind: 'contracts', contracts, verdicts: [...reply.verdicts, ...others] },
    {
      status: 263,
      scope: resource,
      budget: String(budget),
      ...(first === undefined ? {} : { expires: first.dueAt }),
      ...(first !== undefined && first.fences.length > 0 ? { fence: Math.max(...first.fences) } : {}),
    },
  );
}

function factOf({ frame, contract, provider, awardedAt, issues, slots }: TaskView) {
  const { conversation, buyer, conditions } = frame;
  const { priceMicro, startBy, deadline, units } = issues;
  return {
    conversation,
    contract,
    buyer,
    provider,
    at: awardedAt,
    priceMicro,
    bondMicro: conditions.bondMicro,
    startBy,
    deadline,
    units,
    slots,
  };
}
