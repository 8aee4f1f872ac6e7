// The envelope that every message wears: who, when, about which conversation, until when an answer is awaited.
import { z } from 'zod';
import { idText, timeMs, ulidText } from './ids.js';

/** FIPA's performatives, as far as this market speaks them; counter-propose, escalate and task-… are ours. */
export const performatives = [
  'cfp',
  'propose',
  'refuse',
  'withdraw',
  'counter-propose',
  'accept-proposal',
  'reject-proposal',
  'request',
  'inform',
  'failure',
  'cancel',
  'not-understood',
  'escalate',
  'task-start',
  'task-progress',
  'task-done',
] as const;
export type Performative = (typeof performatives)[number];

/** The fields around any body; `sentAt` and `replyBy` in ms since the epoch, informational where clocks differ. */
export function envelopeOf<P extends Performative, B extends z.ZodType>(performative: P, body: B) {
  return z.strictObject({
    v: z.literal(1),
    id: ulidText,
    conversation: idText,
    inReplyTo: ulidText.optional(),
    sender: idText,
    sentAt: timeMs,
    replyBy: timeMs.optional(),
    performative: z.literal(performative),
    body,
  });
}

/** As above with `replyBy` required: nobody waits for ever. */
export function askingEnvelopeOf<P extends Performative, B extends z.ZodType>(performative: P, body: B) {
  return envelopeOf(performative, body).extend({ replyBy: timeMs });
}

export interface Envelope<P extends Performative = Performative, B = unknown> {
  readonly v: 1;
  readonly id: string;
  readonly conversation: string;
  readonly inReplyTo?: string | undefined;
  readonly sender: string;
  readonly sentAt: number;
  readonly replyBy?: number | undefined;
  readonly performative: P;
  readonly body: B;
}
