// What the market's rules are asked about a task's contract to be: the frame, the terms that were agreed, who does it.
import { parseMicro } from '@tender/credits';
import type { Frame, Issues, PolicyFacts } from '@tender/market';

export function taskFacts({ buyer, task, conditions }: Frame, provider: string, issues: Issues): PolicyFacts {
  const { reportEveryMs, rebatePermille, bondMicro } = conditions;
  return {
    payer: buyer,
    payee: provider,
    resource: task.resource,
    amountMicro: parseMicro(issues.priceMicro)!,
    units: issues.units,
    durationMs: issues.durationMs,
    region: issues.region,
    dataClass: task.dataClass,
    ...{ reportEveryMs, rebatePermille, bondMicro: parseMicro(bondMicro)! },
  };
}
