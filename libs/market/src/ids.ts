// Ids as the wire has them: nothing that could break out of a subject or a key gets past these schemas.
import { dottedIdText, idText, transferIdText } from '@tender/credits';
import { z } from 'zod';

export { idText };
export const poolIdText = dottedIdText;
/** A contract's id extends its call's: `<cfp>-<n>`. */
export const contractIdText = transferIdText;
/** A message's id: a ULID, upper case. */
export const ulidText = z.string().regex(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/, 'a message id is an upper-case ULID');
/** An idempotency key, chosen by the caller: 8 to 64 of letters, digits, dot, dash, underscore. */
export const idemKeyText = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{7,63}$/, 'an idempotency key has 8 to 64 of A-Z a-z 0-9 . _ -');
/** Milliseconds since the epoch, by the broker's clock where it judges. */
export const timeMs = z.int().min(0).max(99_999_999_999_999);

/** A pool's name as a subject's token: ids hold no underscore, so that dots map to it and back. */
export function poolToken(pool: string): string {
  return pool.replaceAll('.', '_');
}
