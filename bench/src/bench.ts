// One run from start to verdict: lab, rounds, the invariants of both markets, results.
import { cpus } from 'node:os';
import { Lab } from './lab.js';
import type { BenchOptions } from './options.js';
import { crowdMicros, type Results, ratiosOf, referencesOf, variantResults } from './results.js';
import { type BurstRecord, runRounds } from './rounds.js';
import { spread } from './stats.js';
import { sizesOf, variantsOf } from './variants.js';

/** A status, a count or a process that is not as it must be, and a breach of an invariant, are in the results. */
export async function runBench(options: BenchOptions, say: (line: string) => void): Promise<Results> {
  const variants = variantsOf(options);
  if (variants.length === 0) throw new Error(`no variant is called ${options.only.join(' or ')}`);
  const startedAt = new Date().toISOString();
  say(`${variants.length} variants, ${options.rounds} rounds`);
  const lab = await Lab.open(options, variants, say);
  try {
    const machine = await lab.machine();
    const { records, waitedMs, failure } = await runRounds(lab, variants, cpus().length, say);
    if (failure !== undefined && records.length === 0) throw new Error(failure);
    say('checking every invariant of both markets');
    const checks = await lab.check();
    const sizes = sizesOf(options);
    return {
      schema: 'tender-bench-1',
      startedAt,
      endedAt: new Date().toISOString(),
      options,
      machine,
      host: hostOf(records, waitedMs),
      variants: variantResults(variants, records),
      references: referencesOf(sizes, records),
      ratios: ratiosOf(sizes, records),
      crowds: crowdMicros(sizes, records),
      checks,
      ...(failure === undefined ? {} : { failure }),
      bursts: records.map(({ histograms: _, ...record }) => record),
    };
  } finally {
    await lab.close();
  }
}

function hostOf(records: readonly BurstRecord[], waitedMs: number): Results['host'] {
  return {
    calibrationMs: spread(records.map(({ calibrationMs }) => calibrationMs))!,
    foreignShare: spread(records.map(({ foreignShare }) => foreignShare))!,
    repeatedBursts: records.reduce((sum, { repeated }) => sum + repeated, 0),
    waitedS: Math.round(waitedMs / 1000),
  };
}
