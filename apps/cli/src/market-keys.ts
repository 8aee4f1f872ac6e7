// A market's secrets: made once, and kept beside its data where its data is kept.
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSeed } from '@tender/agent';
import { z } from 'zod';
import { UsageError } from './config.js';

const seed = z.string().regex(/^SU[A-Z2-7]{56}$/);
const spec = z.object({
  /** Session keys are derived from it: 64 hex digits. */
  secret: z.string().regex(/^[0-9a-f]{64}$/),
  operatorSeed: seed,
  stewardSeed: seed,
});
export type MarketKeys = Readonly<z.infer<typeof spec>>;

export function newMarketKeys(): MarketKeys {
  return { secret: randomBytes(32).toString('hex'), operatorSeed: createSeed(), stewardSeed: createSeed() };
}

/** The keys kept in a folder, made and written (for its owner's eyes) where there are none yet. */
export async function keptMarketKeys(dir: string): Promise<MarketKeys> {
  const file = join(dir, 'keys.json');
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) {
    const keys = newMarketKeys();
    await writeFile(file, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
    return keys;
  }
  const parsed = spec.safeParse(jsonOf(text));
  if (parsed.success) return parsed.data;
  throw new UsageError(`${file} does not hold a market's keys. Name another folder, or move the file away.`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
