// What was said in a negotiation, move by move: who, what, when, for how much; kept for whoever asks afterwards.
import type { Detail, Issues, TaskMessage } from '@tender/market';

export interface Move {
  /** By the broker's clock, as this side took it in. */
  readonly at: number;
  readonly by: string;
  readonly what: TaskMessage['performative'];
  readonly round?: number | undefined;
  /** What was proposed, or named as what would pass. */
  readonly issues?: Issues | undefined;
  readonly detail?: Detail | undefined;
  readonly message?: string | undefined;
}

/** A negotiation of many providers is long; its beginning and what comes of it are in the journal anyway. */
const KEPT = 512;

type AnyBody = Partial<{
  round: number;
  issues: Issues;
  counter: Issues;
  ask: Issues;
  offer: { issues: Issues };
  detail: Detail;
  message: string;
}>;

export class Trail {
  readonly moves: Move[] = [];

  note(at: number, by: string, what: Move['what'], body: object): void {
    if (this.moves.length >= KEPT) return;
    const { round, issues, counter, ask, offer, detail, message } = body as AnyBody;
    const named = issues ?? counter ?? offer?.issues ?? ask;
    this.moves.push({
      ...{ at, by, what },
      ...(round === undefined ? {} : { round }),
      ...(named === undefined ? {} : { issues: named }),
      ...(detail === undefined ? {} : { detail }),
      ...(message === undefined ? {} : { message }),
    });
  }
}
