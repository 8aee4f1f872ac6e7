// One config for every test of the house: real servers start per file, so files run two at a time (two cores).
import { defineConfig } from 'vitest/config';
import { SlowFirst } from './test/slow-first.js';

export default defineConfig({
  test: {
    include: ['libs/*/test/**/*.test.ts', 'apps/*/test/**/*.test.ts', 'bench/test/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    sequence: { sequencer: SlowFirst },
    // A condition that holds at last is waited for, however busy the machine: vitest's own second is a hope.
    expect: { poll: { timeout: 20_000, interval: 20 } },
    reporters: ['default'],
  },
});
