// The contract of any ledger, run by vitest: the same rows against the pure model and against Redis.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Account } from '../account.js';
import type { Ledger } from '../ledger.js';
import { isSuccess, ledgerStatuses } from '../transfer-status.js';
import { badInputs } from './bad-input.js';
import { grant, hold, open } from './commands.js';
import type { LedgerCase } from './ledger-case.js';
import { ledgerCases } from './ledger-cases.js';

/** The instant at which every case begins: on the hour, and ahead of any real clock, so that a Redis can be put there. */
export const CASE_START_MS = Date.UTC(2100, 0, 1);

export interface LedgerHarness {
  readonly ledger: Ledger;
  /** From now on the ledger judges by this instant; only ever raised. */
  setClock(nowMs: number): Promise<void>;
}

/** What every case begins with. */
export async function standing({ ledger, setClock }: LedgerHarness): Promise<void> {
  await setClock(CASE_START_MS);
  for (const command of [open('a1'), open('b1'), open('p1', 'pool'), grant('a1', '1000')]) {
    expect(await ledger.apply(command)).toEqual({ status: 'done' });
  }
}

/** `makeLedger` is asked once per case for an empty ledger. */
export function runLedgerContract(name: string, makeLedger: () => Promise<LedgerHarness>): void {
  describe(`${name}: the ledger's contract`, () => {
    it.each(ledgerCases.map((row) => [row.name, row.status, row] as const))('%s → %s', async (_name, _status, row) => {
      await runCase(await makeLedger(), row);
    });

    it('has a row for every status', () => {
      const reached = new Set(ledgerCases.map((row) => row.status));
      expect(ledgerStatuses.filter((status) => !reached.has(status))).toEqual([]);
    });

    it('attributes every transfer', async () => {
      const harness = await makeLedger();
      await standing(harness);
      const tags = { agent: 'a1', project: 'x', pool: 'gpu.h100', contract: 'c-1' };
      await harness.ledger.apply({ ...hold('1', { id: 't1' }), tags });
      await harness.ledger.apply(hold('1', { id: 't2' }));
      expect((await harness.ledger.transfer('t1'))?.tags).toEqual(tags);
      expect((await harness.ledger.transfer('t2'))?.tags).toEqual({ agent: 'a1' });
    });

    it('saves no refusal: the same key may succeed once the cause is gone', async () => {
      const harness = await makeLedger();
      await standing(harness);
      const command = { ...hold('5'), from: 'b1', to: 'a1' };
      expect((await harness.ledger.apply(command)).status).toBe('insufficient-credits');
      await harness.ledger.apply(grant('b1', '5'));
      expect(await harness.ledger.apply(command)).toEqual({ status: 'pending' });
    });
  });
  runBadInputs(name, makeLedger);
}

function runBadInputs(name: string, makeLedger: () => Promise<LedgerHarness>): void {
  describe(`${name}: bad input`, () => {
    let harness: LedgerHarness;
    beforeAll(async () => {
      harness = await makeLedger();
      await standing(harness);
      await harness.ledger.apply(hold('300', { id: 't9' }));
    });
    afterAll(async () => {
      expect(await balances(harness.ledger, [])).toMatchObject({ a1: [700, 300], b1: [0, 0] });
    });

    it.each(badInputs().map((row) => [row.name, row.status, row.command] as const))(
      '%s → %s',
      async (_name, status, command) => {
        expect((await harness.ledger.apply(command)).status).toBe(status);
      },
    );
  });
}

async function runCase(harness: LedgerHarness, row: LedgerCase): Promise<void> {
  await standing(harness);
  let now = CASE_START_MS;
  for (const step of row.given) {
    if ('waitMs' in step) {
      now += step.waitMs;
      await harness.setClock(now);
    } else {
      const { status } = await harness.ledger.apply(step);
      expect(isSuccess(status), `given ${step.kind}: ${status}`).toBe(true);
    }
  }
  const also = Object.keys(row.changes);
  const before = await balances(harness.ledger, also);
  const result = await harness.ledger.apply(row.command);
  const after = await balances(harness.ledger, also);

  expect(result.status, result.detail).toBe(row.status);
  expect(result.replayed ?? false).toBe(row.replayed);
  expect(after).toEqual({ ...before, ...row.changes });
  await expectConserved(harness.ledger, also);
}

async function expectConserved(ledger: Ledger, also: readonly string[]): Promise<void> {
  const accounts = await readAccounts(ledger, also);
  const { minted, burned } = await ledger.supply();
  const held = accounts.filter((account) => account.kind !== 'treasury');
  expect(sum(held.map((account) => account.available + account.pending))).toBe(minted - burned);
  expect(sum(accounts.map((account) => account.available + account.pending))).toBe(0);
  for (const account of held) expect(Math.min(account.available, account.pending)).toBeGreaterThanOrEqual(0);
}

async function readAccounts(ledger: Ledger, also: readonly string[]): Promise<Account[]> {
  const ids = [...new Set(['a1', 'b1', 'c1', 'p1', 'treasury', ...also])];
  const accounts = await Promise.all(ids.map((id) => ledger.account(id)));
  return accounts.filter((account) => account !== undefined);
}

async function balances(ledger: Ledger, also: readonly string[]): Promise<Record<string, readonly number[]>> {
  const accounts = await readAccounts(ledger, also);
  return Object.fromEntries(accounts.map(({ id, available, pending }) => [id, [available, pending]]));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
