// Selling tokens on in the model: the rules of offer-tokens.lua and buy-tokens.lua.
import { NO_USE, recentUse } from '@tender/credits';
import type { TokenAmounts } from '../tokens.js';
import { countUse, weightIn } from './bucket.js';
import { type Answer, type Done, refused } from './command.js';
import type { MarketState } from './market-state.js';
import type { BuyEntry } from './token-journal.js';
import type { BuyAsked, Held, NotTaken, OfferAsked } from './tokens-command.js';
import { type HoldState, inHand, paymentId, setAside } from './tokens-record.js';
import { endHold } from './tokens-return.js';
import { heldBefore, notTaken, told } from './tokens-take.js';

export function offerTokens(
  market: MarketState,
  asked: OfferAsked & { readonly by: string },
  nowMs: number,
): Answer<Done['offer-tokens']> {
  const hold = market.hold(asked.hold, nowMs);
  if (hold === undefined) return refused('unknown');
  if (!market.speaksFor(asked.by, hold.taken.agent)) return refused('not-permitted');
  if (!isHeld(hold, nowMs)) return refused('expired');
  if (hold.tasks !== undefined) return refused('not-your-turn');
  const buyer = market.ledger.account(asked.to);
  if (buyer?.kind !== 'agent') return refused('unknown');
  if (asked.to === hold.taken.agent) return refused('not-permitted');
  if (hold.taken.class === 'system' && buyer.class !== 'system') return refused('reserved-for-system');
  const names = Object.keys(asked.amounts);
  if (names.some((name) => hold.taken.amounts[name] === undefined)) return refused('malformed');
  if (names.some((name) => asked.amounts[name]! > inHand(hold, name))) return refused('no-capacity');
  commitOffer(market, hold, asked, nowMs);
  return { ok: true, hold: asked.hold, to: asked.to, priceMicro: String(asked.price) };
}

export function commitOffer(market: MarketState, hold: HoldState, offer: OfferAsked, nowMs: number): void {
  market.ledger.tick(nowMs);
  hold.offer = { to: offer.to, amounts: offer.amounts, price: offer.price };
}

function isHeld({ state, taken }: HoldState, nowMs: number): boolean {
  return state === 'held' && nowMs < taken.expiresAt;
}

/** A purchase is a hold of its own: asked again under the same id, it gets the same answer. */
export function buyTokens(
  market: MarketState,
  asked: BuyAsked,
  nowMs: number,
): ({ readonly ok: true; readonly replayed?: boolean } & Held) | NotTaken {
  const saved = heldBefore(market, asked, nowMs);
  if (saved !== undefined) return saved;
  const account = market.ledger.account(asked.agent);
  if (account?.kind !== 'agent') return notTaken('unknown');
  if (!market.speaksFor(asked.by, asked.agent)) return notTaken('not-permitted');
  if (asked.policy !== market.policyVersion) return notTaken('stale');
  const hold = market.hold(asked.of, nowMs);
  if (hold === undefined) return notTaken('unknown');
  if (asked.seller !== undefined && asked.seller !== hold.taken.agent) return notTaken('stale');
  if (!isHeld(hold, nowMs)) return notTaken('expired');
  const { offer, taken } = hold;
  if (offer?.to !== asked.agent) return notTaken('not-permitted');
  if (asked.barred !== undefined) return notTaken(asked.barred.detail, { rule: asked.barred.rule });
  if (hold.tasks !== undefined) return notTaken('not-your-turn');
  if (Object.keys(taken.amounts).some((name) => offer.amounts[name] !== asked.amounts[name])) return notTaken('stale');
  if (Object.keys(asked.amounts).some((name) => taken.amounts[name] === undefined)) return notTaken('malformed');
  if (taken.class === 'system' && account.class !== 'system') return notTaken('reserved-for-system');
  const who = account.owner ?? account.id;
  const kept = who === taken.who ? undefined : keptByCap(market, taken.bucket, who, asked.amounts, nowMs);
  if (kept !== undefined) return notTaken(kept);
  const { price } = offer;
  if (price > asked.maxPrice) return notTaken('below-reserve-price', { priceMicro: String(price) });
  if (account.available < price) return notTaken('insufficient-credits');
  const short = market.ledger.budgets.desk(nowMs).short(account.budget, price);
  if (short !== undefined) return notTaken('over-budget', short.retryAt > 0 ? { retryAt: short.retryAt } : {});
  const entry: BuyEntry = {
    ...{ kind: 'buy-tokens', at: nowMs, by: asked.by, digest: asked.digest, hold: asked.hold, agent: asked.agent },
    ...{ who, class: taken.class, bucket: taken.bucket, payee: taken.payee },
    amounts: asked.amounts,
    unitsMicro: Object.fromEntries(Object.keys(asked.amounts).map((name) => [name, '0'])),
    ...{ amountMicro: '0', ratePermille: taken.ratePermille, noisePermille: 1000, expiresAt: taken.expiresAt },
    ...{ of: asked.of, price },
  };
  return { ok: true, ...told(commitPurchase(market, hold, entry)) };
}

/** Why an owner's share of what was taken of late leaves no room for these; undefined where it does. */
function keptByCap(
  market: MarketState,
  id: string,
  who: string,
  amounts: TokenAmounts,
  nowMs: number,
): 'no-capacity' | 'token-limit' | undefined {
  const bucket = market.buckets.get(id)!;
  const { ownerMaxPermille, noiseWindowMs } = bucket.spec;
  if (ownerMaxPermille >= 1000) return undefined;
  const room = ownerMaxPermille * 1000 - weightIn(bucket, amounts);
  if (room < 0) return 'no-capacity';
  const use = recentUse(market.taken.get(id)?.get(who) ?? NO_USE, noiseWindowMs, nowMs);
  return use > room ? 'token-limit' : undefined;
}

/** Credits and tokens change hands; what the seller owes the bucket for what it sold is paid. */
export function commitPurchase(market: MarketState, seller: HoldState, entry: BuyEntry): HoldState {
  const { at, agent, amounts, price } = entry;
  const { ledger } = market;
  ledger.tick(at);
  const bucket = market.buckets.get(entry.bucket);
  if (bucket === undefined) throw new Error(`there is no bucket ${entry.bucket}`);
  const tags = { agent, bucket: bucket.id };
  if (price > 0) {
    ledger.postSingle({ id: `${entry.hold}.s`, debit: agent, credit: seller.taken.agent, amount: price, tags });
  }
  const { unitsMicro } = seller.taken;
  const names = Object.keys(unitsMicro);
  const cost = names.reduce((sum, name) => sum + (amounts[name] ?? 0) * Number(unitsMicro[name]), 0);
  const part = Math.min(setAside(seller), cost);
  if (part > 0) ledger.postPart(paymentId(seller.taken.hold), part);
  seller.paid += part;
  seller.sold = Object.fromEntries(names.map((name) => [name, (seller.sold?.[name] ?? 0) + (amounts[name] ?? 0)]));
  seller.offer = undefined;
  // The seller's use stays: else whoever takes much would pass it on to a straw man, and take on at the price of the quiet.
  if (entry.who !== seller.taken.who) countUse(market, bucket, entry.who, weightIn(bucket, amounts), at);
  if (names.every((name) => inHand(seller, name) === 0)) endHold(market, seller, 'sold', 0, at);
  const hold: HoldState = { taken: entry, state: 'held', paid: 0 };
  market.holds.set(entry.hold, hold);
  market.deadlines.set(`hold:${entry.hold}`, entry.expiresAt);
  return hold;
}
