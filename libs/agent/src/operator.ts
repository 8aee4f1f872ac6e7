// An operator's hands: accounts, credits, pools, rules and approvals, each request signed with the operator's nkey.
import { createHash } from 'node:crypto';
import {
  type AdminOperation,
  type AdminRequest,
  adminResult,
  adminText,
  encode,
  type Listing,
  type ProposalView,
  privateKeyOf,
  publicNkeyOf,
  type Refusal,
  refusal,
  type SpendAnswer,
  signText,
  subjects,
} from '@tender/market';
import { newUlid } from '@tender/market/nats';
import type { z } from 'zod';
import { type Answer, answerSpec, askUntil } from './bank.js';
import { type Link, type LinkOptions, openLink } from './link.js';
import { type Told, told } from './told.js';

export type AdminAnswer = ({ readonly ok: true } & Administered) | Refusal;
export type Administered = z.infer<typeof adminResult>;
export interface Waiting {
  readonly proposals: readonly ProposalView[];
  /** How many wait of whom, who has most there first, 256 askers at most. */
  readonly asking: readonly { readonly by: string; readonly waiting: number }[];
}
export type Decided = { readonly ok: true; readonly proposal: ProposalView } | Refusal;
export type Spent = { readonly ok: true; readonly spend: SpendAnswer } | Refusal;
export interface SpendOptions {
  /** How long to wait for the answer; by default 10 minutes. */
  readonly withinMs?: number | undefined;
  /** Told about twice a second how far the broker has read, in entries. */
  readonly reading?: ((read: number, of: number) => void) | undefined;
}
type Without<T> = Omit<T, 'key'> & { readonly key?: string };

/** Each takes a `key` of the caller's own where the caller itself may ask again; else a new one is made. */
export interface Operator {
  readonly id: string;
  readonly nkey: string;
  openAccount(account: AdminRequest<'account'>['account'], key?: string): Promise<AdminAnswer>;
  /** Mints credits; `amountMicro` as digits. */
  grant(request: Without<AdminRequest<'grant'>>): Promise<AdminAnswer>;
  /** Takes available credits out of the supply. */
  retire(request: Without<AdminRequest<'retire'>>): Promise<AdminAnswer>;
  /** Opens a pool, or changes the prices and rules of one. */
  openPool(pool: AdminRequest<'pool'>['pool'], key?: string): Promise<AdminAnswer>;
  /** The rules that bind now. */
  policy(): Promise<Told<'policy'>>;
  /** What a pool has and asks, and so many of its last clearing prices, the latest first. */
  quote(pool: string, history?: number): Promise<Told<'quote'>>;
  /** Replaces all rules. */
  setPolicy(policy: AdminRequest<'policy'>['policy'], key?: string): Promise<AdminAnswer>;
  /** All that waits for an operator, the most urgent first, and of whom how much. */
  approvals(): Promise<({ readonly ok: true } & Waiting) | Refusal>;
  /** Where an engagement is approved, the answer says what came of it. */
  decide(proposal: string, verdict: 'approve' | 'deny', key?: string): Promise<Decided>;
  /** Ends a lease or a task for reasons that are nobody's fault. */
  preempt(contract: string, key?: string): Promise<AdminAnswer>;
  /** Decides a dispute: so much of the price is paid, and whose the bond is. */
  resolve(request: Without<AdminRequest<'resolve'>>): Promise<AdminAnswer>;
  /** Changes labels, class, host and budget of an account: absent stays, null is taken away. */
  setAccount(account: AdminRequest<'set-account'>['account'], key?: string): Promise<AdminAnswer>;
  /** Opens a budget, or changes the figures of one that exists: what was spent in this window stays spent. */
  openBudget(budget: AdminRequest<'budget'>['budget'], key?: string): Promise<AdminAnswer>;
  /** Opens a bucket of rate tokens, or changes one that exists. */
  openBucket(bucket: AdminRequest<'bucket'>['bucket'], key?: string): Promise<AdminAnswer>;
  /** All accounts, pools, buckets or budgets as they stand, or the one that is named: in the answer's field of that name. */
  list<L extends Listing>(of: L, id?: string): Promise<({ readonly ok: true } & Pick<Administered, L>) | Refusal>;
  /** Who spent which credits on what. The first question of its kind reads the whole journal, and may take its time. */
  spend(query: AdminRequest<'spend'>['query'], options?: SpendOptions): Promise<Spent>;
  close(): Promise<void>;
}

const spec = answerSpec(adminResult) as unknown as z.ZodType<Answer<Administered>>;
const WITHIN_MS = 10_000;
const READ_AGAIN_MS = 300;

