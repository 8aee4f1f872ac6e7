// bucket: what a bucket has and costs just now, for whoever asks; and all of it, as operators set it.
import { advance, type Bucket, MAX_MICRO, parseMicro, readUse, TOKEN, type Tokens } from '@tender/credits';
import { marketKey, runScript } from '@tender/credits/redis';
import {
  type BankRequest,
  type BankResult,
  type BucketRow,
  type BucketView,
  beyondReach,
  expectedTakeMs,
  goingCost,
  imaginedTake,
  noiseFor,
  rankOf,
  readBucket,
  refusal,
  type TakeAsker,
} from '@tender/market';
import { marketScripts } from '@tender/market/redis';
import type { Asked, Bank } from '../bank.js';
import { type Outcome, ok } from '../outcome.js';
import type { AdminDone, AdminRequested } from './admin-done.js';
import { keyed } from './keyed.js';
import { neverThere } from './not-taken.js';
import { refused } from './refused.js';
import { accountSpokenFor } from './speaks-for.js';

/** An operator's: opens a bucket, or changes one. */
export async function setBucket(bank: Bank, by: string, request: AdminRequested<'bucket'>): Promise<AdminDone> {
  const { bucket } = request;
  const input = { ...keyed('bucket', by, request), bucket };
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
  const beyond = Object.entries(beyondReach(asker.bucket, amounts, asker));
  if (beyond.length > 0) {
    const most = beyond.map(([limit, amount]) => `${amount} of ${limit}`).join(' and ');
    return neverThere(`so much can never be had at once: at most ${most}`);
  }
  return ok({ ...view, quote: quoteOf(bank, { ...asker, bucket: asker.bucket }, amounts, body.maxPriceMicro) });
}

/** For how much, how soon and how likely; the latter where a price is named, and clearings are known here. */
function quoteOf(
  { prices, tokens }: Bank,
  asker: Asker & { readonly bucket: Bucket },
  amounts: Tokens,
  maxPriceMicro: string | undefined,
): NonNullable<BucketView['quote']> {
  const { bucket: known, at } = asker;
  const most = maxPriceMicro === undefined ? undefined : parseMicro(maxPriceMicro)!;
  const rank = rankOf(known, amounts, asker, most, at);
  const ahead = tokens.ahead(known.id, rank ?? { rate: 0, system: asker.class === 'system' });
  const quote = {
    // No bid can offer more.
    priceMicro: String(Math.min(MAX_MICRO, goingCost(known, amounts, asker, at))),
    noisePermille: noiseFor(known, asker, at),
    startInMs: expectedTakeMs(known, amounts, asker, ahead, at),
  };
  if (most === undefined) return quote;
  // Less than the reserve prices: refused for certain, and no forecast.
  if (rank === undefined) return { ...quote, winProbability: 0 };
  const winProbability = prices.forecastTake(known, imaginedTake(known, amounts, asker, rank, at), ahead, at);
  return winProbability === undefined ? quote : { ...quote, winProbability };
}

interface Asker extends TakeAsker {
  readonly bucket?: Bucket | undefined;
  readonly at: number;
}

/** A bucket brought to now, and how it looks to an account of this class and these recent takings. */
async function read(bank: Bank, id: string, agent?: string): Promise<Asker> {
  const reply = await runScript(bank.redis, marketScripts.bucketView, bank.meta, { bucket: id, agent });
  const { at, fields, class: cls = 'standard', use } = reply;
  if (fields === undefined) return { at, class: cls };
  const known = readBucket(id, fields);
  advance(known, at);
  return { bucket: known, at, class: cls, use: readUse(use) };
}

function viewOf({ id, account, spec, limits, factor, pausedUntil, spotPermille }: Bucket, at: number): BucketView {
  return {
    bucket: id,
    account,
    rule: spec.rule,
    limits: limits.map(({ name, capacity, refillMilli, reserve, price, level }) => ({
      name,
      capacity,
      refillPerSecond: refillMilli / 1000,
      reserve,
      priceMicro: String(price),
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
