// The model against the scripts: random markets, the same answer at every step, the same state at the end.
import { applyToBook, bodyDigest } from '@tender/credits';
import { marketKey, metaKey, runScript } from '@tender/credits/redis';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { untilSeen } from '../../../test/until-seen.js';
import { compareSnapshots, type Engaged, MarketBook, type MarketCommand, snapshotOf } from '../src/index.js';
import { marketScripts } from '../src/redis/scripts.js';
import { ANNS_NKEY, SYSTEM_AGENT } from './drawn.js';
import { type Draft, type Step, steps } from './market-steps.js';
import { START_MS, startTestRedis, type TestMarket, type TestRedis } from './market-under-test.js';
import { runInRedis } from './run-in-redis.js';
import { depositEnds } from './sale-outcomes.js';
import { expectSpendAgrees } from './spend-agrees.js';
import { engagementOf, reportOf } from './task-steps.js';

const RUNS = Number(process.env.TENDER_RUNS ?? 800);
const POOL = {
  ...{ account: 'pool-account', seller: 'seller', slots: 4, reserve: 2, reservePriceMicro: '5', maxTerms: 2 },
  ...{ graceMs: 900, idleMs: 900, compensationPermille: 300 },
  ...{ lendMs: 0, noiseMaxPermille: 1_000, noiseWindowMs: 1_000, ownerMax: 0 },
};

let server: TestRedis;
beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.stop());

/** What each kind of command came to over the whole run: a generator that never gets somewhere proves nothing there. */
const seen = new Map<string, number>();

it('answers as the scripts do, and ends in the same state', async () => {
  const runs = () => fc.assert(fc.asyncProperty(steps, runSequence), { numRuns: RUNS });
  await untilSeen(RUNS >= 600 ? expected : [], seen, runs);
}, 600_000);

const expected = [
  ...[
    'bid barred missing-dependency',
    'deposit ok',
    'deposit unknown',
    'deposit stale',
    'deposit over-budget by a rule',
  ],
  ...['deposit voided', 'deposit posted'],
  ...['open-pool ok', 'open-pool unknown', 'open-pool no-capacity'],
  ...['open-call ok', 'open-call unknown', 'open-call not-permitted', 'open-call below-reserve-price'],
  ...['open-call duplicate', 'open-call malformed', 'open-call no-capacity', 'open-call lock-lost'],
  ...['extend-call ok', 'extend-call unknown', 'extend-call not-permitted', 'extend-call expired'],
  ...['extend-call lock-lost', 'release-call ok', 'release-call expired', 'lapse-call ok', 'lapse-call stale'],
  ...['award ok', 'award unknown', 'award not-permitted', 'award duplicate', 'award expired', 'award stale'],
  ...['award lock-lost', 'award late', 'award no-capacity', 'award insufficient-credits'],
  ...['award bad-signature', 'award below-reserve-price', 'award replayed', 'renew ok', 'renew unknown'],
  ...['renew not-permitted', 'renew expired', 'renew round-limit', 'renew below-reserve-price'],
  ...['renew not-permitted by a rule', 'renew over-budget by a rule', 'renew below-reserve-price by a rule'],
  ...['renew insufficient-credits', 'settle unknown', 'settle not-permitted', 'settle expired'],
  ...['settle ok released', 'settle ok unstarted', 'settle ok idle', 'settle ok expired', 'hear ok', 'hear duplicate'],
  ...['hear not-your-turn', 'hear expired', 'hear not-permitted', 'hear unknown', 'preempt-lease ok preempted'],
  ...['preempt-lease ok unstarted', 'preempt-lease not-permitted', 'preempt-lease expired', 'compensated'],
  ...['set-policy ok', 'file-proposal ok', 'file-proposal malformed', 'decide-proposal ok', 'decide-proposal unknown'],
  ...['decide-proposal duplicate', 'decide-proposal expired', 'close-proposal ok', 'close-proposal stale'],
  ...['close-proposal expired', 'expire-proposal ok', 'bid barred over-budget'],
  ...[
    'expire-lease ok unstarted',
    'expire-lease ok idle',
    'expire-lease ok expired',
    'expire-lease stale',
    'bid won ',
    'bid lost ',
    'bid lost reserved-for-system',
  ],
  ...['engage ok', 'engage replayed', 'engage not-permitted', 'engage unknown', 'engage stale', 'engage duplicate'],
  ...[
    'engage no-capacity',
    'engaged with slots',
    'handed over',
    'handed over with slots',
    'turn-down stale',
    'take ok',
    'run ok',
  ],
  'paid to a pool',
  ...['award beyond its budget', 'engage beyond its budget', 'open-budget done', 'set-account done'],
  ...['progress ok', 'progress malformed', 'ask-time ok', 'ask-time malformed', 'grant-time ok', 'deny-time ok'],
  ...['done ok', 'done ok done', 'fail ok failed', 'turn-down ok failed', 'accept ok done', 'dispute ok'],
  ...['resolve ok done', 'resolve ok failed', 'preempt ok preempted', 'decommit ok decommitted'],
  ...['overdue-task ok violated', 'overdue-task stale', 'overdue-task expired', 'take duplicate', 'take expired'],
  ...['take not-permitted', 'run not-your-turn', 'offer won ', 'offer lost '],
  ...[
    ...['region', 'not-permitted', 'expired', 'unknown', 'bad-signature', 'duplicate', 'deadline-infeasible'],
    ...[
      'no-capacity',
      'lock-lost',
      'insufficient-credits',
      'reserved-for-system',
      'over-budget',
      'below-reserve-price',
    ],
  ].map((detail) => `offer barred ${detail}`),
  ...[
    'below-reserve-price',
    'expired',
    'unknown',
    'not-permitted',
    'bad-signature',
    'duplicate',
    'insufficient-credits',
  ].map((detail) => `bid barred ${detail}`),
];

