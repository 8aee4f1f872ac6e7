// To whom and what a rule applies.
import type { PolicyFacts, RuleScope } from './policy.js';

export function inScope(
  scope: RuleScope,
  { payer, payee, resource }: Pick<PolicyFacts, 'payer' | 'payee' | 'resource'>,
): boolean {
  return within(scope.payers, payer) && within(scope.payees, payee) && within(scope.resources, resource);
}

function within(patterns: readonly string[] | undefined, id: string): boolean {
  return patterns === undefined || patterns.some((pattern) => matches(pattern, id));
}

export function matches(pattern: string, id: string): boolean {
  return pattern.endsWith('*') ? id.startsWith(pattern.slice(0, -1)) : id === pattern;
}
