// `tender pool`: slots that are sold, their priority reserve, prices and rules.
import { type PoolRow, type PoolSpec, poolSpec, sealKinds } from '@tender/market';
import { type Command, Option } from 'commander';
import { asOperator, refusedByBank } from './as-operator.js';
import { type CliConfig, cliConfig, UsageError } from './config.js';
import { whole } from './house-flags.js';
import { factsOf, type Kind, mustBeNew, present, showList, shown, showOne, told } from './listing.js';
import { type Flags, output, type WatchFlags, WHERE, watch } from './operator-flags.js';
import { poolWithHistory } from './pool-history.js';
import {
  credits,
  dottedId,
  duration,
  factor,
  id,
  oneOf,
  percent,
  showDuration,
  showFactor,
  showMicro,
  showPercent,
} from './quantities.js';
import { addSettings, type Setting, settingsIn } from './settings.js';
import { fitting, settable } from './spec-fit.js';

const ownerMax = (row: PoolRow) => (row.ownerMax === 0 ? 'any' : String(row.ownerMax));

export const pools: Kind<PoolRow> = {
  one: 'pool',
  of: 'pools',
  rowsIn: (answer) => answer.pools,
  head: ['POOL', 'SLOTS', 'FREE', 'RESERVE', 'STANDARD', 'SPOT', 'RESERVE PRICE', 'SELLER', 'ACCOUNT'],
  lines: (rows) =>
    rows.map((row) => [
      ...[row.pool, String(row.slots), String(row.free), reserveOf(row), String(row.standardHeld), spotOf(row)],
      ...[showMicro(row.reservePriceMicro), row.seller, row.account],
    ]),
  settings: (row) => [
    ['account', row.account],
    ['seller', row.seller],
    ['slots', String(row.slots)],
    ['reserve', String(row.reserve)],
    ['reserve price', showMicro(row.reservePriceMicro)],
    ['seals', row.seals.join(',')],
    ['max terms', String(row.maxTerms)],
    ['grace', showDuration(row.graceMs)],
    ['idle', showDuration(row.idleMs)],
    ['compensation', showPercent(row.compensationPermille)],
    ['lend', row.lendMs === 0 ? 'never' : showDuration(row.lendMs)],
    ['noise max', showFactor(row.noiseMaxPermille)],
    ['noise window', showDuration(row.noiseWindowMs)],
    ['owner max', ownerMax(row)],
  ],
  state: (row) => [
    ['free', String(row.free)],
    ['held by standard', String(row.standardHeld)],
    ['spot price', spotOf(row)],
  ],
  example: '`tender pool create gpu --account till --seller steward --slots 8`',
};

/** `4`, or `4, lends`: whether idle slots of it may be lent. */
function reserveOf({ reserve, lendMs }: PoolRow): string {
  return lendMs === 0 || reserve === 0 ? String(reserve) : `${reserve}, lends`;
}

function spotOf({ spotMicro, spotDurationMs }: PoolRow): string {
  if (spotMicro === undefined) return '–';
  return spotDurationMs === undefined
    ? showMicro(spotMicro)
    : `${showMicro(spotMicro)}/${showDuration(spotDurationMs)}`;
}

const DAY_MS = 86_400_000;

const basics: readonly Setting<keyof PoolSpec>[] = [
  { field: 'account', flags: '--account <id>', what: 'the account of kind pool that is paid', parse: id },
  { field: 'seller', flags: '--seller <id>', what: 'the agent that may sell its slots', parse: id },
  { field: 'slots', flags: '--slots <count>', what: 'how many slots it has', parse: whole(1, 4096) },
];

