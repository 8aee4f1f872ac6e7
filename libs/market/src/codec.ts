// Bytes to messages: whatever comes in, it comes out as a message that fits its schema or as not-understood.
import type { z } from 'zod';
import { type Refusal, refusal } from './refusal.js';

/** Larger payloads are refused before they are parsed. */
export const MAX_PAYLOAD_BYTES = 512 * 1024;

/** Lists and objects within each other; deeper ones are refused before anything walks through them. */
export const MAX_DEPTH = 128;

export type Decoded<T> = { readonly ok: true; readonly value: T } | Refusal;

const utf8 = new TextDecoder('utf-8', { fatal: true });
const encoder = new TextEncoder();

/** Parses and checks a payload; never throws. The refusal's message names the first field at fault. */
export function decode<T>(schema: z.ZodType<T>, payload: Uint8Array): Decoded<T> {
  const parsed = decodeJson(payload);
  return parsed.ok ? check(schema, parsed.value) : parsed;
}

/** Parses a payload as JSON; never throws. */
export function decodeJson(payload: Uint8Array): Decoded<unknown> {
  if (payload.length > MAX_PAYLOAD_BYTES) {
    return refusal('malformed', `the payload has ${payload.length} bytes; at most ${MAX_PAYLOAD_BYTES} are read`);
  }
  if (openingsOf(payload) > MAX_DEPTH && isTooDeep(payload))
    return refusal('malformed', `the payload is nested deeper than ${MAX_DEPTH}`);
  try {
    return { ok: true, value: JSON.parse(utf8.decode(payload)) };
  } catch {
    return refusal('malformed', 'the payload is not JSON in UTF-8');
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** `[` and `{`, `]` and `}` differ in one bit. */
const OPENING = 0x7b;
const CLOSING = 0x7d;

/** How many of them there are, quoted ones too: most messages have too few to be deep, and need no closer look. */
function openingsOf(payload: Uint8Array): number {
  let count = 0;
  for (let at = 0; at < payload.length; at++) if ((payload[at]! | 0x20) === OPENING) count += 1;
  return count;
}

/** Looked at before it is parsed: what walks through values does so by recursion, and a stack has an end. */
function isTooDeep(payload: Uint8Array): boolean {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < payload.length; at++) {
    const byte = payload[at]!;
    if (byte === QUOTE) quoted = !quoted;
    else if (quoted) at += byte === BACKSLASH ? 1 : 0;
    else if ((byte | 0x20) === OPENING) depth += 1;
    else if ((byte | 0x20) === CLOSING) depth -= 1;
    if (depth > MAX_DEPTH) return true;
  }
  return false;
}

/** Checks parsed JSON against a schema; never throws. */
export function check<T>(schema: z.ZodType<T>, value: unknown): Decoded<T> {
  const result = schema.safeParse(value);
  if (result.success) return { ok: true, value: result.data };
  const issue = result.error.issues[0];
  const at = issue && issue.path.length > 0 ? issue.path.join('.') : 'message';
  return refusal('malformed', `${at}: ${issue?.message ?? 'does not fit'}`.slice(0, 512));
}

export function encode(message: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(message));
}
