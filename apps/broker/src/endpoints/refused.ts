// A script's refusal as the wire tells it.
import { type Refusal, refusal } from '@tender/market';
import type { Bank } from '../bank.js';

/**
 * With when it would pass, or the rule that says no: whatever the detail means elsewhere, that is the policy's. Lost
 * locks are counted, operators watch them.
 */
export function refused(
  bank: Bank,
  reply: Pick<Refusal, 'detail' | 'message' | 'retryAt' | 'retryAfterMs' | 'rule'>,
): Refusal {
  if (reply.detail === 'lock-lost') bank.metrics.lockLosses.inc();
  const { retryAt, retryAfterMs, rule } = reply;
  const no = refusal(reply.detail, reply.message, {
    ...(retryAt === undefined ? {} : { retryAt }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(rule === undefined ? {} : { rule }),
  });
  return rule === undefined ? no : { ...no, reason: 'policy-refused' };
}
