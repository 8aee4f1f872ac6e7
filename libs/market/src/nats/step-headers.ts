// A step says in headers what it is, so that a logger, gateway or firewall need not read the payload. They are claims.
import { type MsgHdrs, MsgHdrsImpl } from 'nats';
import { type Detail, meanings, type Reason } from '../refusal.js';

/** What a step may state about itself. */
export interface StepFacts {
  /** AGTP's: 261 negotiation in progress, 263 approved, 463 rejected … */
  readonly status: number;
  /** Ours, finer than AGTP's reason; the header holds both, `policy-refused/outbid`. */
  readonly detail?: Detail | undefined;
  /** Where it is not the detail's usual one: a policy's. */
  readonly reason?: Reason | undefined;
  readonly conversation: string;
  readonly round?: number | undefined;
  /** The pool that it is about. */
  readonly scope?: string | undefined;
  /** At most so many micro-credits are at stake, digits. */
  readonly budget?: string | undefined;
  /** By the broker's clock, ms since the epoch. */
  readonly expires?: number | undefined;
  /** The highest fencing token granted. */
  readonly fence?: number | undefined;
  readonly traceparent?: string | undefined;
}

const traceparentText = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The headers of a step; a traceparent that is none is left out. Values are ids and numbers: nothing to escape. */
export function stepHeaders(facts: StepFacts): MsgHdrs {
  const record: Record<string, string[]> = {
    'Tender-Status': [String(facts.status)],
    'Tender-Conversation': [facts.conversation],
  };
  if (facts.detail !== undefined) {
    record['Tender-Reason'] = [`${facts.reason ?? meanings[facts.detail].reason}/${facts.detail}`];
  }
  if (facts.round !== undefined) record['Tender-Round'] = [String(facts.round)];
  if (facts.scope !== undefined) record['Tender-Scope'] = [facts.scope];
  if (facts.budget !== undefined) record['Tender-Budget'] = [facts.budget];
  if (facts.expires !== undefined) record['Tender-Expires'] = [String(facts.expires)];
  if (facts.fence !== undefined) record['Tender-Fence'] = [String(facts.fence)];
  if (facts.traceparent !== undefined && traceparentText.test(facts.traceparent)) {
    record.traceparent = [facts.traceparent];
  }
  // `set` looks every key up in a copied list; a step is on the hot path of every bid.
  return MsgHdrsImpl.fromRecord(record);
}

/** The traceparent of a message, where it carries a well-formed one. */
export function traceparentOf(headers: MsgHdrs | undefined): string | undefined {
  const value = headers?.get('traceparent');
  return value !== undefined && traceparentText.test(value) ? value : undefined;
}
