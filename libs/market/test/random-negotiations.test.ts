// Ten thousand negotiations of all forms over a bad network with processes that die: all end by the rules, and nothing is left.
import { expect, test } from 'vitest';
import { RandomMarket } from './random/market.js';

/** `TENDER_RUNS` for more negotiations, `TENDER_SEED` for the world of that seed alone, `TENDER_TRACE` (a conversation, `k7`) for its steps. */
const RUNS = Number(process.env.TENDER_RUNS ?? 10_000);
const SEED = process.env.TENDER_SEED === undefined ? undefined : Number(process.env.TENDER_SEED);
const TRACE = process.env.TENDER_TRACE;
const PER_WORLD = 100;
const FIRST_SEED = 1;

function runWorld(seed: number, seen: Map<string, number>): void {
  let found: string[];
  try {
    const market = new RandomMarket(seed, PER_WORLD, seen);
    if (TRACE !== undefined) {
      market.world.trace = (line) => {
        if (TRACE === '' || line.includes(` ${TRACE}`)) console.log(line);
      };
    }
    market.world.run();
    for (const { outcome } of market.bank.book.tasks.values()) market.world.saw(`contract ${outcome}`);
    found = market.faults();
  } catch (error) {
    throw new Error(`the world of seed ${seed} (TENDER_SEED=${seed} runs it again)`, { cause: error });
  }
  expect(found, `the world of seed ${seed} (TENDER_SEED=${seed} runs it again)`).toEqual([]);
}

test('all end by the rules: no lock, no pending transfer, no contract that is not settled; money is conserved', () => {
  const seen = new Map<string, number>();
  if (SEED !== undefined) return runWorld(SEED, seen);
  const worlds = Math.ceil(RUNS / PER_WORLD);
  const startedAt = performance.now();
  for (let n = 0; n < worlds; n++) runWorld(FIRST_SEED + n, seen);
  console.log(Object.fromEntries([...seen].sort()), performance.now() - startedAt);
}, 600_000);
