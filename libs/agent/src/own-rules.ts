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

function factsOf(frame: Frame, issues: Issues, payee: string): PolicyFacts {
  const { reportEveryMs, rebatePermille, bondMicro } = frame.conditions;
  const { units, durationMs, region } = issues;
  return {
    ...{ payer: frame.buyer, payee, resource: frame.task.resource, dataClass: frame.task.dataClass },
    amountMicro: parseMicro(issues.priceMicro) ?? Number.NaN,
    ...{ units, durationMs, region, reportEveryMs, rebatePermille, bondMicro: parseMicro(bondMicro) ?? 0 },
  };
}

/** Why an agent's own rules forbid a deal, or undefined. `costMicro`: known to the provider alone. */
export function forbidden(
  policy: Policy | undefined,
  self: string,
  deal: { readonly frame: Frame; readonly issues: Issues; readonly payee: string; readonly costMicro?: number },
): Refusal | undefined {
  // Most agents have none, and are asked at each move.
  if (policy === undefined || policy.rules.length === 0) return undefined;
  const { frame, issues, payee, costMicro } = deal;
  const verdict = judgePolicy(policy, { ...factsOf(frame, issues, payee), costMicro }, self);
  return verdict.ok ? undefined : policyRefusal(verdict);
}
