// `tender account`: who holds credits, of which class, under which labels and budget.
import { createSeed } from '@tender/agent';
import { type AccountChange, accountClasses } from '@tender/credits';
import { type AccountRow, publicNkeyOf } from '@tender/market';
import { type Command, InvalidArgumentError } from 'commander';
import { asOperator, refusedByBank } from './as-operator.js';
import { type CliConfig, cliConfig, UsageError } from './config.js';
import { type Kind, mustBeNew, present, told } from './listing.js';
import { type Flags, output, WHERE } from './operator-flags.js';
import { id, oneOf, showMicro } from './quantities.js';
import { addReadings } from './readings.js';

export const accounts: Kind<AccountRow> = {
  one: 'account',
  of: 'accounts',
  rowsIn: (answer) => answer.accounts,
  head: ['ACCOUNT', 'KIND', 'CLASS', 'AVAILABLE', 'SET ASIDE', 'OWNER', 'PROJECT', 'TEAM', 'BUDGET', 'HOST'],
  lines: (rows) =>
    rows.map((row) => [
      ...[row.id, row.kind, row.class, showMicro(row.availableMicro), showMicro(row.pendingMicro)],
      ...labels.map((label) => row[label] ?? '–'),
    ]),
  settings: (row) => [
    ['kind', row.kind],
    ['class', row.class],
    ...labels.map((label) => [label, row[label] ?? '–'] as const),
  ],
  state: (row) => [
    ['available', showMicro(row.availableMicro)],
    ['set aside', showMicro(row.pendingMicro)],
  ],
  example: '`tender account create alice --new-key`',
};

const labels = ['owner', 'project', 'team', 'budget', 'host'] as const;
type Label = (typeof labels)[number];

type Labels = { readonly [L in Label]?: string };
interface CreateFlags extends Flags, Labels {
  readonly kind: 'agent' | 'pool';
  readonly class: 'system' | 'standard';
  readonly nkey?: string;
  readonly newKey?: true;
}
interface SetFlags extends Flags, Labels {
  readonly class?: 'system' | 'standard';
  readonly clear?: readonly Label[];
}

export function addAccountCommands(program: Command): void {
  const account = program
    .command('account')
    .description('open accounts, set their class, labels and budget, list them')
    .addHelpText('after', WHERE);
  withLabels(account.command('create').argument('<id>', 'its name', id))
    .description('open an account')
    .option(
      '--kind <kind>',
      'agent, or pool for an account that is paid for slots or tokens',
      oneOf(['agent', 'pool']),
      'agent',
    )
    .option('--class <class>', 'system may take priority reserves', oneOf(accountClasses), 'standard')
    .option('--nkey <key>', 'its public key, U…', nkey)
    .option('--new-key', 'make a key for it and print the seed')
    .addOption(output())
    .action(async (name: string, flags: CreateFlags) => {
      process.exitCode = await createAccount(cliConfig(), name, flags);
    });
  withLabels(account.command('set').argument('<id>', 'its name', id))
    .description('change what is named, leave the rest')
    .option('--class <class>', 'system may take priority reserves', oneOf(accountClasses))
    .option('--clear <labels>', `takes away: ${labels.join(', ')}, joined by commas`, labelList)
    .addOption(output())
    .action(async (name: string, flags: SetFlags) => {
      process.exitCode = await setAccount(cliConfig(), name, flags);
    });
  addReadings(account, accounts, id, 'all accounts');
}

function withLabels(command: Command): Command {
  return command
    .option('--owner <id>', 'who owns it: caps and noise count by owner', id)
    .option('--project <id>', 'the project that its spending is told under', id)
    .option('--team <id>', 'the team that its spending is told under', id)
    .option('--budget <id>', 'the budget that it spends from', id)
    .option('--host <id>', 'the process that may speak for it', id);
}

function nkey(text: string): string {
  if (/^U[A-Z2-7]{55}$/.test(text)) return text;
  throw new InvalidArgumentError('a public user nkey has 56 characters and starts with U; --new-key makes one.');
}

function labelList(text: string): readonly Label[] {
  return text.split(',').map(oneOf(labels));
}

const named = (flags: Labels): Labels =>
  Object.fromEntries(labels.flatMap((label) => (flags[label] === undefined ? [] : [[label, flags[label]]])));

function createAccount(config: CliConfig, name: string, flags: CreateFlags): Promise<number> {
  if (flags.nkey !== undefined && flags.newKey) throw new UsageError('--nkey or --new-key: an account has one key.');
  // No command gives it one later, and its id would be gone.
  if (flags.kind === 'agent' && flags.nkey === undefined && !flags.newKey && flags.host === undefined)
    throw new UsageError('An agent without a key can do nothing: --new-key makes one, --nkey U… takes its own.');
  const seed = flags.newKey ? createSeed() : undefined;
  const key = seed === undefined ? flags.nkey : publicNkeyOf(seed);
  return asOperator(config, async (operator) => {
    await mustBeNew(operator, config.market, accounts, name);
    const spec = { id: name, kind: flags.kind, class: flags.class, ...(key === undefined ? {} : { nkey: key }) };
    const answer = await operator.openAccount({ ...spec, ...named(flags) });
    if (!answer.ok) throw refusedByBank(answer, config.market);
    const and = seed === undefined ? '' : ` Its seed, for nobody but itself: ${seed}`;
    return told(operator, config, accounts, name, {
      output: flags.output,
      and,
      more: seed === undefined ? {} : { seed },
    });
  });
}

function setAccount(config: CliConfig, name: string, flags: SetFlags): Promise<number> {
  const { clear = [], class: klass } = flags;
  const labelled = named(flags);
  const both = clear.find((label) => labelled[label] !== undefined);
  if (both !== undefined) throw new UsageError(`--${both} or --clear ${both}: it cannot be both.`);
  const cleared = Object.fromEntries(clear.map((label) => [label, null]));
  const change: AccountChange = { id: name, ...(klass === undefined ? {} : { class: klass }), ...labelled, ...cleared };
  if (Object.keys(change).length === 1) throw new UsageError('Nothing to change: `tender account set --help`.');
  return asOperator(config, async (operator) => {
    const before = await present(operator, config.market, accounts, name);
    const answer = await operator.setAccount(change);
    if (!answer.ok) throw refusedByBank(answer, config.market);
    return told(operator, config, accounts, name, { output: flags.output, before });
  });
}