async function runSequence(sequence: readonly Step[]): Promise<void> {
  const pair = await startPair();
  for (const step of sequence) await take(pair, step);
  const { book, real } = pair;
  const snapshot = await runScript(real.redis, marketScripts.snapshot, metaKey(real.market), {});
  const { difference } = compareSnapshots(snapshotOf(book, snapshot.seq), snapshot, new Set());
  expect(difference).toBeUndefined();
  const due = await real.redis.zrange(marketKey(real.market, 'deadlines'), '0', '-1', 'WITHSCORES');
  expect(pairsOf(due)).toEqual([...book.deadlines].map(([name, at]) => `${name} ${at}`).sort());
  const waiting = [...book.proposals.values()].filter(({ state }) => state === 'pending');
  const proposals = await real.redis.zrange(marketKey(real.market, 'proposals'), '0', '-1', 'WITHSCORES');
  expect(pairsOf(proposals)).toEqual(waiting.map(({ id, expiresAt }) => `${id} ${expiresAt}`).sort());
  const asking = Object.values(await real.redis.hgetall(marketKey(real.market, 'asking'))).map(Number);
  expect(asking.reduce((sum, count) => sum + count, 0)).toBe(waiting.length);
  for (const { cfp, deposits } of book.calls.values()) {
    const kept = await real.redis.hgetall(marketKey(real.market, 'deposits', cfp));
    expect(kept).toEqual(Object.fromEntries([...deposits].map(([agent, leases]) => [agent, String(leases)])));
  }
  await expectListed(book, real);
  depositEnds(book).forEach(count);
  await real.check();
  await expectSpendAgrees(real);
}

/** Each side finds its contracts under way, and no others. */
async function expectListed(book: MarketBook, real: TestMarket): Promise<void> {
  const accounts = [...book.ledger.accounts()].map(({ id }) => id);
  const read = accounts.map((account) => real.redis.zrange(marketKey(real.market, 'contracts', account), '0', '-1'));
  const live = [...book.tasks.values()].filter(({ state }) => state !== 'settled');
  const own = accounts.map((account) => live.filter((task) => task.buyer === account || task.participant === account));
  expect(await Promise.all(read)).toEqual(own.map((tasks) => tasks.map(({ id }) => id).sort()));
}

interface Pair {
  readonly book: MarketBook;
  readonly real: TestMarket;
  readonly asked: MarketCommand[];
  readonly moneyKey: () => string;
  nowMs: number;
}

