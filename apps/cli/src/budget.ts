// `tender budget`: what the accounts that name one, and the budgets under it, may spend in a window.
import { type BudgetSpec, budgetSpec, budgetWindows } from '@tender/credits';
import type { BudgetView } from '@tender/market';
import type { Command } from 'commander';
import { asOperator, refusedByBank } from './as-operator.js';
import { type CliConfig, cliConfig, UsageError } from './config.js';
import { type Kind, mustBeNew, present, told } from './listing.js';
import { type Flags, output, WHERE } from './operator-flags.js';
import { credits, id, oneOf, percent, showInstant, showLeft, showMicro, showPercent } from './quantities.js';
import { addReadings } from './readings.js';
import { addSettings, type Setting, settingsIn } from './settings.js';
import { fitting, settable } from './spec-fit.js';

export const budgets: Kind<BudgetView> = {
  one: 'budget',
  of: 'budgets',
  rowsIn: (answer) => answer.budgets,
  head: ['BUDGET', 'WINDOW', 'AMOUNT', 'USED', 'LEFT', 'LENT', 'OWED', 'TOTAL', 'NEXT WINDOW'],
  lines: (rows) => treeOf(rows).map(([depth, row]) => [`${'  '.repeat(depth)}${row.id}`, ...cells(row)]),
  settings: (row) => [
    ['parent', row.parent ?? '–'],
    ['window', row.window],
    ['amount', showMicro(row.amountMicro)],
    ['keep', showPercent(row.keepPermille)],
    ['carry cap', showMicro(row.carryCapMicro)],
    ['borrow', showMicro(row.borrowMicro)],
    ['lend', showPercent(row.lendPermille)],
  ],
  state: (row) => [
    ['allowance', showMicro(row.allowanceMicro)],
    ['used', showMicro(row.usedMicro)],
    ['left', showMicro(row.leftMicro)],
    ['lent', showMicro(row.lentMicro)],
    ['owed', showMicro(row.owedMicro)],
    ['spent in all', showMicro(row.totalMicro)],
    ['window began', row.window === 'life' ? '–' : showInstant(row.windowStart)],
    ['next window', nextOf(row)],
  ],
  example: '`tender budget create team-a --window hour --amount 100`',
};

function cells(row: BudgetView): string[] {
  const amounts = [row.amountMicro, row.usedMicro, row.leftMicro, row.lentMicro, row.owedMicro, row.totalMicro];
  return [row.window, ...amounts.map(showMicro), nextOf(row)];
}

function nextOf({ nextWindowAt }: BudgetView): string {
  return nextWindowAt === undefined ? 'never' : `in ${showLeft(nextWindowAt - Date.now())}`;
}

/** Children behind their parents, with how deep they are. */
function treeOf(rows: readonly BudgetView[]): [depth: number, row: BudgetView][] {
  const known = new Set(rows.map((row) => row.id));
  const under = (parent: string | undefined, depth: number): [number, BudgetView][] =>
    rows
      .filter((row) => (row.parent !== undefined && known.has(row.parent) ? row.parent : undefined) === parent)
      .flatMap((row) => [[depth, row] as [number, BudgetView], ...under(row.id, depth + 1)]);
  return under(undefined, 0);
}

const amount: Setting<keyof BudgetSpec> = {
  field: 'amountMicro',
  flags: '--amount <credits>',
  what: 'what may be spent in each window',
  parse: credits,
};
const figures: readonly Setting<keyof BudgetSpec>[] = (
  [
    ['keepPermille', '--keep <share>', 'of what a window leaves, for the next one on top', percent(0, 1000)],
    ['carryCapMicro', '--carry-cap <credits>', 'the most that is kept so', credits],
    ['borrowMicro', '--borrow <credits>', 'the most that it may owe idle siblings in a window', credits],
    ['lendPermille', '--lend <share>', 'of its allowance that siblings may borrow while it is idle', percent(0, 1000)],
  ] as const
).map(([field, flags, what, parse]) => ({ field, flags, what, parse }));

interface CreateFlags extends Flags {
  readonly window: BudgetSpec['window'];
  readonly parent?: string;
}

export function addBudgetCommands(program: Command): void {
  const budget = program
    .command('budget')
    .description('open budgets, change what they allow, see what is left')
    .addHelpText('after', WHERE);
  addSettings(budget.command('create').argument('<id>', 'its name', id), figures)
    .description('open a budget; `tender account set <id> --budget <budget>` makes an account spend from it')
    .requiredOption(
      '--window <window>',
      `${budgetWindows.join(', ')} (a project’s, which never turns)`,
      oneOf(budgetWindows),
    )
    .requiredOption(amount.flags, amount.what, credits)
    .option('--parent <id>', 'the budget that caps this one and its siblings together', id)
    .addOption(output())
    .action(async (name: string, flags: CreateFlags) => {
      process.exitCode = await createBudget(cliConfig(), name, flags);
    });
  addSettings(budget.command('set').argument('<id>', 'its name', id), [amount, ...figures])
    .description('change what is named, leave the rest: what was spent in this window stays spent')
    .addOption(output())
    .action(async (name: string, flags: Flags) => {
      process.exitCode = await setBudget(cliConfig(), name, flags);
    });
  addReadings(budget, budgets, id, 'all budgets, each under its parent, and what is left of them');
}

function createBudget(config: CliConfig, name: string, flags: CreateFlags): Promise<number> {
  const { window, parent } = flags;
  const spec = fitting(budgetSpec, {
    id: name,
    window,
    ...settingsIn(flags, [amount, ...figures]),
    ...(parent === undefined ? {} : { parent }),
  });
  return asOperator(config, async (operator) => {
    await mustBeNew(operator, config.market, budgets, name);
    const answer = await operator.openBudget(spec);
    if (!answer.ok) throw refusedByBank(answer, config.market);
    return told(operator, config, budgets, name, { output: flags.output });
  });
}

function setBudget(config: CliConfig, name: string, flags: Flags): Promise<number> {
  const set = settingsIn(flags, [amount, ...figures]);
  if (Object.keys(set).length === 0) throw new UsageError('Nothing to change: `tender budget set --help`.');
  return asOperator(config, async (operator) => {
    const before = await present(operator, config.market, budgets, name);
    const answer = await operator.openBudget(fitting(budgetSpec, { ...settable(budgetSpec, before), ...set }));
    if (!answer.ok) throw refusedByBank(answer, config.market);
    return told(operator, config, budgets, name, { output: flags.output, before });
  });
}
