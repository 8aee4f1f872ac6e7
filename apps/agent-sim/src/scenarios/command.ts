// `scenario`: what is typed for it, and what it prints; the exit code says whether every rule held.
import { access, constants, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { ConfigError, type SimConfig } from '../config.js';
import { fileName } from '../options.js';
import { scenarios } from './all.js';
import { playAll } from './play.js';
import { scenarioReport } from './report.js';
import type { Played, Scenario } from './scenario.js';
import { listLines, moveLines, playedLines } from './show.js';

export interface ScenarioOptions {
  readonly seed: number;
  readonly report?: string | undefined;
  readonly log?: boolean | undefined;
  readonly output: 'table' | 'json';
}

function seed(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value < 2 ** 31) return value;
  throw new InvalidArgumentError('a whole number below 2147483648 is needed.');
}

export function addScenarioOptions(command: Command): Command {
  return command
    .option('--seed <number>', 'makes the same agents, tasks and prices again', seed, 1)
    .option('--report <file>', 'writes the report, one HTML page', fileName)
    .option('--log', 'prints every move: who, what, when, how much')
    .addOption(new Option('-o, --output <form>', 'what is printed').choices(['table', 'json']).default('table'));
}

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

export interface ScenarioRun {
  readonly config: SimConfig;
  readonly names: readonly string[];
  readonly scenarios: readonly Scenario[];
  readonly options: ScenarioOptions;
  readonly run: string;
  readonly output: NodeJS.WriteStream;
  readonly signal: AbortSignal;
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
  if (options.report !== undefined) await checkFolder(options.report);
  const startedAt = new Date().toISOString();
  const coloured = config.coloured && output.isTTY === true;
  const say = (lines: readonly string[]) => void output.write(`${lines.join('\n')}\n`);
  const onEnd = (one: Played) => {
    if (options.output === 'json') return;
    say([...playedLines(one, coloured), ...(options.log === true ? moveLines(one.moves, coloured) : [])]);
  };
  const played = await playAll({ config, scenarios, seed: options.seed, run, onEnd, signal });
  const { market } = config;
  if (options.output === 'json') {
    const told = options.log === true ? played : played.map(({ moves, ...one }) => ({ ...one, moves: moves.length }));
    say([JSON.stringify({ v: 1, market, seed: options.seed, startedAt, played: told })]);
  }
  if (options.report !== undefined) {
    const command = `npm run tender -- scenario ${names.join(' ')} --seed ${options.seed}`;
    await writeFile(options.report, scenarioReport({ played, market, startedAt, command }));
    if (options.output === 'table') say(['', `Report: ${options.report}`]);
  }
  return played.every(({ ok }) => ok) ? 0 : 1;
}