async function startPair(): Promise<Pair> {
  const accounts = [
    { id: 'ann', nkey: ANNS_NKEY, host: 'ben', owner: 'acme' },
    { id: 'ben' },
    { id: 'cid', owner: 'acme' },
    { id: SYSTEM_AGENT, class: 'system' as const },
  ];
  const real = await server.market({ agents: accounts, grantMicro: 60, pools: [] });
  await real.setClock(START_MS);
  const book = new MarketBook();
  const open = { kind: 'open-account' as const, by: 'operator' };
  for (const account of accounts) {
    applyToBook(
      book.ledger,
      { ...open, key: account.id, account: { class: 'standard', ...account, kind: 'agent' } },
      1,
    );
    applyToBook(
      book.ledger,
      { kind: 'grant', by: 'operator', key: `g-${account.id}`, to: account.id, amount: '60' },
      1,
    );
  }
  applyToBook(book.ledger, { ...open, key: 's', account: { id: 'seller', kind: 'agent', class: 'standard' } }, 1);
  applyToBook(book.ledger, { ...open, key: 'p', account: { id: 'pool-account', kind: 'pool', class: 'standard' } }, 1);
  let moves = 0;
  const moneyKey = () => {
    moves += 1;
    return `money-${moves}`;
  };
  const pair: Pair = { book, real, asked: [], moneyKey, nowMs: START_MS };
  const pool = { pool: 'gpu', ...POOL, seals: ['mac' as const, 'ed25519' as const] };
  await ask(pair, keyed({ kind: 'open-pool', by: 'operator', pool }, 'opening'));
  return pair;
}

async function take(pair: Pair, step: Step): Promise<void> {
  const { book, real } = pair;
  switch (step.kind) {
    case 'wait':
      pair.nowMs += step.ms;
      return real.setClock(pair.nowMs);
    case 'lock': {
      const free = step.slots.every((slot) => !book.locks.has(`gpu:${slot}`));
      if (!free && !step.force) return;
      book.takeLock('gpu', step.slots, step.value);
      for (const slot of step.slots) await real.redis.set(real.hand.lockKey('gpu', slot), step.value);
      return;
    }
    case 'unlock':
      for (const slot of step.slots) book.locks.delete(`gpu:${slot}`);
      await real.redis.del(step.slots.map((slot) => real.hand.lockKey('gpu', slot)));
      return;
    case 'again': {
      const command = pair.asked[step.which % Math.max(pair.asked.length, 1)];
      return command === undefined ? undefined : ask(pair, command);
    }
    case 'ask': {
      const draft = resolved(pair, step.command);
      return draft === undefined ? undefined : ask(pair, keyed(draft, step.key));
    }
    case 'sweep':
      for (const member of book.due(pair.nowMs).sort()) {
        const [kind, id = ''] = member.split(':');
        if (kind === 'lease') await ask(pair, { kind: 'expire-lease', contract: id });
        else if (kind === 'task') await ask(pair, { kind: 'overdue-task', contract: id });
        else if (kind === 'proposal') await ask(pair, { kind: 'expire-proposal', proposal: id });
        else await ask(pair, { kind: kind === 'deposit' ? 'return-deposits' : 'lapse-call', cfp: id });
      }
      return;
    case 'grant':
    case 'retire': {
      const command = {
        ...{ by: 'operator', key: pair.moneyKey(), amount: String(step.amount) },
        ...(step.kind === 'grant' ? { kind: step.kind, to: step.agent } : { kind: step.kind, from: step.agent }),
      } as const;
      const result = applyToBook(book.ledger, command, pair.nowMs);
      expect(await real.ledger.apply(command)).toEqual(result);
      return;
    }
    case 'order': {
      const command = { by: 'operator', key: pair.moneyKey(), ...step.order };
      const result = applyToBook(book.ledger, command, pair.nowMs);
      expect(await real.ledger.apply(command)).toEqual(result);
      count(`${command.kind} ${result.status}`);
    }
  }
}

type Unkeyed<C> = C extends { key: string } ? Omit<C, 'key' | 'digest'> : C;
/** A command but for its key, with what there is. */
type Ready = Unkeyed<MarketCommand>;

/**
 * Puts what there is now in the place of `any-<n>` and `holder`, undefined where there is none; bids say until when
 * they stand from now on.
 */
