// A conversation as the hub sees it: who may speak in it, and who hears.
import type { TaskMessage } from '@tender/market';
import type { Received } from './link.js';

/** A conversation, as far as its messages' way is concerned. */
export interface Talk {
  /** The other sides, as subjects name them: nobody else is heard. Its owner may add to them. */
  readonly others: Set<string>;
  /** An announced call: until it ends, whoever answers it on the bid subject is one of the others. */
  readonly announced?: boolean;
  /** The agent that takes part; several of one host may, each in a seat of its own. */
  readonly seat: string;
  /** The agent that has the task done: `seat` itself, or the other side. */
  readonly buyer: string;
  readonly hear: (got: Received<TaskMessage>) => void;
}
