// The pure model against the ledger's contract, and what only a model can show: other instants, copies, speed.
import { describe, expect, it } from 'vitest';
import {
  applyToLedger,
  bodyDigest,
  canonicalJson,
  ENDED_TRANSFER_KEPT_MS,
  emptyLedger,
  isSuccess,
  LedgerBook,
  type LedgerEntry,
  type LedgerState,
  ModelLedger,
  replayLedgerEntry,
} from '../src/index.js';
import { applyToBook } from '../src/model/pure-ledger.js';
import { expire, grant, hold, open, pay, runLedgerContract } from '../src/testing/index.js';

runLedgerContract('model', async () => {
  let now = 0;
  const ledger = new ModelLedger(() => now);
  return {
    ledger,
    setClock: async (nowMs) => {
      now = nowMs;
    },
  };
});

describe('model', () => {
  const opened = [open('a1'), open('b1'), grant('a1', '1000')];

  it('applyToLedger leaves the given state as it was', () => {
    const states: LedgerState[] = [emptyLedger()];
    for (const command of [...opened, hold('300'), hold('300'), pay('9999', { id: 't2' })]) {
      states.push(applyToLedger(states.at(-1)!, command, 1).state);
    }
    expect(states.map((state) => state.account('a1')?.available)).toEqual([undefined, 0, 0, 1000, 700, 700, 700]);
    // A replay and a refusal give the very same state back.
    expect(states[5]).toBe(states[4]);
    expect(states[6]).toBe(states[4]);
  });

  it('remembers an ended transfer for a day and a pending one for ever', () => {
    const book = new LedgerBook();
    for (const command of [...opened, pay('1'), hold('1', { id: 't2', ttlMs: 10 })]) applyToBook(book, command, 1);
    const day = 1 + ENDED_TRANSFER_KEPT_MS;
    expect(applyToBook(book, pay('1'), day).status).toBe('transfer-exists');
    expect(applyToBook(book, pay('1'), day + 1).status).toBe('posted');
    expect(applyToBook(book, expire('t2'), 10 * day).status).toBe('done');
    expect([...book.transfers()].map(({ id }) => id)).toEqual(['t2']);
  });

  it('judges by the later of its clock and the given instant', () => {
    const book = new LedgerBook();
    for (const command of opened) applyToBook(book, command, 5000);
    applyToBook(book, hold('1', { ttlMs: 10 }), 1);
    expect(book.transfer('t1')?.expiresAt).toBe(5010);
    expect(applyToBook(book, expire(), 1).status).toBe('not-due');
  });

  it('a digest tells bodies apart, but not the order of their fields', () => {
    expect(canonicalJson({ b: [1, { d: undefined, c: null }], a: 'x"' })).toBe('{"a":"x\\"","b":[1,{"c":null}]}');
    expect(bodyDigest('post', { id: 't1', amount: '1' })).toBe(bodyDigest('post', { amount: '1', id: 't1' }));
    expect(bodyDigest('post', { id: 't1' })).not.toBe(bodyDigest('void', { id: 't1' }));
    expect(bodyDigest('post', { id: 't1' })).not.toBe(bodyDigest('post', { id: 't2' }));
  });

  it('replays 100,000 entries within seconds', () => {
    const book = new LedgerBook();
    const entries = journalOf(100_000);
    // Of this process alone, in microseconds: others may have the machine.
    const begun = process.cpuUsage();
    const wrong = entries.filter((entry) => !isSuccess(replayLedgerEntry(book, entry).status));
    const took = process.cpuUsage(begun).user / 1000;
    if (process.env.TENDER_SHOW) console.log(`100,000 entries replayed in ${took.toFixed(0)} ms`);
    expect(wrong).toEqual([]);
    expect(book.account('b1')?.available).toBe(33_333);
    expect(took).toBeLessThan(5000);
  });
});

/** Grants, pending transfers and their posting, ten a second. */
function journalOf(count: number): LedgerEntry[] {
  const digest = 'd'.repeat(22);
  const entries: LedgerEntry[] = ['a1', 'b1'].map((id) => {
    const account = { id, kind: 'agent', class: 'standard' } as const;
    return { kind: 'open-account', by: 'op', key: id, digest, at: 1, account };
  });
  for (let n = 0; n < count; n += 1) {
    const asked = { by: 'op', key: `k${n}`, digest, at: 1000 + 100 * n };
    const id = `t${Math.floor(n / 3)}`;
    if (n % 3 === 0) entries.push({ kind: 'grant', ...asked, to: 'a1', amount: '1' });
    if (n % 3 === 1) {
      entries.push({ kind: 'transfer', ...asked, id, from: 'a1', to: 'b1', amount: '1', ttlMs: 1000, tags: {} });
    }
    if (n % 3 === 2) entries.push({ kind: 'post', ...asked, id, operator: true });
  }
  return entries;
}
