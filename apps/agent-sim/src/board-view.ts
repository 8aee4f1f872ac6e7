// What a board is drawn from, and on what: the same for the large one and the compact one.
import type { Tally } from './tally.js';

export interface BoardView {
  readonly title: string;
  readonly tally: Tally;
  /** Slots that only system agents may take. */
  readonly reserve: number;
  readonly jobs: number;
  readonly nowMs: number;
  readonly endMs: number;
  /** What goes on now, where it is not plain trading: `finishing the last leases`, `redis is away …`. */
  readonly note?: string | undefined;
}

export interface BoardSize {
  readonly columns: number;
  readonly rows: number;
  readonly coloured: boolean;
}
