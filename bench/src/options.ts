// What a run of the bench is asked to do: read once from the command line, with the defaults that the README states.
import { parseArgs } from 'node:util';

export interface BenchOptions {
  /** Measured rounds, after one warm-up round. */
  readonly rounds: number;
  /** How long a throughput burst is counted; half-load and crowd bursts last multiples of it. */
  readonly burstMs: number;
  /** Seeds the order of the variants and the agents' prices. */
  readonly seed: number;
  /** Parts of variant ids; empty for all. */
  readonly only: readonly string[];
  /** The largest crowd of agents on connections of their own. */
  readonly crowd: number;
  /** A burst during which other processes took more than this share of the machine is repeated, at most twice. */
  readonly maxForeignShare: number;
  /** How long the run may wait, all in all, for other processes to leave the machine alone. */
  readonly patienceS: number;
  readonly json: string | undefined;
  /** Folder for CPU profiles of brokers and workers. */
  readonly profile: string | undefined;
  /** Writes the README's table from this JSON file and measures nothing. */
  readonly table: string | undefined;
  readonly quick: boolean;
}

/** The JSON from which `--table` is made where none is named. */
export const RESULTS_FILE = new URL('../results.json', import.meta.url);

const HELP = `node bench/dist/main.js [options]
  --rounds N         measured rounds after the warm-up (default 15)
  --burst-ms N       length of a throughput burst (default 250)
  --only a,b         variants whose id contains a or b (see bench/README.md)
  --seed N           order of the variants (default 1)
  --crowd N          agents of the largest crowd (default 2000)
  --max-foreign F    repeat a burst while others took more than this share of the machine (default 0.15)
  --patience S       wait so long, all in all, for a quiet host (default 600)
  --json FILE        write the results there
  --profile DIR      CPU profiles of brokers and workers (slows them down: no figures from such a run)
  --quick            a smoke run: everything once, tiny; its figures mean nothing
  --table [FILE]     regenerate the table in bench/README.md from FILE (default bench/results.json)`;

/** Throws an Error for people where an option means nothing. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: 'string' },
      'burst-ms': { type: 'string' },
      only: { type: 'string' },
      seed: { type: 'string' },
      crowd: { type: 'string' },
      'max-foreign': { type: 'string' },
      patience: { type: 'string' },
      json: { type: 'string' },
      profile: { type: 'string' },
      quick: { type: 'boolean' },
      table: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) throw new Error(HELP);
  if (positionals.length > (values.table ? 1 : 0)) throw new Error(`what is ${positionals.join(' ')}?\n${HELP}`);
  const quick = values.quick ?? false;
  return Object.freeze({
    rounds: number('rounds', values.rounds, quick ? 1 : 15),
    burstMs: number('burst-ms', values['burst-ms'], quick ? 60 : 250),
    seed: number('seed', values.seed, 1),
    crowd: number('crowd', values.crowd, quick ? 60 : 2000),
    maxForeignShare: number('max-foreign', values['max-foreign'], quick ? 1 : 0.15),
    patienceS: number('patience', values.patience, 600),
    only: (values.only ?? '').split(',').filter((part) => part.length > 0),
    json: values.json,
    profile: values.profile,
    table: values.table ? (positionals[0] ?? RESULTS_FILE.pathname) : undefined,
    quick,
  });
}

function number(name: string, text: string | undefined, standard: number): number {
  if (text === undefined) return standard;
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new Error(`--${name} takes a number above zero, not "${text}"`);
  return value;
}
