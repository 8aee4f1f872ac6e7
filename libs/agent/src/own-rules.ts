// An agent's own rules, asked before it says anything: whoever breaks them would only be refused by others later.
import {
  type Frame,
  type Issues,
  judgePolicy,
  type Policy,
  policyRefusal,
  type Refusal,
  taskFacts,
} from '@tender/market';

/** Why an agent's own rules forbid a deal, or undefined. `costMicro`: known to the provider alone. */
export function forbidden(
  policy: Policy | undefined,
  self: string,
  deal: { readonly frame: Frame; readonly issues: Issues; readonly payee: string; readonly costMicro?: number },
): Refusal | undefined {
  // Most agents have none, and are asked at each move.
  if (policy === undefined || policy.rules.length === 0) return undefined;
  const { frame, issues, payee, costMicro } = deal;
  const verdict = judgePolicy(policy, { ...taskFacts(frame, payee, issues), costMicro }, self);
  return verdict.ok ? undefined : policyRefusal(verdict);
}
