// quote: what a pool has and asks, when and how likely a bid would win in it, and what was paid there of late.
import { type Account, noisePermille, parseMicro, readUse, recentUse } from '@tender/credits';
import { type BankRequest, type BankResult, expectedStartMs, refusal } from '@tender/market';
import type { Asked, Bank } from '../bank.js';
import { type Outcome, ok } from '../outcome.js';
import { accountSpokenFor } from './speaks-for.js';

type Body = BankRequest<'quote'>;
type PoolRecord = NonNullable<Awaited<ReturnType<Bank['reader']['pool']>>>;

export async function quote(bank: Bank, asked: Asked<Body>): Promise<Outcome<BankResult<'quote'>>> {
  const { sender, body } = asked;
  const { pool, history } = body;
  const { reader, prices } = bank;
  const [record, free, nowMs] = await Promise.all([reader.pool(pool), reader.freeCount(pool), reader.clock()]);
  if (record === undefined) return refusal('unknown', `there is no pool ${pool}`);
  const noisy = record.noiseMaxPermille > 1000;
  const { agent = sender } = body;
  // A stranger, an operator for instance, may ask in its own name; who asks for another must be its host.
  const found = noisy || body.priceMicro !== undefined ? await accountSpokenFor(bank, sender, agent) : undefined;
  if (found?.ok === false && agent !== sender) return found;
  const account = found?.ok === true ? found.result : undefined;
  const winProbability = chanceOf(bank, agent, account, record, body, nowMs);
  const points = prices.awards(pool);
  const { units = 1 } = body;
  const startInMs = expectedStartMs(points, { nowMs, free, units, winProbability: winProbability ?? 1 });
  return ok({
    pool,
    seller: record.seller,
    slots: record.slots,
    free,
    reserve: record.reserve,
    reservePriceMicro: record.reservePriceMicro,
    spotMicro: record.spotMicro ?? record.reservePriceMicro,
    spotDurationMs: record.spotDurationMs ?? 0,
    noisePermille: noisy ? await noiseOf(bank, pool, record, account?.owner ?? agent, nowMs) : 1000,
    ...(startInMs === undefined ? {} : { startInMs }),
    ...(winProbability === undefined ? {} : { winProbability }),
    ...(history === undefined
      ? {}
      : {
          history: points
            .slice(0, history)
            .map(({ at, price, durationMs, sold }) => ({ at, priceMicro: String(price), durationMs, units: sold })),
        }),
  });
}

/**
 * How likely the bid is to win in the pool's next award; undefined where nobody asks, or no award is known. What cannot
 * win (below the reserve price, more units than there are, none but the priority reserve's) is 0, and no forecast.
 */
function chanceOf(
  { prices }: Bank,
  bidder: string,
  account: Account | undefined,
  record: PoolRecord,
  { pool, priceMicro, units = 1, durationMs }: Body,
  nowMs: number,
): number | undefined {
  if (priceMicro === undefined) return undefined;
  const price = parseMicro(priceMicro)!;
  if (units > record.slots || price < Number(record.reservePriceMicro)) return 0;
  const forMs = durationMs ?? record.spotDurationMs;
  if (forMs === undefined) return undefined;
  const system = account?.class === 'system';
  return prices.forecastBid(pool, { participant: bidder, price, durationMs: forMs, units, system }, nowMs);
}

/** By what the asker's own purchases of late multiply a clearing price: what the award script would take. */
async function noiseOf(bank: Bank, pool: string, record: PoolRecord, who: string, nowMs: number): Promise<number> {
  const { noiseMaxPermille, noiseWindowMs, slots } = record;
  const usage = recentUse(readUse(await bank.reader.bought(pool, who)), noiseWindowMs, nowMs);
  return noisePermille(usage, slots * noiseWindowMs, noiseMaxPermille);
}
