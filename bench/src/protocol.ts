// How the conductor talks to its workers: one JSON line per command on stdin, one per answer on stdout.

/** What every worker is told when it starts. */
export interface WorkerConfig {
  readonly role: string;
  readonly natsUrl: string;
  readonly redisUrl: string;
  readonly market: string;
  /** The market's secret (hex): participants' session keys are derived from it, as any broker derives them. */
  readonly secret: string;
  readonly seed: number;
}

/** A worker's commands; each takes one argument. */
export type Role = { readonly [command: string]: (argument: never) => Promise<unknown> };

export interface Command {
  readonly id: number;
  readonly command: string;
  readonly argument: unknown;
}

export type Answer =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly ok: false; readonly error: string };