function resolved({ book, nowMs }: Pair, draft: Draft): Ready | undefined {
  const pick = (id: string, known: Iterable<string>): string | undefined => {
    const ids = [...known];
    return id.startsWith('any-') ? ids[Number(id.slice(4)) % Math.max(ids.length, 1)] : id;
  };
  if (draft.kind === 'engage') {
    return engagementOf({ ...draft, policy: book.policyVersion + draft.policy }, book, nowMs);
  }
  if (draft.kind === 'report') return reportOf(draft, book, nowMs);
  if (draft.kind === 'overdue-task') {
    const contract = pick(draft.contract, book.tasks.keys());
    return contract === undefined ? undefined : { ...draft, contract };
  }
  if ('proposal' in draft) {
    const proposal = pick(draft.proposal, book.proposals.keys());
    return proposal === undefined ? undefined : { ...draft, proposal };
  }
  if ('contract' in draft) {
    const contract = pick(draft.contract, book.contracts.keys());
    if (contract === undefined || !('by' in draft)) return contract === undefined ? undefined : { ...draft, contract };
    const by = draft.by === 'holder' ? (book.contracts.get(contract)?.participant ?? 'ann') : draft.by;
    const renews = draft.kind === 'renew' ? { policy: book.policyVersion + draft.policy } : {};
    return { ...draft, contract, by, ...renews };
  }
  if (!('cfp' in draft) || draft.kind === 'open-call') return draft;
  const cfp = pick(draft.cfp, book.calls.keys());
  if (cfp === undefined) return undefined;
  if (draft.kind === 'deposit') return { ...draft, cfp, policy: book.policyVersion + draft.policy };
  if (draft.kind !== 'award') return { ...draft, cfp };
  const bids = draft.bids.map((bid) => ({ ...bid, until_ms: nowMs + bid.until_ms }));
  return { ...draft, cfp, bids, policy: book.policyVersion + draft.policy };
}

function keyed(draft: Ready, key: string): MarketCommand {
  if (!('by' in draft)) return draft;
  const { kind, by: _by, ...body } = draft;
  return { ...draft, key, digest: bodyDigest(kind, body) } as MarketCommand;
}

async function ask(pair: Pair, command: MarketCommand): Promise<void> {
  pair.asked.push(command);
  const answer = pair.book.apply(command, pair.nowMs);
  const { message: _message, ...reply } = (await runInRedis(pair.real, command)) as { message?: string };
  expect(reply, JSON.stringify(command)).toEqual(answer);
  countTasks(pair.book, command, answer);
  const name = command.kind === 'report' ? command.step : command.kind;
  const ok = 'outcome' in answer && answer.outcome ? `ok ${answer.outcome}` : 'ok';
  if (Number('compensationMicro' in answer ? answer.compensationMicro : 0) > 0) count('compensated');
  if (!answer.ok && answer.retryAt !== undefined) count(`${name} retried later`);
  if (!answer.ok && answer.rule !== undefined) count(`${name} ${answer.detail} by a rule`);
  count(`${name} ${answer.ok ? (answer.replayed ? 'replayed' : ok) : answer.detail}`);
  for (const { outcome, detail } of ('verdicts' in answer ? answer.verdicts : undefined) ?? [])
    count(`${command.kind === 'engage' ? 'offer' : 'bid'} ${outcome} ${detail ?? ''}`);
  for (const { retryAt } of ('verdicts' in answer ? answer.verdicts : undefined) ?? [])
    if (retryAt !== undefined) count(`${command.kind} beyond its budget`);
}

/** What an answer does not say of itself. */
function countTasks(book: MarketBook, command: MarketCommand, answer: object): void {
  if (command.kind === 'engage' && 'contracts' in answer) {
    if ((answer.contracts as Engaged['contracts']).some(({ slots }) => slots.length > 0)) count('engaged with slots');
  }
  if (command.kind === 'report' && 'paidMicro' in answer && Number(answer.paidMicro) > 0) {
    const { payee, participant } = book.tasks.get(command.contract)!;
    if (payee !== participant) count('paid to a pool');
  }
  if (command.kind !== 'report' || command.step !== 'turn-down' || !('state' in answer)) return;
  if ('passedOver' in answer) count(`passed over, ${answer.state}`);
  if (answer.state === 'awarded') count('handed over');
  if (answer.state === 'awarded' && book.tasks.get(command.contract)!.slots.length > 0) count('handed over with slots');
}

function count(outcome: string): void {
  seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
}

function pairsOf(flat: readonly string[]): string[] {
  return flat.flatMap((name, index) => (index % 2 === 0 ? [`${name} ${flat[index + 1]}`] : [])).sort();
}
