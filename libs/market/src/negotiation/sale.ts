// How a call ended, bid by bid: for its initiator as a ranked list, for each bidder as one message.
import type { Winner } from '../messages.js';
import type { BankResult } from '../operations.js';
import { type Detail, meanings } from '../refusal.js';
import type { BookedBid } from './bid-book.js';
import type { Selection } from './shown.js';

export interface Loser {
  readonly participant: string;
  readonly intent: string;
  readonly detail: Detail;
  /** When it may pass, by the broker's clock, where the bank said so. */
  readonly retryAt?: number | undefined;
}

/** What came of one bid. */
export interface RankedBid {
  readonly participant: string;
  readonly intent: string;
  readonly units: number;
  readonly priceMicro: string;
  readonly outcome: 'won' | 'lost' | 'barred';
  readonly detail?: Detail | undefined;
}

export interface Sale {
  readonly ok: true;
  readonly cfp: string;
  readonly winners: readonly Winner[];
  /** Every bid, best first; then those that could not win. */
  readonly ranked: readonly RankedBid[];
  readonly clearingPriceMicro: string;
}

export function losing(detail: Detail, retryAt?: number): (bid: { participant: string; intent: string }) => Loser {
  const when = retryAt === undefined ? {} : { retryAt };
  return ({ participant, intent }) => ({ participant, intent, detail, ...when });
}

/** A loser as it is told: also in how many ms it may pass, for whoever does not have the broker's clock. */
export function toldLoser(loser: Loser, nowMs: number): Loser & { readonly retryAfterMs?: number } {
  const { detail, retryAt } = loser;
  const retryAfterMs = retryAt === undefined ? meanings[detail].retryAfterMs : Math.max(0, Math.ceil(retryAt - nowMs));
  return retryAfterMs === undefined ? loser : { ...loser, retryAfterMs };
}

export function faultsOf(selection: Selection): { bid: BookedBid; detail: Detail; retryAt?: number | undefined }[] {
  return selection.unusable.map((bid) => ({ bid, detail: bid.fault!, retryAt: bid.retryAt }));
}

export function bySender<T extends { readonly bid: BookedBid }>(items: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(item.bid.sender);
    if (group === undefined) groups.set(item.bid.sender, [item]);
    else group.push(item);
  }
  return groups;
}

export function rankedBid(bid: BookedBid, outcome: RankedBid['outcome'], detail?: Detail): RankedBid {
  const { participant, intent, units, cheque } = bid;
  return { participant, intent, units, priceMicro: cheque.priceMicro, outcome, ...(detail && { detail }) };
}

/** What came of every bid of a call, and what each sender is told: one accept and one reject at most. */
export interface SettledBids {
  readonly ranked: readonly RankedBid[];
  readonly accepts: readonly { readonly sender: string; readonly winners: readonly Winner[] }[];
  readonly rejects: readonly {
    readonly sender: string;
    readonly losers: readonly Loser[];
    /** Per unit, where something was sold. */
    readonly clearingPriceMicro?: string | undefined;
  }[];
}

interface Told {
  readonly bid: BookedBid;
  readonly winner?: Winner | undefined;
  readonly detail: Detail;
  readonly retryAt?: number | undefined;
}

/** Sets what the bank committed beside all bids, shown or not. */
export function settleBids(selection: Selection, result: BankResult<'award'>): SettledBids {
  const winners = new Map(result.winners.map((winner) => [nameOf(winner), winner]));
  const barred = new Map(
    result.verdicts.flatMap((one) => (one.outcome === 'barred' && one.detail ? [[nameOf(one), one]] : [])),
  );
  const ranked: RankedBid[] = [];
  const told: Told[] = [];
  const named = new Set<string>();
  for (const bid of selection.ranked) {
    const name = nameOf(bid);
    const winner = winners.get(name);
    const { detail, retryAt } = barred.get(name) ?? {};
    // Two senders may hand in one bid (one of them replays or forges it): both are told, it won once.
    const repeated = winner !== undefined && named.has(name);
    named.add(name);
    told.push({ bid, winner, detail: detail ?? 'outbid', retryAt });
    if (winner && !repeated) ranked.push(rankedBid(bid, 'won'));
    else if (repeated || detail) ranked.push(rankedBid(bid, 'barred', detail ?? 'duplicate'));
    else ranked.push(rankedBid(bid, 'lost', 'outbid'));
  }
  for (const entry of faultsOf(selection)) {
    told.push(entry);
    ranked.push(rankedBid(entry.bid, 'barred', entry.detail));
  }
  return { ranked, ...messagesOf(told, result.winners.length > 0 ? result.clearingPriceMicro : undefined) };
}

function nameOf(bid: { readonly participant: string; readonly intent: string }): string {
  return `${bid.participant}|${bid.intent}`;
}

function messagesOf(told: readonly Told[], clearingPriceMicro: string | undefined): Omit<SettledBids, 'ranked'> {
  const accepts: SettledBids['accepts'][number][] = [];
  const rejects: SettledBids['rejects'][number][] = [];
  for (const [sender, group] of bySender(told)) {
    const won = group.flatMap(({ winner }) => (winner ? [winner] : []));
    const lost = group.flatMap(({ bid, winner, detail, retryAt }) => (winner ? [] : [losing(detail, retryAt)(bid)]));
    if (won.length > 0) accepts.push({ sender, winners: won });
    if (lost.length > 0) rejects.push({ sender, losers: lost, clearingPriceMicro });
  }
  return { accepts, rejects };
}
