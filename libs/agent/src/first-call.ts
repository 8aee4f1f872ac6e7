// What is announced first of a task: the buyer's options, filled up where they say nothing.
import { type TaskCall, taskCallSpec } from '@tender/market';
import type { HireOptions } from './hire-options.js';
import { sensible, wholeMs } from './sensible.js';
import { frameOf, issuesOf } from './task-order.js';

const DEFAULT_WITHIN_MS = 60_000;
const DEFAULT_WINDOW_MS = 1000;

/** Throws RangeError where the options make no sense. */
export function callOf(options: HireOptions, buyer: string, market: string, nowMs: number): TaskCall {
  const { rule = 'lowest-price', weights, fill = { kind: 'one', by: 'units' } } = options;
  const { mode = 'fast', maxRounds = 4 } = options;
  const windowMs = wholeMs('windowMs', options.windowMs ?? DEFAULT_WINDOW_MS);
  const withinMs = wholeMs('withinMs', options.withinMs ?? DEFAULT_WITHIN_MS);
  const ask = issuesOf(options.ask, nowMs);
  // Cheaper is always welcome.
  const bounds = { priceMicro: { min: '1', max: ask.priceMicro }, ...options.bounds };
  const call: TaskCall = {
    direction: 'buy',
    frame: frameOf(options, { market, buyer }),
    ask,
    bounds,
    rule,
    fill,
    round: 1,
    closesAt: nowMs + windowMs,
    ...(weights === undefined ? {} : { weights }),
    protocol: {
      kind: 'contract-net',
      mode,
      maxRounds,
      roundMs: windowMs,
      endsAt: nowMs + withinMs,
      minImprovementPermille: 0,
    },
  };
  return sensible('', taskCallSpec, call);
}
