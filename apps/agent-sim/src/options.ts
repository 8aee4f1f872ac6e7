// The command line: every option checked, so that a run that cannot be made is refused before anything starts.
import { Command, InvalidArgumentError, Option } from 'commander';
import { type StrategyName, strategyNames } from './strategy-name.js';

export interface SimOptions {
  readonly agents: number;
  readonly connections?: number | undefined;
  readonly pool: string;
  readonly seconds: number;
  readonly seed: number;
  readonly strategy: StrategyName | 'mix';
  readonly credits: number;
  readonly systemAgents: number;
  readonly load: number;
  readonly minDuration: number;
  readonly maxDuration?: number | undefined;
  readonly trace?: string | undefined;
  readonly speed?: number | undefined;
  readonly from?: number | undefined;
  readonly limit?: number | undefined;
  readonly sample?: number | undefined;
  readonly report?: string | undefined;
  readonly json?: string | undefined;
  /** False where `--no-board` was given. */
  readonly board: boolean;
}

function whole(least: number, most: number) {
  return (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`a whole number from ${least} to ${most} is needed.`);
  };
}

export function between(least: number, most: number) {
  return (text: string): number => {
    const value = Number(text);
    if (/^\d+(\.\d+)?$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`a number from ${least} to ${most} is needed.`);
  };
}

/** `86400`, `36h`, `115d`: seconds. */
export function traceSeconds(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([smhd]?)$/.exec(text);
  const factor = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 }[match?.[2] ?? ''];
  if (match === null || factor === undefined) {
    throw new InvalidArgumentError('seconds of the trace are needed, or 90m, 36h, 115d.');
  }
  return Number(match[1]) * factor;
}

/** A file's name, not the option after one that was forgotten. */
export function fileName(text: string): string {
  if (text !== '' && !text.startsWith('--')) return text;
  throw new InvalidArgumentError(`argument missing: a file is needed${text === '' ? '' : `, ./${text} if it is one`}.`);
}

/** The options that `tender sim` and `tender demo` share; their defaults are those of the demo. */
export function addSimOptions(command: Command): Command {
  return command
    .option('--agents <count>', 'agents in the swarm', whole(1, 5000), 500)
    .option('--connections <count>', 'connections to NATS; fewer than agents: so many hosts share them', whole(1, 5000))
    .option('--pool <name>', 'the pool whose slots are traded', 'gpu.h100')
    .option('--seconds <count>', 'how long to trade', between(1, 86_400), 60)
    .option('--seed <number>', 'makes the same demand again', whole(0, 2 ** 31 - 1), 1)
    .addOption(new Option('--strategy <name>', 'how agents bid').choices([...strategyNames, 'mix']).default('mix'))
    .option('--credits <count>', 'granted to each agent', between(0.000001, 1_000_000), 40)
    .option('--system-agents <count>', 'agents of class system: they may take the priority reserve', whole(0, 5000), 0)
    .option('--load <share>', 'synthetic demand: slots asked for, as a share of the pool', between(0.01, 100), 1.25)
    .option('--min-duration <ms>', 'shorter jobs are clamped to it', whole(10, 3_600_000), 100)
    .option(
      '--max-duration <ms>',
      'longer jobs are clamped to it (default: a sixth of --seconds)',
      whole(10, 86_400_000),
    )
    .option('--trace <file>', 'demand from a recorded trace in the openb_pod_list format', fileName)
    .option(
      '--speed <factor>',
      'recorded time per run time (default: a trace’s rest fits the run; 2500)',
      between(0.001, 1e9),
    )
    .option(
      '--from <time>',
      'where in the trace to start: seconds, or 36h, 115d (default: where it gets dense)',
      traceSeconds,
    )
    .option('--limit <rows>', 'at most so many rows of the trace', whole(1, 1_000_000_000))
    .option('--sample <share>', 'this share of the trace’s rows, drawn by the seed', between(0.000001, 1))
    .option('--report <file>', 'writes the report, one HTML page', fileName)
    .option('--json <file>', 'writes the result as JSON', fileName)
    .option('--no-board', 'plain lines instead of the live board');
}

/** All of them but the pool, which the house has too, as a part of another command's help. */
export function optionsHelp(columns: number): string {
  const command = addSimOptions(new Command()).helpOption(false).configureHelp({ helpWidth: columns });
  command.options.find((option) => option.long === '--pool')?.hideHelp();
  const text = command.helpInformation();
  return text.slice(text.indexOf('Options:')).replace('Options:', 'Options of the swarm:');
}

const traceOnly = ['from', 'limit', 'sample'] as const;

/** What single options cannot say; undefined where all is well. */
export function conflict(options: SimOptions): string | undefined {
  if (options.connections !== undefined && options.connections > options.agents) {
    return `--connections ${options.connections} is more than --agents ${options.agents}: an agent has one connection at most.`;
  }
  if (options.systemAgents > options.agents) return '--system-agents is more than --agents.';
  const alone = traceOnly.find((name) => options[name] !== undefined);
  if (options.trace === undefined && alone !== undefined) return `--${alone} goes with --trace FILE only.`;
  if (options.maxDuration !== undefined && options.maxDuration < options.minDuration) {
    return '--max-duration is less than --min-duration.';
  }
  return undefined;
}

/** As a shell takes it for one word. */
export function quotedWord(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** How to run it again; what has its default is left out. */
export function commandLine(options: SimOptions, slots: number, reserve: number): string {
  const plain = addSimOptions(new Command()).parse([], { from: 'user' }).opts<SimOptions>();
  const words = ['npm run tender -- sim', `--slots ${slots}`, ...(reserve > 0 ? [`--reserve ${reserve}`] : [])];
  for (const [name, value] of Object.entries(options)) {
    if (name === 'report' || name === 'json' || name === 'board') continue;
    if (value === undefined || value === plain[name as keyof SimOptions]) continue;
    const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    words.push(`--${flag} ${quotedWord(String(value))}`);
  }
  if (options.seed === plain.seed) words.push(`--seed ${options.seed}`);
  return words.join(' ');
}
