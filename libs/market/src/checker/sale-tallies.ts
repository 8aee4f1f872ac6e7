// What the checks of awards and of engagements count together: I6 and I10 to I12, and which intents have won.
import { CALL_LIFE_MS } from '../model/market-state.js';
import { type Finding, Tally } from './finding.js';

interface Won {
  readonly participant: string;
  readonly intent: string;
}

export class SaleTallies {
  readonly units = new Tally('I6');
  readonly accounts = new Tally('I10');
  readonly reserve = new Tally('I11');
  readonly rule = new Tally('I12');
  readonly intents = new WonIntents(this.units);

  finish(): Finding[] {
    return [this.units.finding(), this.accounts.finding(), this.reserve.finding(), this.rule.finding()];
  }
}

/** Intents that won, until when another win under the same one is a breach. */
class WonIntents {
  readonly #once: Tally;
  readonly #boundUntil = new Map<string, number>();

  constructor(once: Tally) {
    this.#once = once;
  }

  won({ participant, intent }: Won, atMs: number, where: string): void {
    const name = `${participant}:${intent}`;
    this.#once.fact(atMs >= (this.#boundUntil.get(name) ?? 0), () => `${where}: intent ${name} has won before`);
    this.#boundUntil.set(name, Number.POSITIVE_INFINITY);
  }

  /** Whether it may still be remembered that an intent has won. */
  known({ participant, intent }: Won): boolean {
    return this.#boundUntil.has(`${participant}:${intent}`);
  }

  /** An intent is bound while its contract runs and, so that no call of that time can use it again, for a while after. */
  ended({ participant, intent }: Won, atMs: number): void {
    // A second less than Redis keeps it, because Redis forgets by a clock of its own.
    this.#boundUntil.set(`${participant}:${intent}`, atMs + CALL_LIFE_MS - 1_000);
  }
}