/** Connects an operator (`id` and the seed of the nkey that the broker knows it by); throws on a bad seed. */
export async function connectOperator(options: LinkOptions & { readonly seed: string }): Promise<Operator> {
  const key = privateKeyOf(options.seed);
  if (key === undefined) throw new TypeError('not a user seed (SU…): see createSeed()');
  const nkey = publicNkeyOf(options.seed);
  const link = await openLink(options);
  const ask = <O extends AdminOperation>(operation: O, request: AdminRequest<O>) => {
    const sign = (text: string) => signText(text, key);
    return administer(link, { operation, request, nkey, sign });
  };
  return {
    id: options.id,
    nkey,
    openAccount: (account, idem = newUlid()) => ask('account', { key: idem, account }),
    grant: (request) => ask('grant', { ...request, key: request.key ?? newUlid() }),
    retire: (request) => ask('retire', { ...request, key: request.key ?? newUlid() }),
    openPool: (pool, idem = newUlid()) => ask('pool', { key: idem, pool }),
    policy: async () => told(await link.bank.ask('policy', {})),
    quote: async (pool, history) =>
      told(await link.bank.ask('quote', { pool, ...(history === undefined ? {} : { history }) })),
    setPolicy: (policy, idem = newUlid()) => ask('policy', { key: idem, policy }),
    approvals: async () => {
      const first = await ask('approvals', { key: newUlid() });
      if (!first.ok) return first;
      const proposals = [...(first.proposals ?? [])];
      // More than one message holds comes piece by piece.
      for (let { more = 0 } = first; more > 0; ) {
        const { expiresAt, proposal } = proposals.at(-1)!;
        const next = await ask('approvals', { key: newUlid(), after: { expiresAt, proposal } });
        if (!next.ok) return next;
        proposals.push(...(next.proposals ?? []));
        more = next.proposals?.length ? (next.more ?? 0) : 0;
      }
      return { ok: true, proposals, asking: first.asking ?? [] };
    },
    decide: async (proposal, verdict, idem = newUlid()) => {
      const answer = await ask('decide', { key: idem, proposal, verdict });
      return answer.ok ? { ok: true, proposal: answer.proposal! } : answer;
    },
    preempt: (contract, idem = newUlid()) => ask('preempt', { key: idem, contract }),
    resolve: (request) => ask('resolve', { ...request, key: request.key ?? newUlid() }),
    setAccount: (account, idem = newUlid()) => ask('set-account', { key: idem, account }),
    openBudget: (budget, idem = newUlid()) => ask('budget', { key: idem, budget }),
    openBucket: (bucket, idem = newUlid()) => ask('bucket', { key: idem, bucket }),
    list: async <L extends Listing>(of: L, named?: string) => {
      const request = named === undefined ? { of } : { of, id: named };
      let answer = await ask('list', { key: newUlid(), ...request });
      const rows: object[] = [];
      // More than one message holds comes piece by piece, in the order of the ids.
      for (;;) {
        if (!answer.ok) return answer;
        rows.push(...(answer[of] ?? []));
        if (answer.more === undefined) return { ok: true, [of]: rows } as { ok: true } & Pick<Administered, L>;
        answer = await ask('list', { key: newUlid(), of, after: rowId(rows.at(-1)!) });
      }
    },
    spend: (query, spendOptions) => spent(() => ask('spend', { key: newUlid(), query }), spendOptions),
    close: () => link.close(),
  };
}

/** Asks until the broker has read all that there is. */
async function spent(ask: () => Promise<AdminAnswer>, options: SpendOptions = {}): Promise<Spent> {
  const { withinMs = 600_000, reading } = options;
  const due = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (!answer.ok) return answer;
    if (answer.spend !== undefined) return { ok: true, spend: answer.spend };
    const { read, of } = answer.reading!;
    reading?.(read, of);
    const left = due - performance.now();
    if (left <= 0) return refusal('unavailable', `the broker has read ${read} of ${of} entries: ask again`);
    await new Promise((resume) => setTimeout(resume, Math.min(left, READ_AGAIN_MS)));
  }
}

function rowId(row: { readonly id?: string; readonly pool?: string; readonly bucket?: string }): string {
  return row.id ?? row.pool ?? row.bucket ?? '';
}

interface Asking {
  readonly operation: AdminOperation;
  readonly request: unknown;
  readonly nkey: string;
  readonly sign: (text: string) => string;
}

async function administer(link: Link, asking: Asking): Promise<AdminAnswer> {
  const { operation, request, nkey, sign } = asking;
  const digest = createHash('sha256').update(JSON.stringify(request)).digest('base64url');
  // Signed anew for each attempt: a signature is good for a short time only.
  const payload = () => {
    const id = newUlid();
    const sentAt = link.clock.now();
    const signature = sign(adminText(link.market, link.sender, operation, id, sentAt, digest));
    return encode({
      v: 1,
      id,
      conversation: link.sender,
      sender: link.sender,
      sentAt,
      replyBy: sentAt + WITHIN_MS,
      performative: 'request',
      body: { nkey, signature, request },
    });
  };
  const subject = subjects.admin(link.market, link.sender, operation);
  let asked = await askUntil(link, subject, payload, spec, { withinMs: WITHIN_MS });
  if (asked.ok && (asked.answer.body as Partial<Refusal>).detail === 'stale') {
    // This machine's clock is far off: the broker's own, read from its refusal, is good enough to sign anew.
    link.clock.observe(asked.answer.sentAt, asked.sentMs, performance.now());
    asked = await askUntil(link, subject, payload, spec, { withinMs: WITHIN_MS });
  }
  if (!asked.ok) return asked;
  const { performative, body } = asked.answer;
  return performative === 'inform' ? { ok: true, ...(body as Administered) } : (body as Refusal);
}
