// An agent's own rules, asked before it says anything: whoever breaks them would only be refused by others later.
import { parseMicro } from '@tender/credits';
import {
  type Frame,
  type Issues,
  judgePolicy,
  type Policy,
  type PolicyFacts,
  policyRefusal,
  type Refusal,
} from '@tender/market';

export function factsOf(frame: Frame, issues: Issues, payee: string): PolicyFacts {
  const { reportEveryMs, rebatePermille, bondMicro } = frame.conditions;
  const { units, durationMs, region } = issues;
  return {
    ...{ payer: frame.buyer, payee, resource: frame.task.resource, dataClass: frame.task.dataClass },
    amountMicro: parseMicro(issues.priceMicro) ?? Number.NaN,
    ...{ units, durationMs, region, reportEveryMs, rebatePermille, bondMicro: parseMicro(bondMicro) ?? 0 },
  };
}

/** Why an agent's own rules forbid a deal, or undefined. */
export function forbidden(policy: Policy | undefined, self: string, facts: PolicyFacts): Refusal | undefined {
  if (policy === undefined) return undefined;
  const verdict = judgePolicy(policy, facts, self);
  return verdict.ok ? undefined : policyRefusal(verdict);
}
