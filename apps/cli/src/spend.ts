// `tender spend`: who spent which credits on what, in the ledger's own sums.
import type { Operator } from '@tender/agent';
import { type SpendAnswer, type SpendKey, type SpendLine, type SpendQuery, spendKeys } from '@tender/market';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { refusedByBank } from './as-operator.js';
import { type CliConfig, cliConfig, UsageError } from './config.js';
import { whole } from './house-flags.js';
import { shown } from './listing.js';
import { WHERE, watch } from './operator-flags.js';
import { dottedId, id, instant, oneOf, plainMicro, showInstant, showMicro } from './quantities.js';
import { showTable } from './table.js';

interface SpendFlags {
  readonly output: 'table' | 'json' | 'csv';
  readonly by: readonly SpendKey[];
  readonly per?: SpendQuery['per'];
  readonly limit?: number;
  readonly watch?: number;
  readonly agent?: string;
  readonly owner?: string;
  readonly project?: string;
  readonly team?: string;
  readonly resource?: string;
  readonly contract?: string;
  readonly from?: number;
  readonly to?: number;
}

type Asking = Partial<SpendQuery>;

/** People look at the dearest; programs get everything. */
const SHOWN_TO_PEOPLE = 50;
const ALL = 10_000_000;
const IN_ONE_ANSWER = 10_000;

export function addSpendCommand(program: Command): void {
  const spend = program
    .command('spend')
    .description('who spent which credits on what, the dearest first; sums agree with the ledger')
    .option('--by <keys>', `joined by commas: ${spendKeys.join(', ')}`, keyList, ['agent'])
    .option('--per <length>', 'by windows of a minute, hour, day, too', oneOf(['minute', 'hour', 'day'] as const));
  for (const label of ['agent', 'owner', 'project', 'team'] as const) {
    spend.option(`--${label} <id>`, `only what is this ${label}’s`, id);
  }
  spend
    .option('--resource <id>', 'only on this pool or bucket', dottedId)
    .option('--contract <id>', 'only for this contract or hold', contractId)
    .option('--from <time>', '2026-11-21T08:00Z, or 2h for two hours ago', instant)
    .option('--to <time>', 'the same; what is paid then or later does not count', instant)
    .option('--limit <count>', `so many lines (default: ${SHOWN_TO_PEOPLE} in a table, else all)`, whole(1, ALL))
    .addOption(new Option('-o, --output <form>', 'what is printed').choices(['table', 'json', 'csv']).default('table'))
    .addOption(watch())
    .addHelpText('after', WHERE)
    .action(async (flags: SpendFlags) => {
      process.exitCode = await spending(cliConfig(), flags);
    });
}

function keyList(text: string): SpendKey[] {
  return [...new Set(text.split(',').map(oneOf(spendKeys)))];
}

function contractId(text: string): string {
  if (/^[a-z0-9][a-z0-9-]{0,63}$/.test(text)) return text;
  throw new InvalidArgumentError(
    'an id of a contract or a hold is needed, as `tender spend --by contract` shows them.',
  );
}

function spending(config: CliConfig, flags: SpendFlags): Promise<number> {
  const { output: form, watch: every, limit = form === 'table' ? SHOWN_TO_PEOPLE : ALL, by, per, ...filters } = flags;
  const keys = per === undefined || by.includes('window') ? [...by] : [...by, 'window' as const];
  if (flags.from !== undefined && flags.to !== undefined && flags.from >= flags.to)
    throw new UsageError(`--from ${showInstant(flags.from)} is not before --to ${showInstant(flags.to)}.`);
  const query: Asking = { ...filters, by: keys, ...(per === undefined ? {} : { per }) };
  const text = (answer: SpendAnswer) => (form === 'csv' ? csvOf(answer, keys) : tableOf(answer, keys, config.market));
  return shown(config, { output: form === 'json' ? 'json' : 'table', watch: every }, async (operator) => {
    const answer = await answered(operator, config.market, query, limit);
    return { json: answer, text: text(answer) };
  });
}

/** As many lines as are wanted; where one message does not hold them, as of one instant all the same. */
async function answered(operator: Operator, market: string, query: Asking, limit: number): Promise<SpendAnswer> {
  const ask = async (more: Asking): Promise<SpendAnswer> => {
    const answer = await operator.spend({ ...query, ...more }, { reading });
    if (!answer.ok) throw refusedByBank(answer, market);
    return answer.spend;
  };
  const first = await ask({ limit: Math.min(limit, IN_ONE_ANSWER) });
  if (first.lines.length >= Math.min(limit, first.linesInAll)) return first;
  const to = Math.min(query.to ?? first.at + 1, first.at + 1);
  const lines: SpendLine[] = [];
  for (;;) {
    const next = await ask({ to, skip: lines.length, limit: Math.min(limit - lines.length, IN_ONE_ANSWER) });
    lines.push(...next.lines);
    if (next.lines.length === 0 || lines.length >= Math.min(limit, next.linesInAll)) return { ...next, lines };
  }
}

function reading(read: number, of: number): void {
  process.stderr.write(`The broker reads the journal: ${read} of ${of} entries …\n`);
}

function tableOf(
  { lines, totalMicro, linesInAll, at }: SpendAnswer,
  keys: readonly SpendKey[],
  market: string,
): string {
  if (linesInAll === 0) return `Nothing was spent in the market ${market}, as far as was asked.`;
  const head = [...keys.map((key) => key.toUpperCase()), 'PAID', 'PAYMENTS', 'WON', 'LOST', 'LOST TO'];
  const rows = lines.map((line) => [
    ...keys.map((key) => shownKey(line, key)),
    ...[showMicro(line.paidMicro), String(line.payments), String(line.won), String(line.lost)],
    line.lostTo.join(' ') || '–',
  ]);
  const left = linesInAll - lines.length;
  const more = left === 0 ? '' : ` ${left} more lines with --limit ${linesInAll}.`;
  return `${showTable(head, rows)}\n\nIn all ${showMicro(totalMicro)} credits, up to ${showInstant(at)}.${more}`;
}

function shownKey(line: SpendLine, key: SpendKey): string {
  const value = line[key];
  if (value === undefined) return '–';
  return typeof value === 'number' ? showInstant(value) : value;
}

/** RFC 4180; nothing needs quotes, since ids have neither commas nor spaces. Amounts in micro-credits and in credits. */
function csvOf({ lines }: SpendAnswer, keys: readonly SpendKey[]): string {
  const head = [...keys, 'paidMicro', 'paidCredits', 'payments', 'won', 'lost', 'lostTo'];
  const rows = lines.map((line) => [
    ...keys.map((key) => (line[key] === undefined ? '' : shownKey(line, key))),
    ...[line.paidMicro, plainMicro(line.paidMicro), line.payments, line.won, line.lost, line.lostTo.join(' ')],
  ]);
  return [head, ...rows].map((cells) => cells.join(',')).join('\r\n');
}
