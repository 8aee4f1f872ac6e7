// A refusal as an error, for the few calls where going on without the thing makes no sense.
import type { Refusal } from '@tender/market';

/** Carries the refusal: `status`, `detail`, `final`, `retryAfterMs` say what to do. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(`${refusal.detail} (${refusal.status}): ${refusal.message}`);
    this.refusal = refusal;
  }
}
