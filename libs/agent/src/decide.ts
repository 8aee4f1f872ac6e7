// What a side of a negotiation does next: its own callback, or the strategy of the protocol that both agreed on.
import {
  type DealSide,
  decideMonotonic,
  decideRubinstein,
  type HaggleEvent,
  type HaggleMove,
  type Preferences,
} from '@tender/market';
import type { MyTurn } from './haggle-run.js';

/** A move of the strategies, or a rejection: with what is wrong, and what would pass. */
export type HaggleChoice = HaggleMove | Extract<HaggleEvent, { readonly kind: 'reject' }>;

/** Makes the moves of one side; `nowMs` by the broker's clock. */
export type Decide = (turn: MyTurn, nowMs: number) => HaggleChoice | Promise<HaggleChoice>;

/** What a strategy needs to know of its own side, and of the other where both know. */
export interface Stance {
  readonly preferences: Preferences;
  readonly limitMicro: string;
  readonly theirLimitMicro?: string | undefined;
}

/** By the protocol of the negotiation; alternating offers need the limits of both. */
export function decideBy(stance: Stance, turn: MyTurn, nowMs: number): HaggleMove {
  const { preferences, limitMicro, theirLimitMicro } = stance;
  const { protocol, side } = turn.context;
  if (protocol.kind !== 'alternating-offers' || theirLimitMicro === undefined) {
    return decideMonotonic({ preferences, believes: true }, turn, nowMs);
  }
  const [buyerLimitMicro, providerLimitMicro] =
    side === 'buyer' ? [limitMicro, theirLimitMicro] : [theirLimitMicro, limitMicro];
  return decideRubinstein({ buyerLimitMicro, providerLimitMicro, horizon: 'rounds' }, turn);
}

/** Somebody to whom the price alone matters: from the one that is just worth it to the one that it hopes for. */
export function pricePreferences(side: DealSide, worst: number | string, best: number | string): Preferences {
  const priceMicro = { weight: 1000, worst: Number(worst), best: Number(best) };
  return { side, issues: { priceMicro }, reservePermille: 0 };
}
