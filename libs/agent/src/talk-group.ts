// Those of one sender who are in a conversation: who is meant hears it, and where nobody is named all whom it concerns.
import type { TaskMessage } from '@tender/market';
import type { Received } from './link.js';
import type { Talk } from './talk.js';

export class TalkGroup {
  /** Whom those heard who have left. */
  readonly others = new Set<string>();
  readonly #talks: Talk[] = [];

  get size(): number {
    return this.#talks.length;
  }

  get announced(): boolean {
    return this.#talks.some(({ announced }) => announced === true);
  }

  /** False where the agent is there already. */
  add(talk: Talk): boolean {
    if (this.#talks.some(({ seat }) => seat === talk.seat)) return false;
    this.#talks.push(talk);
    return true;
  }

  /** False where it was not there. */
  leave(talk: Talk): boolean {
    const at = this.#talks.indexOf(talk);
    if (at < 0) return false;
    this.#talks.splice(at, 1);
    for (const other of talk.others) this.others.add(other);
    return true;
  }

  /** Whoever answers an announced call is one of the others. */
  answeredBy(from: string): void {
    for (const talk of this.#talks) if (talk.announced === true) talk.others.add(from);
  }

  /** Whether this one may speak here. */
  admits(from: string): boolean {
    return this.others.has(from) || this.#talks.some(({ others }) => others.has(from));
  }

  /** False where nobody did. */
  hear(got: Received<TaskMessage>): boolean {
    const meant = this.#talks.length > 1 ? seatIn(got.message) : undefined;
    const hearers = this.#talks.filter((talk) => {
      const isMeant = meant === undefined || meant === talk.seat || talk.seat === talk.buyer;
      return isMeant && talk.others.has(got.from) && concerns(talk, got.by);
    });
    for (const talk of hearers) talk.hear(got);
    return hearers.length > 0;
  }
}

/** Behind one host both sides have one address: a buyer's words are for providers, theirs for the buyer. */
function concerns({ seat, buyer }: Talk, by: string | undefined): boolean {
  return by === undefined || (seat === buyer ? by !== seat : by === buyer);
}

/** The agent that a message names. An offer's intent is told apart by those who made one. */
function seatIn({ body }: TaskMessage): string | undefined {
  return 'view' in body ? body.view.provider : undefined;
}
