// `tender grant`: new credits, the only mint that there is.
import { idemKeyText } from '@tender/market';
import { newUlid } from '@tender/market/nats';
import { type Command, InvalidArgumentError } from 'commander';
import { accounts } from './account.js';
import { asOperator, refusedByBank } from './as-operator.js';
import { type CliConfig, cliConfig } from './config.js';
import { present } from './listing.js';
import { type Flags, output, WHERE } from './operator-flags.js';
import { id, showMicro, someCredits } from './quantities.js';
import { print, printJson } from './table.js';

interface GrantFlags extends Flags {
  readonly key?: string;
}

export function addGrantCommand(program: Command): void {
  program
    .command('grant')
    .argument('<account>', 'whose', id)
    .argument('<credits>', 'how many, with six decimals at most', someCredits)
    .description('mint credits for an account: `tender grant alice 12.5`')
    .option('--key <key>', 'typed again with the same key, it is done once', idemKey)
    .addOption(output())
    .addHelpText('after', WHERE)
    .action(async (account: string, amountMicro: string, flags: GrantFlags) => {
      process.exitCode = await grant(cliConfig(), account, amountMicro, flags);
    });
}

function idemKey(text: string): string {
  const parsed = idemKeyText.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(`${parsed.error.issues[0]?.message}.`);
}

function grant(config: CliConfig, to: string, amountMicro: string, flags: GrantFlags): Promise<number> {
  const key = flags.key ?? newUlid();
  return asOperator(config, async (operator) => {
    const answer = await operator.grant({ to, amountMicro, key });
    if (!answer.ok) {
      const error = refusedByBank(answer, config.market);
      // Whether it was done is unknown: typed once more without the key, it might be done twice.
      if (answer.detail === 'unavailable') error.message += ` Type it again with --key ${key}: then it is done once.`;
      throw error;
    }
    const row = await present(operator, config.market, accounts, to);
    if (flags.output === 'json') printJson({ ...row, grantedMicro: amountMicro, key });
    else print(`${to} got ${showMicro(amountMicro)} credits and has ${showMicro(row.availableMicro)} to spend.`);
    return 0;
  });
}
