// `tender bucket`: an upstream's rate limits, sold as tokens.
import { type BucketSpec, bucketHears, bucketRules, bucketSpec } from '@tender/credits';
import type { BucketRow } from '@tender/market';
import type { Command } from 'commander';
import { asOperator, refusedByBank } from './as-operator.js';
import { type Limit, showLimit, type TypedLimit, typedLimit } from './bucket-limit.js';
import { type CliConfig, cliConfig, UsageError } from './config.js';
import { type Kind, mustBeNew, present, told } from './listing.js';
import { type Flags, output, WHERE } from './operator-flags.js';
import {
  dottedId,
  duration,
  factor,
  id,
  oneOf,
  percent,
  showDuration,
  showFactor,
  showLeft,
  showMicro,
  showPercent,
} from './quantities.js';
import { addReadings } from './readings.js';
import { addSettings, type Setting, settingsIn } from './settings.js';
import { fitting, settable } from './spec-fit.js';

export const buckets: Kind<BucketRow> = {
  one: 'bucket',
  of: 'buckets',
  rowsIn: (answer) => answer.buckets,
  head: ['BUCKET', 'LIMIT', 'LEVEL', 'CAPACITY', 'PER SECOND', 'RESERVE', 'PRICE', 'FLOWS', 'RATE', 'ACCOUNT'],
  lines: (rows) =>
    rows.flatMap((row) =>
      row.limits.map((limit) => [
        ...[row.bucket, limit.name, String(limit.level), String(limit.capacity), String(limit.refillPerSecond)],
        ...[String(limit.reserve), showMicro(limit.priceMicro), flowOf(row), showFactor(row.spotPermille), row.account],
      ]),
    ),
  settings: (row) => [
    ['account', row.account],
    ...row.limits.map((limit) => [limit.name, showLimit(limit)] as const),
    ['rule', row.rule],
    ['lend after', row.lendAfterMs === 0 ? 'never' : showDuration(row.lendAfterMs)],
    ['noise max', showFactor(row.noiseMaxPermille)],
    ['noise window', showDuration(row.noiseWindowMs)],
    ['owner max', showPercent(row.ownerMaxPermille)],
    ['max ttl', showDuration(row.maxTtlMs)],
    ['decrease', showPercent(row.decreasePermille)],
    ['back off', showDuration(row.backOffMs)],
    ['increase', showPercent(row.increasePermille)],
    ['least', showPercent(row.leastPermille)],
    ['max pause', showDuration(row.maxPauseMs)],
    ['hears', row.hears],
  ],
  state: (row) => [
    ...row.limits.map(({ name, level }) => [`${name} there`, String(level)] as const),
    ['flows', flowOf(row)],
    ['rate', showFactor(row.spotPermille)],
  ],
  example: '`tender bucket create api.model --account till --limit requests=60/60s`',
};

/** How much of the refill flows, or for how long nothing is given: what the upstream's 429s led to. */
function flowOf({ factorPermille, pausedUntil }: BucketRow): string {
  if (pausedUntil === undefined) return showPercent(factorPermille);
  return `paused, ${showLeft(pausedUntil - Date.now())}`;
}

const DAY_MS = 86_400_000;
const account: Setting<keyof BucketSpec> = {
  field: 'account',
  flags: '--account <id>',
  what: 'the account of kind pool that is paid',
  parse: id,
};
const rules: readonly Setting<keyof BucketSpec>[] = (
  [
    ['rule', '--rule <rule>', `how scarce tokens are given: ${bucketRules.join(', ')}`, oneOf(bucketRules)],
    [
      'lendAfterMs',
      '--lend-after <time>',
      'lend the reserve while no system account took for so long',
      duration(0, DAY_MS),
    ],
    [
      'noiseMaxPermille',
      '--noise-max <factor>',
      'how far one’s share raises the price; 1: not at all',
      factor(1000, 100_000),
    ],
    ['noiseWindowMs', '--noise-window <time>', 'how long takings count for that', duration(1000, DAY_MS)],
    ['ownerMaxPermille', '--owner-max <share>', 'of the refill, for the agents of one owner', percent(1, 1000)],
    ['maxTtlMs', '--max-ttl <time>', 'how long tokens are held at most', duration(100, 3_600_000)],
    ['decreasePermille', '--decrease <share>', 'of the refill that is left after a 429', percent(100, 1000)],
    ['backOffMs', '--back-off <time>', 'one decrease in so long at most', duration(100, 600_000)],
    ['increasePermille', '--increase <share>', 'of the refill that comes back every second', percent(0, 1000)],
    ['leastPermille', '--least <share>', 'of the refill that always flows', percent(1, 1000)],
    ['maxPauseMs', '--max-pause <time>', 'how long one Retry-After pauses it at most', duration(0, 600_000)],
    ['hears', '--hears <class>', 'whose word about 429s counts: all, system', oneOf(bucketHears)],
  ] as const
).map(([field, flags, what, parse]) => ({ field, flags, what, parse }));

