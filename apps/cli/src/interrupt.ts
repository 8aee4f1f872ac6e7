// Signals: the first one asks everything to end in good order, the second one is taken at its word.

export interface Interrupt {
  /** Settles with the signal; never rejects. */
  readonly signalled: Promise<NodeJS.Signals>;
  /** There is nothing left to end in good order. */
  off(): void;
}

/** What a shell reports for a process that a signal ended. */
export const INTERRUPTED = 130;

export function onInterrupt(): Interrupt {
  let seen = false;
  let settle: (signal: NodeJS.Signals) => void = () => undefined;
  const signalled = new Promise<NodeJS.Signals>((resolve) => {
    settle = resolve;
  });
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const heard = (signal: NodeJS.Signals): void => {
    // Children are tethered: they end with this process in any case.
    if (seen) process.exit(INTERRUPTED);
    seen = true;
    settle(signal);
  };
  for (const signal of signals) process.on(signal, heard);
  return {
    signalled,
    off: () => {
      for (const signal of signals) process.off(signal, heard);
    },
  };
}
