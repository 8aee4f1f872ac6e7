// What rules are asked about a task's contract to be: the frame, the terms that were agreed, who does it.
import { parseMicro } from '@tender/credits';
import type { Frame } from '../task/deal.js';
import type { Issues } from '../task/issues.js';
import type { PolicyFacts } from './policy.js';

export function taskFacts({ buyer, task, conditions }: Frame, provider: string, issues: Issues): PolicyFacts {
  const { reportEveryMs, rebatePermille, bondMicro } = conditions;
  const { units, durationMs, region } = issues;
  return {
    ...{ payer: buyer, payee: provider, resource: task.resource, dataClass: task.dataClass },
    amountMicro: parseMicro(issues.priceMicro) ?? Number.NaN,
    ...{ units, durationMs, region, reportEveryMs, rebatePermille, bondMicro: parseMicro(bondMicro) ?? 0 },
  };
}
