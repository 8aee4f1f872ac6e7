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

type Noted = readonly [at: number, by: string, what: Move['what'], body: AnyBody];

export class Trail {
  readonly #noted: Noted[] = [];

  /** Written down as it comes, told apart when somebody asks: most trails nobody reads. */
  note(at: number, by: string, what: Move['what'], body: object): void {
    if (this.#noted.length < KEPT) this.#noted.push([at, by, what, body]);
  }

  get moves(): readonly Move[] {
    return this.#noted.map(moveOf);
  }
}

function moveOf([at, by, what, body]: Noted): Move {
  const { round, issues, counter, ask, offer, detail, message } = body;
  const named = issues ?? counter ?? offer?.issues ?? ask;
  return {
    at,
    by,
    what,
    ...(round === undefined ? {} : { round }),
    ...(named === undefined ? {} : { issues: named }),
    ...(detail === undefined ? {} : { detail }),
    ...(message === undefined ? {} : { message }),
  };
}
