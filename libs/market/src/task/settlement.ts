// Who gets what when a task's contract ends: the rules of SPEC.md's table, to the micro-credit.
import { costOfUse } from '../model/lease-price.js';
import type { Conditions } from './deal.js';
import type { TaskOutcome } from './life-cycle.js';

/** How a contract ended, as far as the money goes. Times by the broker's clock. */
export interface TaskEnd {
  readonly outcome: TaskOutcome;
  /** Whose step it was. */
  readonly by: 'buyer' | 'provider' | 'operator' | 'clock';
  /** Nobody's fault: turned down before the work began. */
  readonly turnedDown?: boolean;
  readonly at: number;
  /** When the work began; absent where it never ran. */
  readonly startedAt?: number | undefined;
}

export interface TaskMoney {
  readonly priceMicro: number;
  readonly deadline: number;
  readonly durationMs: number;
  readonly conditions: Pick<Conditions, 'lateMs' | 'rebatePermille' | 'penaltyPermille'>;
}

export interface Settlement {
  /** Of the price to the provider; the rest goes back to the buyer. */
  readonly paid: number;
  /** Whether the provider's bond goes to the buyer; else it goes back. */
  readonly forfeited: boolean;
}

export function settlementOf(end: TaskEnd, money: TaskMoney): Settlement {
  const { priceMicro, deadline, durationMs, conditions } = money;
  const worked =
    end.startedAt === undefined ? 0 : costOfUse(priceMicro, Math.max(0, end.at - end.startedAt), durationMs);
  switch (end.outcome) {
    case 'done': {
      const late = Math.max(0, end.at - deadline);
      if (late === 0) return { paid: priceMicro, forfeited: false };
      const most = costOfUse(priceMicro, conditions.rebatePermille, 1000);
      return { paid: priceMicro - costOfUse(most, late, Math.max(1, conditions.lateMs)), forfeited: false };
    }
    case 'decommitted':
      if (end.by !== 'buyer') return { paid: 0, forfeited: true };
      return { paid: Math.max(costOfUse(priceMicro, conditions.penaltyPermille, 1000), worked), forfeited: false };
    case 'preempted':
      return { paid: worked, forfeited: false };
    case 'failed':
      return { paid: 0, forfeited: end.turnedDown !== true };
    case 'violated':
    case 'expired':
      return { paid: 0, forfeited: true };
  }
}