const rules: readonly Setting<keyof PoolSpec>[] = (
  [
    ['reserve', '--reserve <count>', 'slots for accounts of class system alone', whole(0, 4096)],
    [
      'lendMs',
      '--lend <time>',
      'lend idle slots of the reserve for leases up to so long; 0: never',
      duration(0, DAY_MS),
    ],
    ['reservePriceMicro', '--reserve-price <credits>', 'the least that a slot costs for a term', credits],
    ['maxTerms', '--max-terms <count>', 'terms that a lease has at most, the first included', whole(1, 10_000)],
    ['graceMs', '--grace <time>', 'within which a holder says that it runs; 0: nobody asks', duration(0, DAY_MS)],
    ['idleMs', '--idle <time>', 'how long a holder may be silent; 0: nobody asks', duration(0, DAY_MS)],
    [
      'compensationPermille',
      '--compensation <share>',
      'of a term’s price, where slots are taken back',
      percent(0, 1000),
    ],
    [
      'noiseMaxPermille',
      '--noise-max <factor>',
      'how far one’s share raises the price; 1: not at all',
      factor(1000, 100_000),
    ],
    ['noiseWindowMs', '--noise-window <time>', 'how long sales count for that', duration(1000, DAY_MS)],
    ['ownerMax', '--owner-max <count>', 'slots that the agents of one owner hold together; 0: any', whole(0, 4096)],
    ['seals', '--seals <kinds>', `of bids: ${sealKinds.join(', ')}, joined by commas`, sealList],
  ] as const
).map(([field, flags, what, parse]) => ({ field, flags, what, parse }));

function sealList(text: string): readonly string[] {
  return text.split(',').map(oneOf(sealKinds));
}

export function addPoolCommands(program: Command): void {
  const pool = program
    .command('pool')
    .description('open pools of slots, change their prices, rules and reserve, list them')
    .addHelpText('after', WHERE);
  const create = pool.command('create').argument('<id>', 'its name', dottedId).description('open a pool');
  for (const { flags, what, parse } of basics) create.requiredOption(flags, what, parse);
  addSettings(create, rules)
    .addOption(output())
    .action(async (name: string, flags: Flags) => {
      process.exitCode = await createPool(cliConfig(), name, flags);
    });
  addSettings(pool.command('set').argument('<id>', 'its name', dottedId), [...basics, ...rules])
    .description('change what is named, leave the rest; slots are added, never taken away')
    .addOption(output())
    .action(async (name: string, flags: Flags) => {
      process.exitCode = await setPool(cliConfig(), name, flags);
    });
  pool
    .command('get')
    .argument('<id>', 'its name', dottedId)
    .description('all that the bank knows of one')
    .addOption(
      new Option('--history [count]', 'and its last clearing prices, the latest first')
        .preset('10')
        .argParser(whole(1, 256)),
    )
    .addOption(output())
    .addOption(watch())
    .action(async (name: string, flags: WatchFlags & { readonly history?: number }) => {
      process.exitCode = await showPool(cliConfig(), name, flags);
    });
  pool
    .command('list')
    .description('all pools, what is free and what it costs')
    .addOption(output())
    .addOption(watch())
    .action(async (flags: WatchFlags) => {
      process.exitCode = await showList(cliConfig(), pools, flags);
    });
}

function showPool(config: CliConfig, name: string, flags: WatchFlags & { readonly history?: number }): Promise<number> {
  const { history: count } = flags;
  if (count === undefined) return showOne(config, pools, name, flags);
  const text = (row: PoolRow) => factsOf(pools, name, row);
  return shown(config, flags, (operator) => poolWithHistory(operator, config, pools, { pool: name, count, text }));
}

function createPool(config: CliConfig, name: string, flags: Flags): Promise<number> {
  const spec = fitting(poolSpec, { pool: name, ...settingsIn(flags, [...basics, ...rules]) });
  return asOperator(config, async (operator) => {
    await mustBeNew(operator, config.market, pools, name);
    const answer = await operator.openPool(spec);
    if (!answer.ok) throw refusedByBank(answer, config.market);
    return told(operator, config, pools, name, { output: flags.output });
  });
}

function setPool(config: CliConfig, name: string, flags: Flags): Promise<number> {
  const set = settingsIn(flags, [...basics, ...rules]);
  if (Object.keys(set).length === 0) throw new UsageError('Nothing to change: `tender pool set --help`.');
  return asOperator(config, async (operator) => {
    const before = await present(operator, config.market, pools, name);
    const answer = await operator.openPool(fitting(poolSpec, { ...settable(poolSpec, before), ...set }));
    if (!answer.ok) throw refusedByBank(answer, config.market);
    return told(operator, config, pools, name, { output: flags.output, before });
  });
}
