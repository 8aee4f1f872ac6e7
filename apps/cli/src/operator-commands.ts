// What operators type: accounts, grants, pools, buckets, budgets, spending, approvals and rules.
import type { Command } from 'commander';
import { addAccountCommands } from './account.js';
import { decideApproval, listApprovals } from './approvals.js';
import { addBucketCommands } from './bucket.js';
import { addBudgetCommands } from './budget.js';
import { cliConfig } from './config.js';
import { addGrantCommand } from './grant.js';
import { type Flags, output, WHERE } from './operator-flags.js';
import { getPolicy, setPolicy } from './policy.js';
import { addPoolCommands } from './pool.js';
import { addSpendCommand } from './spend.js';

/** So many options that a mistake would scroll away behind them. */
function hintInstead(command: Command, path: string): void {
  command.showHelpAfterError(`\`${path} --help\` says what there is.`);
  for (const under of command.commands) hintInstead(under, `${path} ${under.name()}`);
}

export function addOperatorCommands(program: Command): void {
  const others = new Set(program.commands);
  addAccountCommands(program);
  addGrantCommand(program);
  addPoolCommands(program);
  addBucketCommands(program);
  addBudgetCommands(program);
  addSpendCommand(program);
  const approvals = program
    .command('approvals')
    .description('list what waits for an operator, approve or deny it')
    .addHelpText('after', WHERE);
  approvals
    .command('list')
    .description('what waits, the most urgent first')
    .addOption(output())
    .action(async (flags: Flags) => {
      process.exitCode = await listApprovals(cliConfig(), flags.output);
    });
  for (const verdict of ['approve', 'deny'] as const) {
    approvals
      .command(`${verdict} <id>`)
      .description(verdict === 'approve' ? 'let it be engaged, now' : 'let it be refused')
      .addOption(output())
      .action(async (id: string, flags: Flags) => {
        process.exitCode = await decideApproval(cliConfig(), id, verdict, flags.output);
      });
  }

  const policy = program
    .command('policy')
    .description('read the market’s rules, or replace them')
    .addHelpText('after', WHERE);
  policy
    .command('get')
    .description('the rules that bind now; -o json prints what `set` takes')
    .addOption(output())
    .action(async (flags: Flags) => {
      process.exitCode = await getPolicy(cliConfig(), flags.output);
    });
  policy
    .command('set <file>')
    .description('replace all rules by those of a JSON file, or of - (stdin)')
    .addOption(output())
    .action(async (file: string, flags: Flags) => {
      process.exitCode = await setPolicy(cliConfig(), file, flags.output);
    });
  for (const command of program.commands) if (!others.has(command)) hintInstead(command, `tender ${command.name()}`);
}
