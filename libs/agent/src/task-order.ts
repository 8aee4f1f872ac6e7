// What a buyer asks for, filled up to a call's frame, issues and rules: what it leaves out is what most would say.
import { formatMicro, parseMicro } from '@tender/credits';
import {
  type Bounds,
  type Conditions,
  DEFAULT_CONDITIONS,
  type Frame,
  type Issues,
  type JsonObject,
  type Task,
} from '@tender/market';
import { newId } from '@tender/market/nats';

/** A task; `task` names it for ever, so that it is done once however often it is asked for. */
export type TaskDraft = Pick<Task, 'resource'> & Partial<Omit<Task, 'resource'>>;

/** Issues; times by the broker's clock (`agent.now()`), the price in micro-credits for the whole task. */
export type IssuesDraft = Partial<Omit<Issues, 'priceMicro'>> & { readonly priceMicro: number | string };

/** What every way of having a task done asks for. */
export interface OrderOptions {
  readonly task: TaskDraft;
  /** What the buyer would like; what is not named in `bounds` is not negotiable. */
  readonly ask: IssuesDraft;
  /**
   * Within what it will talk; prices as digits. Default for the price: any below what is asked for in an announced call,
   * any at all in a negotiation.
   */
  readonly bounds?: Bounds | undefined;
  readonly conditions?: Partial<Conditions> | undefined;
}

const START_WITHIN_MS = 30_000;
const DURATION_MS = 60_000;

/** Micro-credits as digits; throws RangeError where they are no amount above zero. */
export function priceText(price: number | string): string {
  const micro = typeof price === 'number' ? price : parseMicro(price);
  if (micro === undefined || !(micro > 0)) throw new RangeError(`not a price in micro-credits: ${price}`);
  return formatMicro(micro);
}

export function issuesOf(draft: IssuesDraft, nowMs: number): Issues {
  if (draft?.priceMicro === undefined)
    throw new RangeError('ask.priceMicro is missing: what the buyer would like to pay');
  const { startBy = nowMs + START_WITHIN_MS, durationMs = DURATION_MS } = draft;
  return {
    startBy,
    durationMs,
    deadline: startBy + durationMs,
    units: 1,
    batch: 1,
    scope: 1000,
    region: 'any',
    ...draft,
    priceMicro: priceText(draft.priceMicro),
  };
}

/** The same issues but for those that are named. */
export function changed(issues: Issues, changes: Partial<IssuesDraft>): Issues {
  const { priceMicro, ...others } = changes;
  return { ...issues, ...others, ...(priceMicro === undefined ? {} : { priceMicro: priceText(priceMicro) }) };
}

/** A new conversation about a task of this buyer's. */
export function frameOf(options: OrderOptions, about: { readonly market: string; readonly buyer: string }): Frame {
  const { task, conditions } = options;
  const inputs: JsonObject = task.inputs ?? {};
  return {
    ...about,
    conversation: newId(),
    task: {
      task: newId(),
      summary: task.resource,
      dataClass: 'public',
      ...task,
      inputs,
    },
    conditions: { ...DEFAULT_CONDITIONS, ...conditions },
  };
}
