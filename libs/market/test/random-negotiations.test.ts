// Ten thousand negotiations of all forms over a bad network with processes that die: all end by the rules, and nothing is left.
import { expect, test } from 'vitest';
import { forms } from './random/draw.js';
import { RandomMarket } from './random/market.js';

/** `TENDER_RUNS` for more negotiations; `TENDER_SEED` for one world alone, `TENDER_TRACE` (a conversation, `k7`) for its steps. */
const RUNS = Number(process.env.TENDER_RUNS ?? 10_000);
const SEED = process.env.TENDER_SEED === undefined ? undefined : Number(process.env.TENDER_SEED);
const TRACE = process.env.TENDER_TRACE;
const PER_WORLD = 100;
const FIRST_SEED = 1;

function runWorld(seed: number, seen: Map<string, number>): void {
  const again = `the world of seed ${seed}: TENDER_SEED=${seed} runs it again`;
  let found: string[];
  try {
    const market = new RandomMarket(seed, PER_WORLD, seen);
    if (TRACE !== undefined) {
      market.world.trace = (line) => {
        if (line.includes(` ${TRACE}`)) console.log(line);
      };
    }
    market.world.run();
    for (const { outcome } of market.bank.book.tasks.values()) market.world.saw(`contract ${outcome}`);
    found = market.faults();
  } catch (error) {
    throw new Error(again, { cause: error });
  }
  expect(found, again).toEqual([]);
}

/** What a run that proves something has come to, each at least once. */
const expected = [
  ...forms.flatMap((form) => ['hired', 'expired', 'denied', 'insufficient-credits'].map((end) => `${form}: ${end}`)),
  ...['one: round-limit', 'all: round-limit', 'iterated: round-limit', 'monotonic-concession: round-limit'],
  ...['one: no-capacity', 'all: no-capacity', 'some: no-capacity', 'one: duplicate', 'one: bad-signature'],
  ...['monotonic-concession: late', 'alternating-offers: late', 'monotonic-concession: unavailable'],
  ...['hired in round 1', 'hired in a later round', 'a counter-offer taken up', 'recalled', 'escalated'],
  ...['proposal engage approved', 'proposal engage denied', 'proposal engage expired', 'proposal engaged'],
  ...['proposal escalation approved', 'proposal escalation denied', 'proposal escalation expired', 'proposal failed'],
  ...['engage refused: bad-signature', 'engage refused: insufficient-credits', 'engage refused: no-capacity'],
  ...['engage refused: duplicate', 'engage refused: lock-lost', 'engage refused: expired', 'bank asked again'],
  ...['tender lost: outbid', 'tender lost: over-budget', 'tender lost: late', 'tender lost: expired', 'hold lapsed'],
  ...['handed over', 'time granted', 'time denied', 'work stopped'],
  ...[
    'step resume',
    'step refused: stale',
    'step turn-down',
    'step dispute',
    'step accept',
    'step resolve',
    'step overdue',
    'step preempt',
  ],
  ...['contract done', 'contract failed', 'contract violated', 'contract expired', 'contract decommitted'],
  ...['contract preempted', 'buyer died in the hand-off', 'provider died in the hand-off'],
  ...['buyer came back to contracts', 'provider came back to a contract'],
];

test('all end by the rules: no lock, no pending transfer, no contract that is not settled; money is conserved', () => {
  const seen = new Map<string, number>();
  if (SEED !== undefined) return runWorld(SEED, seen);
  for (let n = 0; n < Math.ceil(RUNS / PER_WORLD); n++) runWorld(FIRST_SEED + n, seen);
  const lines = [...seen].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, count]) => `${count} × ${name}`);
  console.log(`${RUNS} negotiations:\n${lines.join('\n')}`);
  if (RUNS >= 10_000) expect(expected.filter((name) => !seen.has(name))).toEqual([]);
}, 600_000);
