// What one call asks of its bidders, laid down once for each of a sender's agents before its first bid.
import { type Call, type Refusal, refusal } from '@tender/market';
import { newUlid } from '@tender/market/nats';
import { namedFor } from './desk.js';
import type { Link } from './link.js';

export class Deposits {
  readonly #link: Link;
  readonly #call: Call;
  readonly #asked = new Map<string, Promise<Refusal | undefined>>();
  readonly #laidDown = new Set<string>();

  constructor(link: Link, call: Call) {
    this.#link = link;
    this.#call = call;
  }

  /** Whether this agent may bid at once: nothing is asked, or it is laid down. */
  has(agent: string): boolean {
    return this.#call.terms.depositMicro === undefined || this.#laidDown.has(agent);
  }

  /** Resolves with why the bank refused it, undefined when it is laid down; asked once for all of an agent's bids. */
  layDown(agent: string): Promise<Refusal | undefined> {
    let asked = this.#asked.get(agent);
    if (asked === undefined) {
      asked = this.#ask(agent);
      this.#asked.set(agent, asked);
    }
    return asked;
  }

  /** Takes it back with the agent's bids, while the call takes some; what comes too late comes back by itself. */
  async takeBack(agent: string): Promise<void> {
    const asked = this.#asked.get(agent);
    if (asked === undefined || (await asked) !== undefined || !this.#laidDown.delete(agent)) return;
    const { bank } = this.#link;
    const { cfp } = this.#call.terms;
    const withinMs = this.#leftMs();
    if (withinMs <= 0) return;
    const body = { key: newUlid(), cfp, ...namedFor(agent, this.#link) };
    const answer = await bank.ask('withdraw-deposit', body, { conversation: cfp, withinMs });
    if (!answer.ok) this.#link.log.debug({ agent, cfp, detail: answer.detail }, 'the deposit stays aside');
  }

  /** How long the call takes bids still. */
  #leftMs(): number {
    return this.#link.clock.until(this.#call.closesAt);
  }

  async #ask(agent: string): Promise<Refusal | undefined> {
    const { awardBy: until, terms } = this.#call;
    const { cfp, depositMicro } = terms;
    if (depositMicro === undefined) return undefined;
    const withinMs = this.#leftMs();
    if (withinMs <= 0) return refusal('late', 'the call is closed');
    const body = { key: newUlid(), cfp, amountMicro: depositMicro, until, ...namedFor(agent, this.#link) };
    const answer = await this.#link.bank.ask('deposit', body, { conversation: cfp, withinMs });
    // Laid down before a restart, or by another of the agent's processes.
    if (!answer.ok && answer.detail !== 'duplicate') return answer;
    this.#laidDown.add(agent);
    return undefined;
  }
}
