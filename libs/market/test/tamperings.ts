// What a forger may do to a market's state or to its journal, and which invariants must tell.
import type { Invariant } from '../src/index.js';
import { append, type Evidence, find } from './traded-market.js';

type Tampering = [name: string, tamper: (evidence: Evidence) => void, broken: Invariant[]];

/** State alone: I9 compares all of it with the journal, and so goes red along with the invariant itself. */
export const stateTamperings: Tampering[] = [
  ['credits appear', (e) => add(e, 'ann', 'available', 1), ['I1', 'I9']],
  [
    'a mint goes uncounted',
    ({ snapshot }) => {
      snapshot.minted -= 1;
    },
    ['I1', 'I9'],
  ],
  ['the treasury forgets a debt', (e) => add(e, 'treasury', 'available', 1), ['I1', 'I9']],
  [
    'an account falls below zero, another gains it',
    (e) => {
      add(e, 'dot', 'available', -2_000);
      add(e, 'ann', 'available', 2_000);
    },
    ['I2', 'I9'],
  ],
  [
    'credits are set aside for nothing',
    (e) => {
      add(e, 'ann', 'available', -1);
      add(e, 'ann', 'pending', 1);
    },
    ['I3', 'I9'],
  ],
  ['a pending transfer is lost', ({ snapshot }) => void delete snapshot.transfers.standing, ['I3', 'I9']],
  [
    'a slot forgets its holder',
    ({ snapshot }) => {
      snapshot.slots['gpu:1']!.contract = '';
    },
    ['I4', 'I9'],
  ],
  [
    'a held slot is free',
    ({ snapshot }) => {
      snapshot.free['gpu:1'] = '1';
    },
    ['I4', 'I9'],
  ],
  ['a free slot is not', ({ snapshot }) => void delete snapshot.free['gpu:7'], ['I4', 'I9']],
  [
    'a fence falls',
    ({ snapshot }) => {
      snapshot.slots['gpu:0']!.fence -= 1;
    },
    ['I5', 'I9'],
  ],
  ['a budget is spent twice', (e) => allot(e, 'team', 'used', '999'), ['I9', 'I13']],
  ['a budget grows', (e) => allot(e, 'team', 'allowance', '9999'), ['I9']],
  ['a parent forgets what its children spent', (e) => allot(e, 'firm', 'total', '1'), ['I9', 'I13']],
  ['a debt is forgotten', (e) => allot(e, 'team', 'owed', ''), ['I9', 'I13']],
  ['an account spends from no budget', ({ snapshot }) => void delete snapshot.accounts.dot!.budget, ['I9']],
  [
    'the state counts more than the journal',
    ({ snapshot }) => {
      snapshot.seq += 1;
    },
    ['I8'],
  ],
  [
    'a price is forgotten',
    ({ snapshot }) => {
      snapshot.pools.gpu!.spot = '1';
    },
    ['I9'],
  ],
  [
    'a lease ends later',
    ({ snapshot }) => {
      snapshot.contracts['c1-2']!.until += '0';
    },
    ['I9'],
  ],
  ['a lease is lost', ({ snapshot }) => void delete snapshot.contracts['c1-2'], ['I9']],
  [
    'a call appears',
    ({ snapshot }) => {
      snapshot.calls.c9 = { ...snapshot.calls.c3! };
    },
    ['I9'],
  ],
  ['a bond is lost', ({ snapshot }) => void delete snapshot.transfers['k2-t2.b1'], ['I3', 'I9']],
  [
    'a task is due later',
    ({ snapshot }) => {
      snapshot.tasks['k1-t1']!.dueAt += '0';
    },
    ['I9'],
  ],
  [
    'another frame was agreed',
    ({ snapshot }) => {
      snapshot.tasks['k1-t1']!.frame = '0'.repeat(40);
    },
    ['I9'],
  ],
  [
    "a seller gets what its pool's slots earn",
    ({ snapshot }) => {
      snapshot.tasks['k1-t1']!.payee = 'seller';
    },
    ['I9'],
  ],
  ['what waits is lost', ({ snapshot }) => void delete snapshot.proposals.p1, ['I9']],
  [
    'what waits is approved by nobody',
    ({ snapshot }) => {
      snapshot.proposals.p1!.state = 'approved';
    },
    ['I9'],
  ],
  [
    'other rules bind',
    ({ snapshot }) => {
      snapshot.policy.sum = '0'.repeat(40);
    },
    ['I9'],
  ],
  [
    'an account changes its class',
    ({ snapshot }) => {
      snapshot.accounts.ann!.class = 'system';
    },
    ['I9'],
  ],
];

