// A buyer's announced call in each of its states, and each event, for the tests of hiring.
import {
  type HireAction,
  type HireEvent,
  type HireOptions,
  type HireState,
  hireStep,
  hiring,
  type Offer,
  type ProposalView,
  refusal,
  rejection,
  type TaskCall,
} from '../src/index.js';
import { limitsOf } from './negotiation-support.js';
import { ask, bounds, callOf, ENDS, HOUR, offerOf, runOf, T, viewOf } from './task-support.js';

const options: HireOptions = {
  ...{ closeAfterAnswers: Number.POSITIVE_INFINITY, limits: limitsOf(100), maxEngagements: 3 },
  ...{ escalateTo: 'operators', escalateWithinMs: 5_000, nonce: 'nonce-01' },
};
export const NOW = T + 1;
/** Long after everything. */
export const IN_THE_END = ENDS + 24 * HOUR;

export function tender(offer: Offer, from = offer.seal.participant, round = 1): HireEvent {
  return { kind: 'tender', from, offer, round };
}
export function refused(from: string, final = false, offer?: Offer): HireEvent {
  const more = { final, ...(offer === undefined ? {} : { offer, counter: offer.issues }) };
  return { kind: 'refused', from, move: rejection(1, 'deadline-infeasible', 'not by then', more) };
}
export const close: HireEvent = { kind: 'close' };
export const revise: HireEvent = {
  kind: 'revise',
  ask,
  bounds: { ...bounds, deadline: { min: T, max: T + 80 * HOUR } },
};
export const late = offerOf('ben', 900, { deadline: T + 72 * HOUR });
export const engaged: HireEvent = { kind: 'engaged', contracts: [viewOf(offerOf('ben', 900))], verdicts: [] };
export const filed: HireEvent = { kind: 'filed', proposal: 'p1', expiresAt: T + 5_000 };
export const declined: HireEvent = { kind: 'declined', refusal: refusal('frozen', 'not now') };
export const pendingView: ProposalView = {
  ...{ proposal: 'p1', kind: 'engage', state: 'pending', by: 'ann', conversation: 'call-1', message: 'dear' },
  ...{ filedAt: T, expiresAt: T + 5_000 },
};
export const decided: HireEvent = { kind: 'decided', view: { ...pendingView, state: 'denied' } };

export const run = runOf<HireState, HireEvent, HireAction>(hireStep, NOW);
export function begun(call: TaskCall = callOf(), more: Partial<HireOptions> = {}): HireState {
  return hiring(call, { ...options, ...more }).state;
}
export const protocolOf = (more: Partial<TaskCall['protocol']>) => ({ protocol: { ...callOf().protocol, ...more } });

const calling = run(begun(), [tender(offerOf('ben', 900))]).state;
const revising = run(begun(), [refused('ben', false, late), close]).state;
export const stuck = run(begun(callOf(protocolOf({ maxRounds: 1 }))), [refused('ben', false, late), close]).state;
export const states: Record<HireState['name'], HireState> = {
  ...{ calling, revising, settling: run(calling, [close]).state, pending: run(calling, [close, filed]).state },
  escalated: run(stuck, [filed]).state,
  ...{ hired: run(calling, [close, engaged]).state, ended: run(calling, [{ kind: 'abort' }]).state },
};
export const events: Record<HireEvent['kind'], HireEvent> = {
  ...{ tender: tender(offerOf('cid', 800)), refused: refused('cid'), withdrawn: { kind: 'withdrawn', from: 'ben' } },
  ...{ close, revise, settle: { kind: 'settle', intents: ['ben-intent'] }, abort: { kind: 'abort' } },
  ...{ engaged, filed, declined, decided, tick: { kind: 'tick' } },
};
