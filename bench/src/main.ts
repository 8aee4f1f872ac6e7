#!/usr/bin/env node
// The bench's process: measures and prints, or regenerates the table; exit code 1 where anything is not as it must be.
import { readFileSync, writeFileSync } from 'node:fs';
import { showReport } from '@tender/market';
import { runBench } from './bench.js';
import { type BenchOptions, parseOptions } from './options.js';
import type { Results } from './results.js';
import { markdown, writeTable } from './table.js';

const readme = new URL('../README.md', import.meta.url);

async function measure(options: BenchOptions): Promise<boolean> {
  const results = await runBench(options, (line) => console.error(line));
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(results, null, 1)}\n`);
  console.log(markdown(results));
  const broken = results.checks.filter(({ report }) => !report.ok);
  for (const { market, report } of broken) console.error(`market ${market}: ${showReport(report)}`);
  if (options.quick) console.error('a smoke run: its figures mean nothing');
  if (results.failure !== undefined) console.error(results.failure);
  return broken.length === 0 && results.failure === undefined;
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options.table === undefined) {
    process.exitCode = (await measure(options)) ? 0 : 1;
  } else {
    writeTable(JSON.parse(readFileSync(options.table, 'utf8')) as Results, readme);
  }
} catch (error) {
  console.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.exitCode = 1;
}
