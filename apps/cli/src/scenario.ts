// `tender scenario`: patterns of negotiation played by real agents, in a market of its own or in one that runs.
import { validateSimulator } from './app-process.js';
import type { CliConfig } from './config.js';
import { inOthersHouse, inPassingHouse } from './passing-house.js';
import { scenarioList } from './simulator-help.js';

export interface ScenarioFlags {
  readonly seed: string;
  readonly seconds?: string;
  readonly llmTrace?: string;
  readonly quietUpstream?: boolean;
  readonly report?: string;
  readonly log?: boolean;
  readonly output: string;
  readonly brokers: number;
}

/** Without names: lists them. Returns the exit code: 1 where a guardrail or an invariant did not hold. */
export async function scenario(config: CliConfig, names: readonly string[], flags: ScenarioFlags): Promise<number> {
  if (names.length === 0) {
    process.stdout.write(
      `${scenarioList()}\n\`tender scenario all\` plays all of them, \`tender scenario NAME…\` some.\n`,
    );
    return 0;
  }
  const args = ['scenario', ...names, '--seed', flags.seed, '--output', flags.output];
  // As one word: what was typed after it stays what it is.
  if (flags.seconds !== undefined) args.push(`--seconds=${flags.seconds}`);
  if (flags.llmTrace !== undefined) args.push(`--llm-trace=${flags.llmTrace}`);
  if (flags.quietUpstream === true) args.push('--quiet-upstream');
  if (flags.report !== undefined) args.push('--report', flags.report);
  if (flags.log === true) args.push('--log');
  await validateSimulator([...args, '--validate'], config.inherited);
  // Whoever reads JSON reads nothing else there.
  const stream = flags.output === 'json' ? process.stderr : process.stdout;
  const tell = (text: string) => void stream.write(text);
  if (config.natsUrl !== undefined && config.operatorSeed !== undefined) return inOthersHouse({ config, args, tell });
  return inPassingHouse({
    config,
    args,
    tell,
    say: (line) => tell(`  ${line}\n`),
    brokers: flags.brokers,
    termMs: 0,
  });
}
