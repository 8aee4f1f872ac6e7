// Signals: the first one asks everything to end in good order, the second one is taken at its word.

export interface Interrupt {
  /** Settles with the signal; never rejects. */
  readonly signalled: Promise<NodeJS.Signals>;
}

/** What a shell reports for a process that a signal ended. */
export const INTERRUPTED = 130;

export function onInterrupt(): Interrupt {
  let seen = false;
  let settle: (signal: NodeJS.Signals) => void = () => undefined;
  const signalled = new Promise<NodeJS.Signals>((resolve) => {
    settle = resolve;
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      // Children are tethered: they end with this process in any case.
      if (seen) process.exit(INTERRUPTED);
      seen = true;
      settle(signal);
    });
  }
  return { signalled };
}
