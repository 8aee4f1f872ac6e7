// What an agent may answer to a call: a bid, a refusal that says why, or nothing.
import { formatMicro, parseMicro, positiveMicroText } from '@tender/credits';
import { type AuctionRule, type Call, type Detail, details, idText } from '@tender/market';
import { z } from 'zod';
import type { MarketClock } from './market-clock.js';

/** A call as `evaluate` sees it. Prices are micro-credits per unit for the whole duration. */
export interface CallView {
  readonly cfp: string;
  readonly pool: string;
  readonly initiator: string;
  /** Identical slots on offer; a bid may ask for some of them. */
  readonly units: number;
  readonly rule: AuctionRule;
  readonly reservePriceMicro: number;
  /**
   * What a bidder lays down before its bid, 0 for nothing: done by itself with the first bid. A loser gets it back with
   * the award, a winner when it says `run` on its lease; who does not begin in time forfeits it.
   */
  readonly depositMicro: number;
  readonly durationMs: number;
  /** When bids end and the award must be made, as this machine's clock shows it (ms since the epoch). */
  readonly closesAt: number;
  readonly awardBy: number;
  /** As it came over the wire, its times by the broker's clock. */
  readonly call: Call;
}

export function viewOf(call: Call, clock: MarketClock): CallView {
  const { terms } = call;
  return {
    cfp: terms.cfp,
    pool: terms.pool,
    initiator: terms.initiator,
    units: terms.units,
    rule: terms.rule,
    reservePriceMicro: Number(terms.reservePriceMicro),
    depositMicro: Number(terms.depositMicro ?? 0),
    durationMs: terms.durationMs,
    closesAt: clock.local(call.closesAt),
    awardBy: clock.local(call.awardBy),
    call,
  };
}

export interface BidDecision {
  readonly kind: 'bid';
  readonly units: number;
  readonly priceMicro: string;
  readonly intent?: string | undefined;
  readonly tokens?: string | undefined;
}
export interface RefuseDecision {
  readonly kind: 'refuse';
  readonly detail: Detail;
  readonly retryAfterMs?: number | undefined;
}
/** Nothing, one answer, or several bids under different intents. */
export type Decision = BidDecision | RefuseDecision | readonly BidDecision[] | undefined;

/**
 * A bid: at most `price` micro-credits (a whole number, or digits) for each of `units` slots (default 1). Bids under
 * one `intent`, in whatever calls, win at most once together; without one each bid stands for itself. With `tokens` (the
 * `hold` of rate tokens in hand) it wins only while they are: a bundle. Throws
 * RangeError where the price is no amount above zero.
 */
export function bid(wanted: {
  readonly units?: number;
  readonly price: number | string;
  readonly intent?: string | undefined;
  readonly tokens?: string | undefined;
}): BidDecision {
  const micro = typeof wanted.price === 'number' ? wanted.price : parseMicro(wanted.price);
  if (micro === undefined || micro <= 0) throw new RangeError(`not a price in micro-credits: ${wanted.price}`);
  return { kind: 'bid', units: wanted.units ?? 1, priceMicro: formatMicro(micro), ...wantedIds(wanted) };
}

function wantedIds({ intent, tokens }: Pick<BidDecision, 'intent' | 'tokens'>): Pick<BidDecision, 'intent' | 'tokens'> {
  return tokens === undefined ? { intent } : { intent, tokens };
}

/** No bid, and why: the initiator need not wait for this agent, and learns when to ask again. */
export function refuse(detail: Detail, more: { readonly retryAfterMs?: number } = {}): RefuseDecision {
  return { kind: 'refuse', detail, retryAfterMs: more.retryAfterMs };
}

const bidSpec = z.object({
  kind: z.literal('bid'),
  /** Judged against the call's. */
  units: z.number(),
  priceMicro: positiveMicroText,
  intent: idText.optional(),
  tokens: idText.optional(),
});
const decisionSpec = z.union([
  bidSpec.transform((one) => ({ kind: 'bids' as const, bids: [one] as readonly BidDecision[] })),
  z.array(bidSpec).transform((bids) => ({ kind: 'bids' as const, bids: bids as readonly BidDecision[] })),
  z.object({
    kind: z.literal('refuse'),
    detail: z.enum(details),
    retryAfterMs: z.int().min(0).optional(),
  }),
]);

/** What `evaluate` answered, as it may travel; undefined for silence. Throws TypeError where it is no decision. */
export function checkDecision(decision: unknown): z.output<typeof decisionSpec> | undefined {
  if (decision === undefined) return undefined;
  const checked = decisionSpec.safeParse(decision);
  if (checked.success) return checked.data;
  throw new TypeError(`evaluate answered no decision: ${JSON.stringify(decision)?.slice(0, 200)}`);
}
