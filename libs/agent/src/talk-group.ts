// Several agents of one host in one conversation: who is meant hears it, and where nobody is named all do.
import type { TaskMessage } from '@tender/market';
import type { Received } from './link.js';
import type { Talk } from './talk.js';

export class TalkGroup implements Talk {
  readonly others = new Set<string>();
  readonly seat = '';
  readonly #talks = new Map<string, Talk>();

  constructor(first: Talk) {
    this.add(first);
  }

  get size(): number {
    return this.#talks.size;
  }

  /** False where the agent is there already. */
  add(talk: Talk): boolean {
    if (talk.seat === undefined || this.#talks.has(talk.seat)) return false;
    this.#talks.set(talk.seat, talk);
    for (const other of talk.others) this.others.add(other);
    return true;
  }

  leave(talk: Talk): void {
    if (talk.seat !== undefined && this.#talks.get(talk.seat) === talk) this.#talks.delete(talk.seat);
  }

  hear(got: Received<TaskMessage>): void {
    const meant = seatIn(got.message);
    for (const [seat, talk] of this.#talks) {
      if ((meant === undefined || meant === seat) && talk.others.has(got.from)) talk.hear(got);
    }
  }
}

/** The agent that a message names. An offer's intent is told apart by those who made one. */
function seatIn({ body }: TaskMessage): string | undefined {
  return 'view' in body ? body.view.provider : undefined;
}
