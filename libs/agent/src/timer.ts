// A timer for any time to come: the platform's own fires at once beyond 25 days.
const MAX_DELAY_MS = 2 ** 31 - 1;

/** Calls back after `ms` (also more than a timer takes; never where it is Infinity); gives back how to stop it. */
export function after(ms: number, callback: () => void): () => void {
  const due = performance.now() + ms;
  let timer: NodeJS.Timeout;
  const arm = () => {
    const left = Math.max(0, due - performance.now());
    timer = setTimeout(left > MAX_DELAY_MS ? arm : callback, Math.min(left, MAX_DELAY_MS));
  };
  arm();
  return () => clearTimeout(timer);
}
