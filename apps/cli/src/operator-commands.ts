// What operators type: `tender approvals …` and `tender policy …`.
import { type Command, Option } from 'commander';
import { decideApproval, listApprovals } from './approvals.js';
import { cliConfig } from './config.js';
import { getPolicy, setPolicy } from './policy.js';
import type { OutputForm } from './table.js';

const WHERE =
  '\nIt reads NATS_URL, TENDER_MARKET and TENDER_OPERATOR_SEED (<operator id>:<seed>), as `tender up` prints them.';

const output = () => new Option('-o, --output <form>', 'what is printed').choices(['table', 'json']).default('table');
interface Flags {
  readonly output: OutputForm;
}

export function addOperatorCommands(program: Command): void {
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
}
