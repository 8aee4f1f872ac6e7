// What the two sides of a contract ask the bank: each answer a word of their machines, the lost one too.
import type { BankWord, ReportBody, TaskView } from '@tender/market';
import { namedFor } from './desk.js';
import type { Link } from './link.js';

/** A machine that hears nothing asks again by itself, under the same key. */
const WITHIN_MS = 5000;

export class ContractBank {
  readonly #link: Link;
  readonly #conversation: string;
  readonly #agent: { readonly agent?: string };

  /** `agent`: in whose name it is asked, where the sender is its host. */
  constructor(link: Link, conversation: string, agent: string) {
    this.#link = link;
    this.#conversation = conversation;
    this.#agent = namedFor(agent, link);
  }

  async report(body: ReportBody): Promise<BankWord> {
    const { key } = body;
    const asked = await this.#link.bank.ask('report', { ...body, ...this.#agent }, this.#options());
    if (asked.ok) return { kind: 'seen', view: asked.value as TaskView, key };
    return asked.detail === 'unavailable' ? { kind: 'unanswered', key } : { kind: 'refused', refusal: asked, key };
  }

  /** By the contract's id, or the intent of the offer that won it. */
  async inquire(about: { readonly contract: string } | { readonly intent: string }): Promise<BankWord> {
    const asked = await this.#link.bank.ask('task', { ...about, ...this.#agent }, this.#options());
    if (asked.ok) return { kind: 'seen', view: asked.value };
    return asked.detail === 'unavailable' ? { kind: 'unanswered' } : { kind: 'refused', refusal: asked };
  }

  #options() {
    return { conversation: this.#conversation, withinMs: WITHIN_MS };
  }
}
