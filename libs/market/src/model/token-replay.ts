// Replay of rate tokens: what the journal says was taken, given back and sold; decisions are the entry's, consequences the model's.
import { costOf, unitPrice } from '@tender/credits';
import { byLimit, openBucket, tokensIn } from './bucket.js';
import type { MarketState } from './market-state.js';
import type { TakeEntry, TokenEntry } from './token-journal.js';
import { type HoldState, paymentId } from './tokens-record.js';
import { commitOffer, commitPurchase } from './tokens-resale.js';
import { commitExpiry, commitReturn } from './tokens-return.js';
import { commitTake } from './tokens-take.js';

/** Does the entry's change; returns in words where it does not fit what came before, else undefined. */
export function replayTokens(market: MarketState, entry: TokenEntry): string | undefined {
  switch (entry.kind) {
    case 'open-bucket': {
      const answer = openBucket(market, entry.bucket, entry.at);
      return answer.ok ? undefined : `open-bucket ${entry.bucket.bucket}: by the rules ${answer.detail}`;
    }
    case 'take':
      return replayTake(market, entry);
    case 'return': {
      const hold = heldOf(market, entry.hold);
      const atWork = atWorkIn(hold, entry.kind);
      const { paid, extra, used } = commitReturn(market, hold, { ...entry, upstream: entry.upstream }, entry.at);
      forget(market, hold);
      const same = paid === entry.paid && extra === entry.extra && sameAmounts(used, entry.used);
      if (same) return atWork;
      return `return ${entry.hold}: ${entry.paid} and ${entry.extra} paid, by the rules ${paid} and ${extra}`;
    }
    case 'offer-tokens': {
      const hold = heldOf(market, entry.hold);
      commitOffer(market, hold, entry, entry.at);
      return atWorkIn(hold, entry.kind);
    }
    case 'buy-tokens': {
      const known = market.holds.has(entry.hold);
      const seller = heldOf(market, entry.of);
      const atWork = atWorkIn(seller, entry.kind);
      const { offer, taken } = seller;
      const agreed =
        offer?.to === entry.agent && offer.price === entry.price && sameAmounts(offer.amounts, entry.amounts);
      commitPurchase(market, seller, entry);
      forget(market, seller);
      if (known) return `buy-tokens ${entry.hold}: the hold is known and has not ended`;
      return agreed && entry.expiresAt === taken.expiresAt && entry.bucket === taken.bucket
        ? atWork
        : `buy-tokens ${entry.hold}: ${entry.of} was not offered to ${entry.agent} like this`;
    }
    case 'expire-hold': {
      const hold = heldOf(market, entry.hold);
      const due = entry.at >= hold.taken.expiresAt;
      const paid = commitExpiry(market, hold, entry.at);
      forget(market, hold);
      return due && paid === entry.paid
        ? undefined
        : `expire-hold ${entry.hold}: ${entry.paid} paid at ${entry.at}, by the rules ${paid} at ${hold.taken.expiresAt}`;
    }
  }
}

function heldOf(market: MarketState, id: string): HoldState {
  const hold = market.holds.get(id);
  if (hold?.state !== 'held') throw new Error(`hold ${id} is ${hold?.state ?? 'unknown'}, not held`);
  return hold;
}

/** Whose work has the tokens, so that they could not be given back or sold; undefined where they could. */
function atWorkIn({ taken, tasks }: HoldState, what: TokenEntry['kind']): string | undefined {
  return tasks && `${what} ${taken.hold}: the work of ${tasks.join(', ')} has its tokens`;
}

/** What has ended is not needed any more; the scripts remember it for ten minutes, to answer who asks again. */
function forget(market: MarketState, { taken, state }: HoldState): void {
  if (state === 'held') return;
  market.holds.delete(taken.hold);
  for (const id of [paymentId(taken.hold), `${taken.hold}.o`, `${taken.hold}.s`]) market.ledger.forget(id);
}

function replayTake(market: MarketState, entry: TakeEntry): string | undefined {
  const known = market.holds.has(entry.hold);
  const wanted = priceOf(market, entry);
  const { taken } = commitTake(market, { ...entry, budgets: undefined });
  if (known) return `take ${entry.hold}: the hold is known and has not ended`;
  if (taken.kind === 'take' && taken.budgets !== entry.budgets) {
    return `take ${entry.hold}: charged to ${entry.budgets}, by the rules ${taken.budgets}`;
  }
  if (wanted !== entry.amountMicro) {
    return `take ${entry.hold}: costs ${entry.amountMicro}, by the rules ${wanted}`;
  }
  const left = tokensIn(market.buckets.get(entry.bucket)!);
  return entry.left === undefined || sameAmounts(entry.left, left)
    ? undefined
    : `take ${entry.hold}: leaves ${JSON.stringify(entry.left)}, by the rules ${JSON.stringify(left)}`;
}

/** What a take costs at its rate and noise; or the price of a limit that is not what the rules give. */
function priceOf(market: MarketState, entry: TakeEntry): string {
  const bucket = market.buckets.get(entry.bucket);
  if (bucket === undefined) throw new Error(`there is no bucket ${entry.bucket}`);
  const { ratePermille: rate, noisePermille: noise, unitsMicro, maxPrice } = entry;
  for (const { name, price } of bucket.limits) {
    const unit = String(unitPrice(price, rate, noise));
    if ((unitsMicro[name] ?? unit) !== unit) return `${unit} per token of ${name}`;
  }
  return String(Math.min(maxPrice, costOf(bucket, byLimit(bucket, entry.amounts), rate, noise)));
}

function sameAmounts(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): boolean {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((name) => a[name] === b[name]);
}
