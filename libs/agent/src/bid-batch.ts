// What one sender says to one call at once: the bids of all its agents travel in one message.
import { type Call, type Cheque, type Detail, MAX_BIDS_PER_MESSAGE, meanings, subjects } from '@tender/market';
import { stepHeaders } from '@tender/market/nats';
import type { Link } from './link.js';

interface Refusals {
  readonly detail: Detail;
  readonly retryAfterMs: number | undefined;
  readonly participants: string[];
}

export class BidBatch {
  readonly #link: Link;
  readonly #call: Call;
  readonly #traceparent: () => string | undefined;
  #cheques: Cheque[] = [];
  #refusals = new Map<string, Refusals>();

  /** `traceparent` is asked when something is sent. */
  constructor(link: Link, call: Call, traceparent: () => string | undefined) {
    this.#link = link;
    this.#traceparent = traceparent;
    this.#call = call;
  }

  get isEmpty(): boolean {
    return this.#cheques.length === 0 && this.#refusals.size === 0;
  }

  add(cheque: Cheque): void {
    this.#cheques.push(cheque);
  }

  refuse(participant: string, detail: Detail, retryAfterMs: number | undefined): void {
    const name = `${detail}|${retryAfterMs}`;
    const group = this.#refusals.get(name);
    if (group === undefined) this.#refusals.set(name, { detail, retryAfterMs, participants: [participant] });
    else group.participants.push(participant);
  }

  flush(): void {
    const { cfp } = this.#call.terms;
    for (const cheques of parts(this.#cheques)) this.#send('propose', { cfp, cheques }, atStake(cheques));
    for (const { detail, retryAfterMs, participants } of this.#refusals.values()) {
      const { reason, final } = meanings[detail];
      for (const some of parts(participants)) {
        this.#send('refuse', { cfp, participants: some, reason, detail, final, retryAfterMs }, undefined, detail);
      }
    }
    this.#cheques = [];
    this.#refusals.clear();
  }

  withdraw(participants: readonly string[]): void {
    const { cfp } = this.#call.terms;
    for (const some of parts(participants)) this.#send('withdraw', { cfp, participants: some });
  }

  #send(performative: 'propose' | 'refuse' | 'withdraw', body: unknown, budget?: string, detail?: Detail): void {
    const { cfp, initiator, pool } = this.#call.terms;
    const link = this.#link;
    const headers = stepHeaders({
      status: detail === undefined ? 261 : meanings[detail].status,
      detail,
      conversation: cfp,
      round: 1,
      scope: pool,
      budget,
      expires: this.#call.awardBy,
      traceparent: this.#traceparent(),
    });
    link.send(subjects.bid(link.market, initiator, cfp, link.sender), performative, cfp, body, { headers });
  }
}

/** The most that these cheques can come to, all together. */
function atStake(cheques: readonly Cheque[]): string {
  return String(cheques.reduce((sum, cheque) => sum + Number(cheque.priceMicro) * cheque.units, 0));
}

function parts<T>(items: readonly T[]): (readonly T[])[] {
  if (items.length === 0) return [];
  if (items.length <= MAX_BIDS_PER_MESSAGE) return [items];
  const some: T[][] = [];
  for (let from = 0; from < items.length; from += MAX_BIDS_PER_MESSAGE) {
    some.push(items.slice(from, from + MAX_BIDS_PER_MESSAGE));
  }
  return some;
}
