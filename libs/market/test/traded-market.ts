// A market in which everything has happened once: what the checker must find in order, and what mutations then break.
import { metaKey, runScript } from '@tender/credits/redis';
import {
  type EntryOf,
  type JournalEntry,
  type Journaled,
  type JournalKind,
  journalEntrySpec,
  type MarketSnapshot,
  MarketState,
  replayEntry,
  snapshotOf,
} from '../src/index.js';
import { marketScripts } from '../src/redis/scripts.js';
import { ProposalHand, TaskHand } from '../src/testing/index.js';
import { START_MS, type TestMarket, type TestRedis } from './market-under-test.js';

/**
 * Eight slots, two of them reserved. Lease `c1-1` is settled, `c1-2` renewed and running, `c2-1` the system agent's,
 * call `c3` open, `c4` released, `c5` lapsed; task `k1-t1` runs on a slot, `k2-t1` was handed over twice and is disputed,
 * `k2-t2` waits to begin, `k3-t1` has ended; one transfer is pending, one posted, one voided, one expired. Lease `c6-1`
 * runs, `c7-1` was taken back. Budget `team` is spent and owes its sibling `idle`. Proposal `p1` waits, `p2` is approved, `p3` denied, `p4` engaged, under the second rules.
 */
export async function tradedMarket(server: TestRedis): Promise<TestMarket> {
  const market = await server.market({
    agents: [...['ann', 'ben', 'cid', 'dot'].map((id) => ({ id })), { id: 'sys', class: 'system' as const }],
    pools: [{ pool: 'gpu', slots: 8, reserve: 2 }],
  });
  const { hand, ledger, setClock } = market;
  await setClock(START_MS);
  await allot(market);
  const until_ms = START_MS + 600_000;
  await hand.call({ cfp: 'c1', slots: [0, 1, 2] });
  await hand.award('c1', [
    { participant: 'ann', price: 50, intent: 'ann-1', until_ms },
    { participant: 'ben', price: 40, units: 2, intent: 'ben-1', until_ms },
    { participant: 'dot', price: 35, units: 100, intent: 'dot-1', until_ms },
    { participant: 'cid', price: 30, intent: 'cid-1', until_ms },
    { participant: 'dot', price: 20, intent: 'dot-2', until_ms },
  ]);
  await setClock(START_MS + 20_000);
  await hand.renew('ben', 'c1-2', '100');
  await hand.release('ann', 'c1-1');
  await hand.call({ cfp: 'c2', slots: [0, 3], rule: 'second-price' });
  await hand.award('c2', [
    { participant: 'sys', price: 25, intent: 'sys-1', until_ms },
    { participant: 'cid', price: 20, intent: 'cid-2', until_ms },
    { participant: 'dot', price: 10, intent: 'dot-3', until_ms },
  ]);
  await hand.call({ cfp: 'c3', slots: [4] });
  await hand.call({ cfp: 'c4', slots: [5, 6] });
  await hand.extendCall('c4', 61_000);
  await hand.releaseCall('c4');
  await hand.call({ cfp: 'c5', slots: [7], ttlMs: 1_000 });
  await moveCredits(market);
  await setClock(START_MS + 22_000);
  await hand.lapseCall('c5');
  await ledger.apply({ kind: 'expire', id: 'lapsing' });
  await ledger.apply({ kind: 'retire', by: 'operator', key: 'retire-1', from: 'dot', amount: '17' });
  await giveOutTasks(market);
  await askOperators(market);
  return market;
}

/** `dot` spends from `team`, which borrows of `idle`, both under `firm`; `sys` from a budget of its own. */
async function allot({ ledger }: TestMarket): Promise<void> {
  const none = { keepPermille: 0, carryCapMicro: '0', borrowMicro: '0', lendPermille: 0 };
  const asked = (key: string) => ({ by: 'operator', key: `allot-${key}` });
  for (const budget of [
    { id: 'firm', window: 'day', amountMicro: '5000', ...none },
    { id: 'team', parent: 'firm', window: 'hour', amountMicro: '150', ...none, borrowMicro: '150' },
    { id: 'idle', parent: 'firm', window: 'hour', amountMicro: '400', ...none, lendPermille: 1000 },
    { id: 'steady', window: 'life', amountMicro: '900', ...none },
  ] as const) {
    await ledger.apply({ kind: 'open-budget', ...asked(budget.id), budget });
  }
  for (const account of [
    { id: 'dot', budget: 'team', project: 'film' },
    { id: 'sys', budget: 'steady' },
  ]) {
    await ledger.apply({ kind: 'set-account', ...asked(account.id), account });
  }
}

