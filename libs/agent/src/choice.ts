// What a buyer does with a round by itself: settles, asks otherwise within its limits, or says why nothing came of it.
import { type Bounds, type Refusal, refusal, revisedCall, type Seen } from '@tender/market';
import type { Choice } from './hire-options.js';

/** Settles where it can, else asks otherwise as far as the limits let it. */
export function choiceOf(seen: Seen, limits: Bounds | undefined, nowMs: number): Choice {
  const { call, offers, counters, refusals } = seen;
  if (offers.length > 0) return { kind: 'settle' };
  if (limits === undefined) return { kind: 'give-up' };
  const named = refusals.flatMap(({ move }) => (move.offer === undefined && move.counter ? [move.counter] : []));
  const revision = revisedCall(
    {
      call,
      limits,
      refusals: refusals.map(({ move }) => move.detail),
      counters: [...counters.map(({ offer }) => offer.issues), ...named],
    },
    nowMs,
  );
  return revision.kind === 'revise' ? revision : { kind: 'give-up' };
}

/** Why nothing came of it, as those said who refused. */
export function whyNot({ refusals, counters }: Seen): Refusal {
  const [first] = refusals;
  if (first === undefined) {
    const why = counters.length === 0 ? 'nobody answered' : `none of ${counters.length} counter-offers would do`;
    return refusal('no-capacity', why);
  }
  const { detail, message, rule, authorization } = first.move;
  return refusal(detail, `${first.participant}: ${message}`, {
    ...(rule === undefined ? {} : { rule }),
    ...(authorization === undefined ? {} : { authorization }),
  });
}
