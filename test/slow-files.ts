// Which test files take long, so that they can come first.

/**
 * Files of ten seconds and more on a quiet machine, the longest first. vitest goes by what it remembers of the last
 * run, which a fresh checkout has none of, and else by the files' sizes: the shortest of these files are the slowest.
 */
export const slow: readonly string[] = [
  'test/swarm.test.ts',
  'test/scenarios.test.ts',
  'apps/cli/test/nothing-stays.test.ts',
  'test/kills.test.ts',
  'bench/test/quick.test.ts',
  'apps/cli/test/trading.test.ts',
  'libs/credits/test/budget-property.test.ts',
  'libs/stack/test/fetch-debian.test.ts',
  'libs/market/test/model.test.ts',
  'test/hand-off-kills.test.ts',
  'libs/market/test/sale.test.ts',
  'libs/market/test/tokens-random.test.ts',
  'apps/cli/test/restarts.test.ts',
  'libs/credits/test/property.test.ts',
  'libs/credits/test/token-clearing.test.ts',
  'apps/cli/test/bank-commands.test.ts',
  'test/tokens.test.ts',
  'libs/agent/test/examples.test.ts',
  'libs/market/test/random-negotiations.test.ts',
  'libs/agent/test/token-prices.test.ts',
  'test/budget-rush.test.ts',
];
