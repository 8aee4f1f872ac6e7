// One row of the ledger's contract: what stands, what is asked, what comes of it.
import type { LedgerCommand } from '../ledger.js';
import type { LedgerStatus } from '../transfer-status.js';

/** A command that must succeed, or a time to let pass. */
export type GivenStep = LedgerCommand | { readonly waitMs: number };

export interface LedgerCase {
  readonly name: string;
  /** Before these, every case has the agents `a1` (1000 granted) and `b1`, and the pool `p1`. */
  readonly given: readonly GivenStep[];
  readonly command: LedgerCommand;
  /** Accounts that the command changes, as [available, pending] after it; no other may move. */
  readonly changes: Readonly<Record<string, readonly [available: number, pending: number]>>;
  readonly replayed: boolean;
  readonly status: LedgerStatus;
}

/** A row of a command that moves credits or opens an account. */
export function succeeds(
  name: string,
  given: readonly GivenStep[],
  command: LedgerCommand,
  changes: LedgerCase['changes'],
  status: LedgerStatus,
): LedgerCase {
  return { name: `${command.kind}: ${name}`, given, command, changes, replayed: false, status };
}

/** A row of a command that is refused: nothing moves. */
export function refuses(
  name: string,
  given: readonly GivenStep[],
  command: LedgerCommand,
  status: LedgerStatus,
): LedgerCase {
  return { name: `${command.kind}: ${name}`, given, command, changes: {}, replayed: false, status };
}

/** A row of a command whose saved answer is given again: nothing moves. */
export function replays(
  name: string,
  given: readonly GivenStep[],
  command: LedgerCommand,
  status: LedgerStatus,
): LedgerCase {
  return { name: `${command.kind}: ${name}`, given, command, changes: {}, replayed: true, status };
}
