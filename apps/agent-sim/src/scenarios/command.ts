// `scenario`: what it prints; the exit code says whether every rule held.
import { access, constants, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ConfigError, type SimConfig } from '../config.js';
import { parseLlmTrace } from '../llm-trace.js';
import { quotedWord } from '../options.js';
import { createPrng } from '../prng.js';
import { readTrace } from '../trace-file.js';
import { scenarios } from './all.js';
import type { ScenarioOptions } from './options.js';
import { playAll } from './play.js';
import { DEFAULT_SECONDS, planRates } from './rate-plan.js';
import { scenarioReport } from './report.js';
import type { Played, Scenario, Settings } from './scenario.js';
import { listLines, moveLines, playedLines } from './show.js';

export function scenarioList(): string {
  return `${listLines(scenarios).join('\n')}\n`;
}

/** The named ones, in the order of the list; undefined and why where one is unknown. */
export function chosen(names: readonly string[]): readonly Scenario[] | string {
  const known = new Set(scenarios.map(({ name }) => name));
  const unknown = names.filter((name) => name !== 'all' && !known.has(name));
  if (unknown.length > 0) {
    return `error: there is no scenario ${JSON.stringify(unknown[0])}; there are ${[...known].join(', ')}, and all.`;
  }
  return names.includes('all') ? scenarios : scenarios.filter(({ name }) => names.includes(name));
}

const flags = { seconds: '--seconds', llmTrace: '--llm-trace', quiet: '--quiet-upstream' } as const;

/** Reads what the options name; throws what says why where that cannot be played, before anything is opened for it. */
export async function settingsOf(scenarios: readonly Scenario[], options: ScenarioOptions): Promise<Settings> {
  const { seconds, llmTrace: file, quietUpstream: quiet, seed, report } = options;
  if (report !== undefined) await checkFolder(report);
  for (const [name, value] of Object.entries({ seconds, llmTrace: file, quiet })) {
    if (value === undefined || scenarios.some(({ takes = [] }) => takes.some((one) => one === name))) continue;
    throw new ConfigError(`error: ${flags[name as keyof Settings]} goes with the scenario rate-tokens only.`);
  }
  if (file === undefined) return { seconds, quiet };
  const llmTrace = { source: file, requests: parseLlmTrace(await readTrace(file), file) };
  planRates(seed, createPrng(seed, 'rate-deal'), (seconds ?? DEFAULT_SECONDS) * 1000, llmTrace);
  return { seconds, quiet, llmTrace };
}

export interface ScenarioRun {
  readonly config: SimConfig;
  readonly names: readonly string[];
  readonly scenarios: readonly Scenario[];
  readonly options: ScenarioOptions;
  readonly run: string;
  readonly output: NodeJS.WriteStream;
  readonly signal: AbortSignal;
}

/** How to run it again. */
function commandOf(names: readonly string[], { seed, seconds, llmTrace, quietUpstream }: ScenarioOptions): string {
  const words = ['npm run tender -- scenario', ...names, `--seed ${seed}`];
  if (seconds !== undefined) words.push(`--seconds ${seconds}`);
  if (llmTrace !== undefined) words.push(`--llm-trace ${quotedWord(llmTrace)}`);
  if (quietUpstream === true) words.push('--quiet-upstream');
  return words.join(' ');
}

/** Whoever waits for a report should hear at the beginning that it cannot be written. */
async function checkFolder(file: string): Promise<void> {
  const folder = dirname(file);
  await access(folder, constants.W_OK).catch(() => {
    throw new ConfigError(
      `--report ${file}: nothing can be written in ${folder}. Name a file in a folder that there is.`,
    );
  });
}

/** 0 where every guardrail held and every check is green, else 1. */
export async function runScenarios(asked: ScenarioRun): Promise<number> {
  const { config, names, scenarios, options, run, output, signal } = asked;
  const settings = await settingsOf(scenarios, options);
  const startedAt = new Date().toISOString();
  const coloured = config.coloured && output.isTTY === true;
  const say = (lines: readonly string[]) => void output.write(`${lines.join('\n')}\n`);
  const onEnd = (one: Played) => {
    if (options.output === 'json') return;
    say([...playedLines(one, coloured), ...(options.log === true ? moveLines(one.moves, coloured) : [])]);
  };
  // Whoever reads JSON reads nothing else there.
  const tell = options.output === 'json' ? process.stderr : output;
  const telling = { say: (line: string) => void tell.write(`  ${line}\n`), onEnd };
  const played = await playAll({ config, scenarios, settings, seed: options.seed, run, ...telling, signal });
  const { market } = config;
  if (options.output === 'json') {
    const told = options.log === true ? played : played.map(({ moves, ...one }) => ({ ...one, moves: moves.length }));
    say([JSON.stringify({ v: 1, market, seed: options.seed, startedAt, played: told })]);
  }
  if (options.report !== undefined) {
    const command = commandOf(names, options);
    await writeFile(options.report, scenarioReport({ played, market, startedAt, command }));
    if (options.output === 'table') say(['', `Report: ${options.report}`]);
  }
  return played.every(({ ok }) => ok) ? 0 : 1;
}