const LIMIT = '--limit <limit>';
const LIMIT_SAYS = 'requests=60/60s,reserve=6,price=0.001: count per time, credits per token; again for each limit';

interface LimitFlags extends Flags {
  readonly limit?: readonly TypedLimit[];
  readonly drop?: readonly string[];
}

export function addBucketCommands(program: Command): void {
  const bucket = program
    .command('bucket')
    .description('open buckets of rate tokens, change their limits and rules, list them')
    .addHelpText('after', WHERE);
  addSettings(bucket.command('create').argument('<id>', 'its name', dottedId), rules)
    .description('open a bucket')
    .requiredOption(account.flags, account.what, id)
    .requiredOption(LIMIT, LIMIT_SAYS, typedLimit)
    .addOption(output())
    .action(async (name: string, flags: LimitFlags) => {
      process.exitCode = await createBucket(cliConfig(), name, flags);
    });
  addSettings(bucket.command('set').argument('<id>', 'its name', dottedId), [account, ...rules])
    .description('change what is named, leave the rest: what was taken stays taken')
    .option(LIMIT, 'requests=90/60s or requests,price=0.002: what is not said of a limit stays', typedLimit)
    .option('--drop <names>', 'limits that the upstream has no more, joined by commas', (text) =>
      text.split(',').map(id),
    )
    .addOption(output())
    .action(async (name: string, flags: LimitFlags) => {
      process.exitCode = await setBucket(cliConfig(), name, flags);
    });
  addReadings(bucket, buckets, dottedId, 'all buckets, a line for each limit: what is there and what it costs');
}

function createBucket(config: CliConfig, name: string, flags: LimitFlags): Promise<number> {
  const limits = (flags.limit ?? []).map(whole);
  const spec = fitting(bucketSpec, { bucket: name, limits, ...settingsIn(flags, [account, ...rules]) });
  return asOperator(config, async (operator) => {
    await mustBeNew(operator, config.market, buckets, name);
    const answer = await operator.openBucket(spec);
    if (!answer.ok) throw refusedByBank(answer, config.market);
    return told(operator, config, buckets, name, { output: flags.output });
  });
}

/** A new limit says how much flows. */
function whole(limit: TypedLimit): TypedLimit {
  if (limit.refillPerSecond !== undefined) return limit;
  throw new UsageError(`--limit ${limit.name}: say how much flows, ${limit.name}=60/60s for instance.`);
}

function setBucket(config: CliConfig, name: string, flags: LimitFlags): Promise<number> {
  const set = settingsIn(flags, [account, ...rules]);
  const { limit: typed = [], drop = [] } = flags;
  if (Object.keys(set).length + typed.length + drop.length === 0)
    throw new UsageError('Nothing to change: `tender bucket set --help`.');
  return asOperator(config, async (operator) => {
    const before = await present(operator, config.market, buckets, name);
    const unknown = drop.find((name) => !before.limits.some((limit) => limit.name === name));
    if (unknown !== undefined) throw new UsageError(`--drop ${unknown}: the bucket ${name} has no such limit.`);
    const limits = merged(before.limits, typed).filter((limit) => !drop.includes(limit.name));
    const answer = await operator.openBucket(fitting(bucketSpec, { ...settable(bucketSpec, before), ...set, limits }));
    if (!answer.ok) throw refusedByBank(answer, config.market);
    return told(operator, config, buckets, name, { output: flags.output, before });
  });
}

function merged(limits: BucketRow['limits'], typed: readonly TypedLimit[]): TypedLimit[] {
  const kept = limits.map(({ level: _level, ...limit }): Limit => {
    return { ...limit, ...typed.find(({ name }) => name === limit.name) };
  });
  const known = new Set(limits.map(({ name }) => name));
  return [...kept, ...typed.filter(({ name }) => !known.has(name)).map(whole)];
}
