// What looking for a server can come to: a server found, or what each step said when it had none.
import type { StepName } from './environment.js';
import type { ServerKind } from './server-kind.js';

/** A server that can be started, or that already runs (`how: 'url'`). */
export type FoundServer =
  | { readonly how: 'url'; readonly urls: readonly string[] }
  | {
      readonly how: 'named' | 'path' | 'cache' | 'debian';
      readonly command: string;
      /** For LD_LIBRARY_PATH; empty where the host has all that the program links against. */
      readonly libraryPath: string;
      readonly version: string;
    }
  | { readonly how: 'docker'; readonly image: string };

export type StepOutcome =
  | { readonly ok: true; readonly found: FoundServer }
  | { readonly ok: false; readonly said: string };

export interface Attempt {
  readonly step: StepName;
  readonly said: string;
}

export type Resolution =
  | { readonly ok: true; readonly kind: ServerKind; readonly found: FoundServer; readonly tried: readonly Attempt[] }
  | { readonly ok: false; readonly kind: ServerKind; readonly tried: readonly Attempt[]; readonly message: string };
