// The digest of a command's body: how an idempotency record tells the same request from another under its key.
import { createHash } from 'node:crypto';

/** JSON with sorted keys: a retry built by other code, its fields in another order, is still the same body. */
export function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const fields = value as Record<string, unknown>;
  let text = '';
  for (const name of Object.keys(fields).sort()) {
    const field = fields[name];
    if (field !== undefined) text += `${text ? ',' : ''}${JSON.stringify(name)}:${canonicalJson(field)}`;
  }
  return `{${text}}`;
}

/** 22 characters that tell one body from another; the same for every order of its fields. */
export function bodyDigest(kind: string, body: unknown): string {
  return createHash('sha256').update(kind).update(canonicalJson(body)).digest('base64url').slice(0, 22);
}
