// What is typed for `scenario`.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { between, fileName } from '../options.js';
import { LEAST_SECONDS } from './rate-plan.js';

export interface ScenarioOptions {
  readonly seed: number;
  readonly seconds?: number | undefined;
  readonly llmTrace?: string | undefined;
  readonly quietUpstream?: boolean | undefined;
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
    .option(
      '--llm-trace <file>',
      'rate-tokens: requests of a recorded trace, TIMESTAMP,ContextTokens,GeneratedTokens',
      fileName,
    )
    .option('--seconds <count>', 'rate-tokens: how long agents ask, each way', between(LEAST_SECONDS, 600))
    .option('--quiet-upstream', 'rate-tokens: the upstream says nothing of what is left, only its 429s tell')
    .option('--report <file>', 'writes the report, one HTML page', fileName)
    .option('--log', 'prints every move: who, what, when, how much')
    .addOption(new Option('-o, --output <form>', 'what is printed').choices(['table', 'json']).default('table'));
}
