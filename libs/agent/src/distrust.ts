// Whose bids an initiator does not take for a while: they cost the bank work and crowd out those that can win.
import type { Detail, Distrusted } from '@tender/market';

/** An account may be paid or give a lease back at any moment; who makes cheques up will do it again. */
const UNCOVERED_MS = 3000;
const FORGER_MS = 30_000;
const REMEMBERED = 10_000;
const READ_BYTES = 8192;

export class Distrust {
  readonly #until = new Map<string, { readonly until: number; readonly detail: Detail }>();

  /** Why a bid of this participant, handed in by this sender, is not taken; undefined where it is. */
  of(sender: string, participant: string): Detail | undefined {
    if (this.#until.size === 0) return undefined;
    return this.#at(`${sender}|`) ?? this.#at(`|${participant}`) ?? this.#at(`${sender}|${participant}`);
  }

  /**
   * Whether a message is not worth reading: of a sender that is not believed, or speaks for an account that is not, and
   * larger than the bids that one account may have. To read thousands of bids takes longer than many a call's window.
   */
  ignores(sender: string, bytes: number): boolean {
    return bytes > READ_BYTES && this.of(sender, sender) !== undefined;
  }

  #at(name: string): Detail | undefined {
    const found = this.#until.get(name);
    if (found === undefined) return undefined;
    if (performance.now() < found.until) return found.detail;
    this.#until.delete(name);
    return undefined;
  }

  add(whom: readonly Distrusted[]): void {
    for (const { sender = '', participant = '', detail } of whom) {
      const name = `${sender}|${participant}`;
      this.#until.delete(name);
      if (this.#until.size >= REMEMBERED) this.#until.delete(this.#until.keys().next().value!);
      const ms = detail === 'insufficient-credits' ? UNCOVERED_MS : FORGER_MS;
      this.#until.set(name, { until: performance.now() + ms, detail });
    }
  }
}
