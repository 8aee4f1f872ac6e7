// I1 to I3: the credits of one instant add up, by the snapshot alone.
import { TREASURY } from '@tender/credits';
import type { MarketSnapshot } from '../model/snapshot.js';
import { type Finding, Tally } from './finding.js';

export function checkMoney(snapshot: MarketSnapshot): Finding[] {
  const sum = new Tally('I1');
  const zero = new Tally('I2');
  const aside = new Tally('I3');
  const pendingOf = new Map<string, number>();
  for (const [id, transfer] of Object.entries(snapshot.transfers)) {
    const amount = whole(transfer.amount);
    const { debit = '' } = transfer;
    aside.fact(snapshot.accounts[debit] !== undefined && amount > 0, () => `transfer ${id} debits ${debit}: ${amount}`);
    pendingOf.set(debit, (pendingOf.get(debit) ?? 0) + amount);
  }
  // A hold is its own payment; tokens that cost nothing, or were bought, have nothing set aside.
  for (const [id, hold] of Object.entries(snapshot.holds)) {
    const amount = whole(hold.amount);
    const { debit = '' } = hold;
    aside.fact(snapshot.accounts[debit] !== undefined && amount >= 0, () => `hold ${id} debits ${debit}: ${amount}`);
    pendingOf.set(debit, (pendingOf.get(debit) ?? 0) + amount);
  }
  let total = 0;
  for (const [id, account] of Object.entries(snapshot.accounts)) {
    const available = whole(account.available);
    const pending = whole(account.pending);
    if (id !== TREASURY) total += available + pending;
    sum.held(1);
    const floor = id === TREASURY || available >= 0;
    zero.fact(floor && pending >= 0, () => `account ${id}: available ${available}, pending ${pending}`);
    const expected = pendingOf.get(id) ?? 0;
    aside.fact(pending === expected, () => `account ${id}: pending ${pending}, its pending transfers ${expected}`);
  }
  const supply = snapshot.minted - snapshot.burned;
  sum.fact(total === supply, () => `the accounts hold ${total}, minted less burned is ${supply}`);
  const owed = whole(snapshot.accounts[TREASURY]?.available ?? '0');
  sum.fact(owed === -supply, () => `the treasury stands at ${owed}, minted less burned is ${supply}`);
  return [sum.finding(), zero.finding(), aside.finding()];
}

/** An integer, or NaN, which no comparison accepts: so that a field lost or garbled is a breach. */
function whole(text: string | undefined): number {
  return text !== undefined && /^-?[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
}
