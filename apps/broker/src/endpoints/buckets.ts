// bucket: what a bucket has and costs just now, for whoever asks; and all of it, as operators set it.
import {
  type AccountClass,
  advance,
  type Bucket,
  costOf,
  floorOf,
  MAX_MICRO,
  mostOf,
  noisePermille,
  offeredRate,
  parseMicro,
  readUse,
  recentUse,
  spareTokens,
  TOKEN,
  type Tokens,
  WHOLE_WINDOW,
  waitMsFor,
} from '@tender/credits';
import { bodyDigest, marketKey, runScript } from '@tender/credits/redis';
import {
  type BankRequest,
  type BankResult,
  type BucketRow,
  type BucketView,
  readBucket,
  refusal,
} from '@tender/market';
import { marketScripts } from '@tender/market/redis';
import type { Asked, Bank } from '../bank.js';
import { type Outcome, ok } from '../outcome.js';
import type { AdminDone, AdminRequested } from './admin-done.js';
import { refused } from './calls.js';
import { neverThere } from './not-taken.js';
import { accountSpokenFor } from './speaks-for.js';

/** An operator's: opens a bucket, or changes one. */
export async function setBucket(bank: Bank, by: string, request: AdminRequested<'bucket'>): Promise<AdminDone> {
  const { key, bucket } = request;
  const input = { by, key, digest: bodyDigest('bucket', request), bucket };
  const reply = await runScript(bank.redis, marketScripts.openBucket, bank.meta, input);
  if (!reply.ok) return refused(bank, reply);
  // Who waits may fit into what there is now.
  bank.tokens.stir(bucket.bucket);
  return ok({ status: 'done' });
}

/** All buckets in the order of their names, or the one named; none where there is none of that name. */
export async function bucketRows(bank: Bank, id?: string): Promise<BucketRow[]> {
  const ids = id === undefined ? await bank.redis.smembers(marketKey(bank.market, 'buckets')) : [id];
  const replies = await Promise.all(ids.sort().map((bucket) => read(bank, bucket)));
  return replies.flatMap(({ bucket, at }) => {
    if (bucket === undefined) return [];
    const { rule: _, ...spec } = bucket.spec;
    return [{ ...viewOf(bucket, at), ...spec }];
  });
}

export async function bucket(bank: Bank, asked: Asked<BankRequest<'bucket'>>): Promise<Outcome<BankResult<'bucket'>>> {
  const { sender, body } = asked;
  if (body.agent !== undefined) {
    const found = await accountSpokenFor(bank, sender, body.agent);
    if (!found.ok) return found;
  }
  const asker = await read(bank, body.bucket, body.agent ?? sender);
  if (asker.bucket === undefined) return refusal('unknown', `there is no bucket ${body.bucket}`);
  const view = viewOf(asker.bucket, asker.at);
  if (body.amounts === undefined) return ok(view);
  const amounts = amountsOf(asker.bucket, body.amounts);
  if (amounts === undefined) return refusal('malformed', `amounts: limits of ${body.bucket} are ${namesOf(view)}`);
  const beyond = asker.bucket.limits.find((limit, n) => amounts[n]! > mostOf(asker.bucket!, limit, asker.class));
  if (beyond !== undefined) {
    const most = mostOf(asker.bucket, beyond, asker.class);
    return neverThere(`of ${beyond.name} at most ${most} can ever be had at once`);
  }
  const winProbability = chanceOf(bank, asker.bucket, asker, amounts, body.maxPriceMicro);
  const quote = quoteOf({ ...asker, bucket: asker.bucket }, amounts);
  return ok({ ...view, quote: winProbability === undefined ? quote : { ...quote, winProbability } });
}

/** How likely such a take is to be served in the next clearing; undefined where nobody asks, or none is known here. */
function chanceOf(
  { prices }: Bank,
  known: Bucket,
  { class: cls, noise }: Asker,
  amounts: Tokens,
  maxPriceMicro: string | undefined,
): number | undefined {
  if (maxPriceMicro === undefined) return undefined;
  const rate = offeredRate(known, amounts, parseMicro(maxPriceMicro)!, noise);
  // Less than the reserve prices: refused for certain, and no forecast.
  if (rate === undefined) return 0;
  return prices.forecastTake(known.id, { rate, system: cls === 'system' }, Date.now());
}

interface Asker {
  readonly bucket?: Bucket | undefined;
  readonly at: number;
  readonly class: AccountClass;
  readonly noise: number;
}

/** A bucket brought to now, and how it looks to an account of this class and these recent takings. */
async function read(bank: Bank, id: string, agent?: string): Promise<Asker> {
  const reply = await runScript(bank.redis, marketScripts.bucketView, bank.meta, { bucket: id, agent });
  const { at, fields, class: cls = 'standard', use } = reply;
  if (fields === undefined) return { at, class: cls, noise: 1000 };
  const known = readBucket(id, fields);
  advance(known, at);
  const { noiseWindowMs, noiseMaxPermille } = known.spec;
  const noise = noisePermille(recentUse(readUse(use), noiseWindowMs, at), WHOLE_WINDOW, noiseMaxPermille);
  return { bucket: known, at, class: cls, noise };
}

function viewOf({ id, account, spec, limits, factor, pausedUntil, spotPermille }: Bucket, at: number): BucketView {
  return {
    bucket: id,
    account,
    rule: spec.rule,
    limits: limits.map(({ name, capacity, refillMilli, reserve, price, level }) => ({
      ...{ name, capacity, refillPerSecond: refillMilli / 1000, reserve, priceMicro: String(price) },
      level: Math.floor(level / TOKEN),
    })),
    factorPermille: factor,
    ...(pausedUntil > at ? { pausedUntil } : {}),
    spotPermille,
  };
}

/** By the bucket's limits; undefined where one is named that it has not. */
function amountsOf({ limits }: Bucket, named: Readonly<Record<string, number>>): Tokens | undefined {
  const known = new Set(limits.map(({ name }) => name));
  if (Object.keys(named).some((name) => !known.has(name))) return undefined;
  return limits.map(({ name }) => named[name] ?? 0);
}

function namesOf({ limits }: BucketView): string {
  return limits.map(({ name }) => name).join(', ');
}

/** At the last clearing rate while tokens were scarce of late, at the reserve price where they were not. */
function quoteOf({ bucket: known, at, class: cls, noise }: Asker & { bucket: Bucket }, amounts: Tokens) {
  const scarce = known.scarceAt > 0 && at - known.scarceAt < known.spec.noiseWindowMs;
  const price = costOf(known, amounts, scarce ? known.spotPermille : 1000, noise);
  const spare = spareTokens(known, cls, at);
  const there = known.pausedUntil <= at && amounts.every((amount, n) => amount === 0 || amount <= spare[n]!);
  const needs = known.limits.map((limit, n) => (amounts[n] === 0 ? 0 : amounts[n]! + floorOf(known, limit, cls, at)));
  return {
    // No bid can offer more.
    priceMicro: String(Math.min(MAX_MICRO, price)),
    noisePermille: noise,
    startInMs: there ? 0 : waitMsFor(known, needs, at),
  };
}
