// Two sides that haggle about one task, for the tests: what both know, offers with made-up seals, contracts.
import {
  type Bounds,
  DEFAULT_CONDITIONS,
  type DealSide,
  type Frame,
  type HaggleAction,
  type HaggleContext,
  type HaggleEvent,
  type HaggleState,
  haggleStep,
  haggling,
  type Issues,
  type Offer,
  otherSide,
  type Protocol,
  type TaskView,
} from '../src/index.js';

export const T = 1_000_000;
export const ENDS = T + 10_000;
/** Seals live a little longer than the negotiation. */
export const SEALED_UNTIL = T + 12_000;
export const HOUR = 3_600_000;

export const frame: Frame = {
  ...{ market: 'm', conversation: 'talk-1', buyer: 'ann', conditions: DEFAULT_CONDITIONS },
  task: { task: 'train-7', summary: 'train it', resource: 'gpu.h100', dataClass: 'internal', inputs: {} },
};
export const ask: Issues = {
  ...{ priceMicro: '1000', startBy: T + HOUR, deadline: T + 48 * HOUR, durationMs: HOUR, units: 2, batch: 1 },
  ...{ scope: 1000, region: 'eu' },
};
export const bounds: Bounds = {
  priceMicro: { min: '500', max: '3000' },
  deadline: { min: T + 24 * HOUR, max: T + 96 * HOUR },
  region: ['eu', 'us'],
};
export const protocol: Protocol = {
  ...{ kind: 'monotonic-concession', mode: 'optimal', maxRounds: 8, roundMs: 1000, endsAt: ENDS },
  minImprovementPermille: 10,
};

export function contextOf(side: DealSide, more: Partial<HaggleContext> = {}): HaggleContext {
  return { side, opener: 'buyer', frame, provider: 'ben', ask, bounds, protocol, nonce: 'nonce-01', ...more };
}

/** The ask, at another price, and otherwise changed. */
export function at(price: number, more: Partial<Issues> = {}): Issues {
  return { ...ask, priceMicro: String(price), ...more };
}

export function offerOf(issues: Issues, more: Partial<Offer> = {}, until = SEALED_UNTIL): Offer {
  const { units, priceMicro } = issues;
  return {
    issues,
    seal: {
      ...{ participant: 'ben', units, priceMicro, intent: 'ben-intent', until, seal: 'mac', session: 's' },
      ...{ sessionUntil: until, signature: 'A'.repeat(43) },
    },
    ...{ hold: 'hold-1', completesAt: issues.deadline, assumptions: [], dependencies: [], quality: 900, risk: 100 },
    ...more,
  };
}

export function viewOf({ issues, seal }: Offer, nowMs: number): TaskView {
  return {
    ...{ contract: 'talk-1-t1', state: 'awarded', frame, issues, provider: seal.participant, intent: seal.intent },
    ...{ attempt: 1, standbys: 0, awardedAt: nowMs, dueAt: issues.startBy, percent: 0, slots: [0, 1], fences: [1, 1] },
  };
}

/** What a side proposes, sealed where it must be. */
export function proposal(side: DealSide, issues: Issues): HaggleEvent & { readonly kind: 'propose' } {
  return { kind: 'propose', issues, ...(side === 'provider' && { offer: offerOf(issues) }) };
}

/** The same as the other side hears it. */
export function heardFrom(
  side: DealSide,
  kind: 'opening' | 'counter',
  round: number,
  issues: Issues,
): HaggleEvent & { readonly kind: 'opening' | 'counter' } {
  return { kind, round, issues, ...(side === 'provider' && { offer: offerOf(issues) }) };
}

/** As many steps, and what the last one did. */
export function after(state: HaggleState, events: readonly HaggleEvent[], nowMs = T + 1): HaggleState {
  return events.reduce((current, event) => haggleStep(current, event, nowMs).state, state);
}

export function begun(side: DealSide, more: Partial<HaggleContext> = {}): HaggleState {
  return haggling(contextOf(side, more), T);
}

/** An action in a word: a message by its performative, a refusal by its detail. */
export function wordOf(action: HaggleAction | { readonly kind: 'ignored'; readonly detail: string }): string {
  if (action.kind === 'send') return action.performative;
  return action.kind === 'answer' || action.kind === 'ignored' ? action.detail : action.kind;
}

/** The deadline that both have come to in `talked`. */
export const base = { deadline: T + 60 * HOUR };

/** Two proposals of each side, a thousand apart in the end, and then it is `side`'s turn (or the other's). */
export function talked(side: DealSide, turn: 'mine' | 'theirs', more: Partial<HaggleContext> = {}): HaggleState {
  const opener = turn === 'mine' ? side : otherSide(side);
  const price = { buyer: [800, 900], provider: [2000, 1900] } as const;
  const moves = [0, 1].flatMap((n) =>
    [opener, otherSide(opener)].map((by): HaggleEvent => {
      const issues = at(price[by][n]!, base);
      return by === side
        ? proposal(by, issues)
        : heardFrom(by, n === 0 && by === opener ? 'opening' : 'counter', n + 1, issues);
    }),
  );
  const state = after(begun(side, { opener, ...more }), moves);
  if (state.name !== turn) throw new Error(state.name);
  return state;
}
