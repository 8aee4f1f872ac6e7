// Who is told what of a call for a task: whose contract it is, who stands by, who lost and why.
import type { Detail, ShownVerdict } from '../refusal.js';
import type { TaskView } from '../task/task-view.js';
import { entriesOf } from './bid-book.js';
import type { BookedOffer, HireAction } from './hire-types.js';
import { type OpenCall, verdictsFor } from './offers-seen.js';
import { rejection } from './rejection.js';

/** How many have answered the present round: with an offer, a no, or a no that says what would pass. */
export function answeredInRound({ call, offers, counters, refusals }: OpenCall): number {
  const made = [...entriesOf(offers), ...entriesOf(counters)].filter(({ round }) => round === call.round).length;
  return made + entriesOf(refusals).filter(({ move }) => move.offer === undefined && move.round >= call.round).length;
}

/** Those who may answer a further round: who offered, or refused for now only. */
export function sendersIn({ offers, counters, refusals }: OpenCall): string[] {
  const senders = [...entriesOf(offers), ...entriesOf(counters)].map(({ sender }) => sender);
  const waiting = entriesOf(refusals).filter(({ move }) => !move.final);
  return [...new Set([...senders, ...waiting.map(({ sender }) => sender)])];
}

/** Nothing came of the call: each offer is rejected, whoever else may wait is told that it is over. */
export function endingOf(state: OpenCall, detail: Detail): HireAction[] {
  const offers = entriesOf(state.offers);
  const told = new Set(offers.map(({ sender }) => sender));
  const to = sendersIn(state).filter((sender) => !told.has(sender));
  const actions = offers.map((entry) =>
    rejecting(state, entry, { detail: entry.fault ?? detail, retryAt: entry.retryAt }, 'nothing came of the call'),
  );
  return to.length === 0 ? actions : [...actions, { kind: 'cancel', to, detail }];
}

/** The bank has engaged. Who was outbid but not barred is a runner-up: the contract may yet go there. */
export function settledBy(
  state: OpenCall & { readonly shown: readonly BookedOffer[] },
  contracts: readonly TaskView[],
  verdicts: readonly ShownVerdict[],
): HireAction[] {
  const views = new Map(contracts.map((view) => [`${view.provider}|${view.intent}`, view]));
  const judged = verdictsFor(state.shown, verdicts);
  const actions: HireAction[] = [];
  const named = new Set<BookedOffer>(state.shown);
  for (const entry of state.shown) {
    const name = `${entry.participant}|${entry.intent}`;
    const view = views.get(name);
    const verdict = judged.get(entry);
    if (view !== undefined && (verdict === undefined || verdict.outcome === 'won')) {
      // Where two senders handed in one offer, it won once.
      views.delete(name);
      actions.push({ kind: 'inform', to: entry.sender, view });
    } else if (verdict?.outcome === 'barred') {
      actions.push(
        rejecting(state, entry, { detail: verdict.detail ?? 'outbid', retryAt: verdict.retryAt }, 'the bank bars it'),
      );
    } else {
      actions.push(
        rejecting(state, entry, { detail: 'outbid' }, 'stands by, should the contract be turned down', false),
      );
    }
  }
  for (const entry of entriesOf(state.offers)) {
    if (named.has(entry)) continue;
    const why = { detail: entry.fault ?? 'outbid', retryAt: entry.retryAt } as const;
    actions.push(rejecting(state, entry, why, 'others were better'));
  }
  const to = sendersIn(state).filter((sender) => !actions.some((action) => 'to' in action && action.to === sender));
  return to.length === 0 ? actions : [...actions, { kind: 'cancel', to, detail: 'outbid' }];
}

function rejecting(
  { call }: OpenCall,
  { sender, participant, intent }: BookedOffer,
  { detail, retryAt }: { readonly detail: Detail; readonly retryAt?: number | undefined },
  message: string,
  final = true,
): HireAction {
  return {
    kind: 'reject',
    to: sender,
    participant,
    intent,
    move: rejection(call.round, detail, message, { final, intent }),
    ...(retryAt === undefined ? {} : { retryAt }),
  };
}
