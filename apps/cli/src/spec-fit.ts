// What was typed against the bank's own schema, before anything is sent: in words for people.
import type { z } from 'zod';
import { UsageError } from './config.js';

/** The value as it is sent. Throws UsageError; the options have checked each field, so that what is left is between fields. */
export function fitting<T>(spec: z.ZodType<T>, value: unknown): T {
  const parsed = spec.safeParse(value);
  if (parsed.success) return parsed.data;
  const said = parsed.error.issues.map(({ path, message, code }) =>
    code === 'custom' ? message : `${path.join('.')}: ${message}`,
  );
  throw new UsageError(`It cannot be so: ${said.join('; ')}. Nothing was changed.`);
}

/** Of what the bank lists, what an operator sets: the rest comes and goes by itself. */
export function settable(spec: z.ZodObject, row: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).filter(([field]) => field in spec.shape));
}
