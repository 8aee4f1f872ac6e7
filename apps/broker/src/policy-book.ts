// The market's rules as this broker knows them: read at its start, and again when somebody says that they moved on.
import {
  capsOn,
  isAboutParties,
  judgePolicy,
  type Policy,
  type PolicyFacts,
  type PolicyVerdict,
  policySpec,
  type Ruling,
  ruleOnParties,
  ruleOnStandby,
  ruleOnTake,
  ruleOnTerm,
  type StandbyRuling,
} from '@tender/market';
import type { MarketReader } from '@tender/market/redis';

const NO_RULES: Policy = { rules: [] };

type Parties = Pick<PolicyFacts, 'payer' | 'payee' | 'resource'>;

interface Answered {
  readonly ok: boolean;
  readonly detail?: string;
  readonly message?: string;
}

export class PolicyBook {
  readonly #reader: MarketReader;
  #version = 0;
  #policy = NO_RULES;
  /** What still binds where an operator has approved, or nobody can be asked. */
  #unasking = NO_RULES;

  constructor(reader: MarketReader) {
    this.#reader = reader;
  }

  /** A script refuses `stale` what was judged by another version than the market's. */
  get version(): number {
    return this.#version;
  }

  get policy(): Policy {
    return this.#policy;
  }

  /** Whether there is nothing to ask, so that nobody need gather facts; `approved` as of `judge`. */
  isSilent(approved = false): boolean {
    return (approved ? this.#unasking : this.#policy).rules.length === 0;
  }

  /** `approved`: rules that ask for approval are not asked. */
  judge(facts: PolicyFacts, approved = false): PolicyVerdict {
    return judgePolicy(approved ? this.#unasking : this.#policy, facts);
  }

  /** What a script is told that prices one more term itself. */
  ruleOnTerm(facts: Omit<PolicyFacts, 'amountMicro'>): Ruling {
    return { policy: this.#version, ...ruleOnTerm(this.#unasking, facts) };
  }

  /** Whether there are caps on what payers set aside: else nobody need find out whom they pay. */
  get capsPayers(): boolean {
    return this.#policy.rules.some((rule) => rule.kind === 'budget-cap' && rule.per === 'payer');
  }

  /** Whether there are rules about who deals with whom: else nobody need find out who sells rate tokens on. */
  get isAboutParties(): boolean {
    return this.#policy.rules.some(isAboutParties);
  }

  /** What a script is told that gives rate tokens. */
  ruleOnTake(parties: Parties): Omit<Ruling, 'policy'> {
    return ruleOnTake(this.#policy, parties);
  }

  /** What a script is told by which rate tokens change hands. */
  ruleOnParties(parties: Parties): Pick<Ruling, 'policy' | 'barred'> {
    return { policy: this.#version, ...ruleOnParties(this.#policy, parties) };
  }

  /** What a script is told that sets something aside for no contract. */
  capsOn(parties: Parties): Pick<Ruling, 'policy' | 'bounds'> {
    return { policy: this.#version, ...capsOn(this.#policy, parties) };
  }

  /** What a script is told of one who would take over; `approved` as of `judge`. */
  ruleOnStandby(facts: PolicyFacts, approved: boolean): StandbyRuling {
    return ruleOnStandby(approved ? this.#unasking : this.#policy, facts);
  }

  /** Has something judged and committed, and anew where the rules moved on in between; of several answers the first tells. */
  async during<R extends Answered | Answers>(commit: () => Promise<R>): Promise<R> {
    for (let attempt = 1; ; attempt += 1) {
      const reply = await commit();
      const said: Answered | Answers = reply;
      const told = 'answers' in said ? said.answers[0] : said;
      if (told === undefined || !policyMoved(told) || attempt >= JUDGEMENTS) return reply;
      await this.load();
    }
  }

  /** Throws where Redis is away, or holds rules that this broker cannot read: then nothing should be judged by it. */
  async load(): Promise<void> {
    const { version, text } = await this.#reader.policy();
    // An answer that was overtaken by a later one.
    if (version < this.#version) return;
    const policy = text === undefined ? NO_RULES : policySpec.parse(JSON.parse(text));
    this.#version = version;
    this.#policy = policy;
    this.#unasking = { rules: policy.rules.filter(({ kind }) => kind !== 'approval') };
  }
}

interface Answers {
  readonly answers: readonly Answered[];
}

/** Whether a script refused because the rules moved on meanwhile: load them, and judge anew. */
export function policyMoved(reply: Answered): boolean {
  return !reply.ok && reply.detail === 'stale' && reply.message?.startsWith('the policy') === true;
}

/** How often something is judged anew because the rules moved between the judgement and the script. */
export const JUDGEMENTS = 3;

/** A version that the rules never have: under it a script gives its saved answer, and commits nothing that is new. */
export const NO_VERSION = -1;
