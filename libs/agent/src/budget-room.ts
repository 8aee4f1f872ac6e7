// Whether an agent's budgets have room for a bid, by the bank's word: a seller that says they have none is not believed.
import { type BudgetChain, type Refusal, refusal } from '@tender/market';

/** What it needs of an agent. */
export interface KnowsBudget {
  now(): number;
  budget(): Promise<({ readonly ok: true } & BudgetChain) | Refusal>;
}

/** The bank is asked so often at most: what comes back, or an operator adds, is seen so late. */
const ASK_AGAIN_MS = 3000;

interface Spent {
  readonly budget: string;
  readonly leftMicro: string;
  /** Absent where its window never turns. */
  readonly retryAt?: number | undefined;
}

export class BudgetRoom {
  readonly #agent: KnowsBudget;
  readonly #needMicro: number;
  #spent: Spent | undefined;
  #doubted = false;
  #asked: Promise<void> | undefined;
  #askedAt = 0;

  /** `needMicro`: the most that a bid may come to. */
  constructor(agent: KnowsBudget, needMicro: number) {
    this.#agent = agent;
    this.#needMicro = needMicro;
  }

  /** Whether anybody said that a budget is spent, and the bank has not yet said otherwise. */
  get isDoubted(): boolean {
    return this.#doubted;
  }

  /** Somebody says that a budget is spent. */
  doubt(): void {
    this.#doubted = true;
    void this.#ask();
  }

  /** Whether a bid may pass, as the bank said a moment ago; where it does not answer, it may. */
  async has(): Promise<boolean> {
    if (this.#doubted) await this.#ask();
    return this.#spent === undefined;
  }

  /** When the bank has borne out that there is no room. */
  refused(nothing: string): Refusal | undefined {
    if (this.#spent === undefined) return undefined;
    const { budget, leftMicro, retryAt } = this.#spent;
    const left = `${nothing}; the budget ${budget} has ${leftMicro} micro-credits left`;
    if (retryAt === undefined) return refusal('over-budget', `${left}, and its window never turns`);
    const retryAfterMs = Math.max(0, Math.ceil(retryAt - this.#agent.now()));
    return refusal('over-budget', `${left} until ${new Date(retryAt).toISOString()}`, { retryAt, retryAfterMs });
  }

  #ask(): Promise<void> {
    const now = this.#agent.now();
    const turned = this.#spent?.retryAt !== undefined && now >= this.#spent.retryAt;
    if (this.#asked === undefined || turned || now - this.#askedAt >= ASK_AGAIN_MS) {
      this.#askedAt = now;
      this.#asked = this.#learn();
    }
    return this.#asked;
  }

  async #learn(): Promise<void> {
    const answer = await this.#agent.budget();
    this.#spent = answer.ok ? spentOf(answer, this.#needMicro) : undefined;
    this.#doubted = this.#spent !== undefined;
  }
}

/** Of the budgets that cannot cover it, not even by borrowing, the one whose window turns last. */
function spentOf({ budgets }: BudgetChain, needMicro: number): Spent | undefined {
  let last: Spent | undefined;
  for (const { id, leftMicro, borrowMicro, owedMicro, nextWindowAt } of budgets) {
    const room = Number(leftMicro) + Math.max(0, Number(borrowMicro) - Number(owedMicro));
    if (room >= needMicro) continue;
    const later = last === undefined || (last.retryAt ?? Infinity) < (nextWindowAt ?? Infinity);
    if (later) last = { budget: id, leftMicro, retryAt: nextWindowAt };
  }
  return last;
}
