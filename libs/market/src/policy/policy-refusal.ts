// A policy's no as a refusal on the wire: with the rule that says it, and the authorization that is missing.
import { type Refusal, refusal } from '../refusal.js';
import type { PolicyVerdict } from './policy.js';

/** Whatever the detail means elsewhere, here a policy refuses. An approval that nobody files for is missing too. */
export function policyRefusal(verdict: Extract<PolicyVerdict, { ok: false }>): Refusal {
  const { rule } = verdict;
  switch (verdict.kind) {
    case 'refused':
      return { ...refusal(verdict.detail, verdict.message, { rule }), reason: 'policy-refused' };
    case 'authorization':
      return refusal('authorization-required', verdict.message, { rule, authorization: verdict.authorization });
    case 'approval':
      return refusal('authorization-required', `rule ${rule}: it costs so much that it must be approved first`, {
        rule,
        authorization: `approval:${rule}`,
      });
  }
}
