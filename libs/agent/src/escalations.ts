// Deciding for others that got stuck: what the agent that was named for it is asked, and what it answers.
import { type Frame, type Issues, rejection } from '@tender/market';
import type { Desk } from './desk.js';
import { Voice } from './voice.js';

/** A negotiation whose rules allow no further round. */
export interface Escalation {
  /** Who asks. */
  readonly from: string;
  readonly frame: Frame;
  readonly rejections: number;
  readonly message: string;
  /** Where the asking side stands, and what it was offered. */
  readonly ours?: Issues | undefined;
  readonly theirs?: Issues | undefined;
}

/** How far the asking side may go, or that it may not. */
export type Ruling =
  | { readonly kind: 'accept'; readonly issues: Issues }
  | { readonly kind: 'reject'; readonly message: string };

/** Answers escalations; what throws means no. Gives back how to stop. */
export function decideFor(desk: Desk, decide: (asked: Escalation) => Ruling | Promise<Ruling>): () => void {
  const { link, switchboard } = desk;
  return switchboard.talk.onEscalation(({ from, message }) => {
    const { conversation, id, body } = message;
    const voice = new Voice(desk, conversation, body.frame.task.resource);
    const answer = async () => {
      let ruling: Ruling;
      try {
        ruling = await decide({ from, ...body });
      } catch (error) {
        link.callbackFailed('onEscalation', error);
        ruling = { kind: 'reject', message: 'no decision was made' };
      }
      const said = { inReplyTo: id };
      if (ruling.kind === 'reject') {
        voice.tell(from, 'reject-proposal', rejection(1, 'denied', ruling.message.slice(0, 1024)), said);
      } else {
        voice.tell(from, 'accept-proposal', { kind: 'accept', round: 1, issues: ruling.issues }, said);
      }
    };
    void answer();
    return true;
  });
}