async function giveOutTasks({ redis, market, hand }: TestMarket): Promise<void> {
  const tasks = new TaskHand(redis, market, () => START_MS + 22_000);
  await hand.call({ cfp: 'h1', slots: [5] });
  const free = { bondMicro: '0' };
  await tasks.engage({ conversation: 'k1', conditions: free, offers: [{ participant: 'seller', hold: 'h1' }] });
  await tasks.report('seller', 'k1-t1', 'take', { process: 'process-1' });
  await tasks.report('seller', 'k1-t1', 'run', { process: 'process-1' });
  await tasks.report('seller', 'k1-t1', 'resume', { process: 'process-2' });
  const offers = [
    { participant: 'ben', intent: 'ben-9' },
    { participant: 'cid', intent: 'cid-7' },
    { participant: 'ann', intent: 'ann-8' },
    { participant: 'ann', intent: 'ann-9', price: 40 },
    { participant: 'sys', intent: 'sys-9' },
    { participant: 'dot', intent: 'dot-9' },
  ];
  const shared = { buyer: 'dot', task: 'task-2', fill: 'all', total: 2, conditions: { disputeMs: 9_000 } } as const;
  await tasks.engage({ conversation: 'k2', ...shared, offers });
  await tasks.report('ben', 'k2-t1', 'turn-down', { text: 'busy' });
  await tasks.report('ann', 'k2-t1', 'turn-down');
  for (const step of ['take', 'run', 'done'] as const) await tasks.report('ann', 'k2-t1', step);
  await tasks.report('dot', 'k2-t1', 'dispute', { text: 'blurred' });
  await tasks.engage({ conversation: 'k3', task: 'task-3', offers: [{ participant: 'cid', intent: 'cid-8' }] });
  await tasks.report('ann', 'k3-t1', 'decommit');
}

async function askOperators({ redis, market, hand, setClock }: TestMarket): Promise<void> {
  for (const [cfp, slot, durationMs] of [
    ['c6', 6, 60_000],
    ['c7', 7, 1_000],
  ] as const) {
    const until_ms = START_MS + 600_000;
    await hand.call({ cfp, slots: [slot], rule: 'first-price', durationMs });
    await hand.award(cfp, [{ participant: 'sys', price: 30, intent: `sys-${cfp}`, until_ms }]);
  }
  await hand.hear('sys', 'c6-1', 'run');
  // What was not paid is not compensated.
  await setClock(START_MS + 22_050);
  await hand.preempt('seller', 'c7-1');
  const operators = new ProposalHand(redis, market);
  await operators.setPolicy('{"rules":[]}');
  await operators.setPolicy('{"rules":[ ]}');
  for (let n = 1; n <= 4; n += 1) await operators.file({ withinMs: 60_000 * n });
  await operators.decide('p2', 'approve');
  await operators.decide('p3', 'deny');
  await operators.decide('p4', 'approve');
  await operators.close('p4', { contracts: ['k1-t1'] });
}

async function moveCredits({ ledger }: TestMarket): Promise<void> {
  const asked = (key: string) => ({ by: 'dot', key });
  const parties = { from: 'dot', to: 'cid' };
  for (const [id, ttlMs] of [
    ['standing', 600_000],
    ['voided', 600_000],
    ['lapsing', 1_000],
  ] as const) {
    await ledger.apply({ kind: 'transfer', ...asked(`transfer-${id}`), id, ...parties, amount: '11', ttlMs });
  }
  await ledger.apply({ kind: 'transfer', ...asked('transfer-single'), id: 'single', ...parties, amount: '3' });
  await ledger.apply({ kind: 'void', ...asked('void-1'), id: 'voided' });
}

/** What the checker reads of a market, to be tampered with. */
export interface Evidence {
  snapshot: Mutable<MarketSnapshot>;
  entries: Journaled[];
}

type Mutable<T> = T extends object ? { -readonly [K in keyof T]: Mutable<T[K]> } : T;

export async function evidenceOf({ redis, market }: TestMarket): Promise<Evidence> {
  const snapshot = await runScript(redis, marketScripts.snapshot, metaKey(market), {});
  const stream = await redis.xrange(`{${market}}:journal`, '-', '+');
  const entries = stream.map(([id, fields]) => ({
    seq: Number(id.split('-')[0]),
    entry: journalEntrySpec.parse(JSON.parse(fields[1]!)),
  }));
  return { snapshot, entries };
}

/** The first entry of a kind that fits. */
export function find<K extends JournalKind>(
  { entries }: Evidence,
  kind: K,
  fits: (entry: EntryOf<K>) => boolean = () => true,
): Mutable<EntryOf<K>> {
  const found = entries.find(({ entry }) => entry.kind === kind && fits(entry as EntryOf<K>));
  if (found === undefined) throw new Error(`no ${kind} in the journal`);
  return found.entry as Mutable<EntryOf<K>>;
}

export function append(evidence: Evidence, entry: JournalEntry): void {
  evidence.entries.push({ seq: evidence.entries.length + 1, entry });
}

/** The state that a forged journal would have led to: a forger who also changed the state. */
export function followJournal(evidence: Evidence): void {
  const market = new MarketState();
  for (const { entry } of evidence.entries) replayEntry(market, entry);
  evidence.snapshot = snapshotOf(market, evidence.entries.length) as Mutable<MarketSnapshot>;
}
