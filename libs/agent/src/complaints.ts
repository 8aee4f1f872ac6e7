// When to say not-understood: rarely enough that two confused peers cannot keep each other busy.
import { decodeJson, idText, ulidText } from '@tender/market';
import { Rarely } from './rarely.js';

export interface Complaint {
  readonly conversation: string;
  readonly inReplyTo?: string | undefined;
}

/** One complaint a second and sender; never about a complaint. */
export class Complaints {
  readonly #rarely = new Rarely();

  /** What to complain about, or undefined for silence. `now` in ms of any steady clock. */
  about(from: string, payload: Uint8Array, now: number): Complaint | undefined {
    if (!this.#rarely.due(from, now)) return undefined;
    const { performative, conversation, id } = fieldsOf(payload);
    if (performative === 'not-understood') return undefined;
    this.#rarely.told(from, now);
    return {
      conversation: idText.safeParse(conversation).success ? (conversation as string) : from,
      ...(ulidText.safeParse(id).success && { inReplyTo: id as string }),
    };
  }
}

function fieldsOf(payload: Uint8Array): Record<string, unknown> {
  const parsed = decodeJson(payload);
  return parsed.ok && typeof parsed.value === 'object' && parsed.value !== null
    ? (parsed.value as Record<string, unknown>)
    : {};
}