/** A journal and the state that it leads to: only the invariant that looks at the entry itself can tell. */
export const journalTamperings: Tampering[] = [
  [
    'an award spends what its budget has not',
    (e) => {
      find(e, 'open-budget', ({ budget }) => budget.id === 'steady').budget.amountMicro = '20';
    },
    ['I13'],
  ],
  [
    'an engagement spends what its budget may not borrow',
    (e) => {
      find(e, 'open-budget', ({ budget }) => budget.id === 'idle').budget.lendPermille = 0;
    },
    ['I12', 'I13'],
  ],
  [
    'a held slot is sold again',
    (e) => {
      const at = e.entries.at(-1)!.entry.at;
      append(e, { ...find(e, 'open-call'), cfp: 'c9', slots: [1], fences: [1], key: 'forged-1', at });
      const award = structuredClone(find(e, 'award'));
      const { bids, winners } = award;
      const bid = { ...bids[0]!, participant: 'sys', class: 'system' as const, intent: 'sys-99', pays: 0 };
      const winner = { ...winners[0]!, ...{ contract: 'c9-1', participant: 'sys', intent: 'sys-99', slots: [1] } };
      Object.assign(winner, { fences: [2], priceMicro: '0', amountMicro: '0', startedAt: at, until: at + 60_000 });
      append(e, { ...award, cfp: 'c9', bids: [bid], winners: [winner], key: 'forged-2', at });
    },
    ['I4'],
  ],
  [
    'an intent wins twice',
    (e) => {
      const award = find(e, 'award', ({ cfp }) => cfp === 'c2');
      award.bids[1]!.intent = award.winners[1]!.intent = 'same';
      const first = find(e, 'award', ({ cfp }) => cfp === 'c1');
      first.bids[0]!.intent = first.winners[0]!.intent = 'same';
      for (const { bids, winners } of [award, first]) {
        const at = bids === award.bids ? 1 : 0;
        bids[at]!.participant = winners[at]!.participant = 'ann';
      }
    },
    ['I6'],
  ],
  [
    'a key is used twice',
    (e) => {
      find(e, 'close-call').key = find(e, 'open-call').key;
    },
    ['I7'],
  ],
  [
    'an entry is missing',
    (e) => {
      e.entries = e.entries.filter(({ entry }) => entry.kind !== 'extend-call');
    },
    ['I8'],
  ],
  [
    'the clock runs back',
    (e) => {
      find(e, 'extend-call').at -= 100_000;
    },
    ['I8'],
  ],
  [
    'a lease is paid for longer than it ran',
    (e) => {
      find(e, 'settle').paid += 1;
    },
    ['I9'],
  ],
  [
    'a holder is compensated with more than its share',
    (e) => {
      find(e, 'settle', ({ outcome }) => outcome === 'preempted').compensation! += 1;
    },
    ['I9'],
  ],
  [
    'a lease is idle that its pool did not ask about',
    (e) => {
      append(e, { kind: 'settle', contract: 'c6-1', outcome: 'idle', paid: 3, at: e.entries.at(-1)!.entry.at });
    },
    ['I9'],
  ],
  [
    'a proposal is denied after its time',
    (e) => {
      const { at } = e.entries.at(-1)!.entry;
      const asked = { by: 'operator', key: 'late-denial', digest: 'd' };
      append(e, { kind: 'decide-proposal', proposal: 'p1', state: 'denied', ...asked, at: at + 60_000 });
    },
    ['I9'],
  ],
  [
    'a version of the rules is skipped',
    (e) => {
      find(e, 'set-policy', ({ version }) => version === 2).version = 3;
    },
    ['I9'],
  ],
  [
    'a renewal is cheaper than the going price',
    (e) => {
      find(e, 'renew').price -= 1;
    },
    ['I9'],
  ],
  [
    'a loser is taken for a system agent',
    (e) => {
      find(e, 'award').bids[3]!.class = 'system';
    },
    ['I10'],
  ],
  [
    'a winner offers more than it has',
    (e) => {
      find(e, 'award').bids[0]!.price = 1_001;
    },
    ['I10'],
  ],
  [
    'a covered bid is barred for want of credits',
    (e) => void Object.assign(find(e, 'award').bids[4]!, { outcome: 'barred', detail: 'insufficient-credits' }),
    ['I10'],
  ],
  [
    'the reserve was larger than what was left',
    (e) => {
      find(e, 'open-pool').pool.reserve = 6;
    },
    ['I11'],
  ],
  [
    'the bids were not in rank order',
    (e) => void find(e, 'award').bids.splice(3, 2, ...find(e, 'award').bids.slice(3).reverse()),
    ['I12'],
  ],
  [
    'the winners pay less than the best loser offered',
    (e) => {
      const award = find(e, 'award', ({ cfp }) => cfp === 'c2');
      award.bids[1]!.pays = 9;
      Object.assign(award.winners[1]!, { priceMicro: '9', amountMicro: '9' });
    },
    ['I12'],
  ],
  [
    'two are engaged where one was asked for',
    (e) => {
      engagement(e).fill = 'one';
      engagement(e).total = 1;
    },
    ['I6', 'I12'],
  ],
  [
    'an offer is engaged under an intent that has won',
    (e) => {
      const first = find(e, 'engage', ({ conversation }) => conversation === 'k1');
      const again = find(e, 'engage', ({ conversation }) => conversation === 'k3');
      for (const { offers, winners } of [first, again]) offers[0]!.intent = winners[0]!.intent = 'same';
      again.offers[0]!.participant = again.winners[0]!.participant = 'seller';
      again.conditions.bondMicro = '0';
    },
    ['I6'],
  ],
  ['a buyer is taken for a system agent', (e) => void Object.assign(engagement(e), { class: 'system' }), ['I10']],
  [
    'somebody else took a step',
    (e) => {
      find(e, 'report', ({ step }) => step === 'run').by = 'dot';
    },
    ['I10'],
  ],
  [
    'a buyer engages beyond its limit',
    (e) =>
      void Object.assign(
        find(e, 'engage', ({ conversation }) => conversation === 'k3'),
        { limitMicro: '1' },
      ),
    ['I10'],
  ],
  [
    'the offers were not in rank order',
    (e) => void engagement(e).offers.splice(4, 2, ...engagement(e).offers.slice(4).reverse()),
    ['I12'],
  ],
  [
    'an offer that had run out takes over',
    (e) => {
      engagement(e).offers[2]!.until = 1;
    },
    ['I12'],
  ],
  [
    "a pool's slots work for less than they cost",
    (e) => {
      find(e, 'open-call', ({ cfp }) => cfp === 'h1').reservePriceMicro = '101';
    },
    ['I12'],
  ],
  [
    'who cancels pays less than was agreed',
    (e) => {
      find(e, 'report', ({ step }) => step === 'decommit').paid = 9;
    },
    ['I9'],
  ],
];

/** Six offers for two units, one after the other turned down. */
function engagement(evidence: Evidence) {
  return find(evidence, 'engage', ({ conversation }) => conversation === 'k2');
}

function allot({ snapshot }: Evidence, id: string, field: string, value: string): void {
  snapshot.budgets[id]![field] = value;
}

function add({ snapshot }: Evidence, account: string, field: 'available' | 'pending', amount: number): void {
  const fields = snapshot.accounts[account]!;
  fields[field] = String(Number(fields[field]) + amount);
}
