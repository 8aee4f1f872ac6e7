// The one place that reads the environment: checked, with defaults, frozen; an error says what would pass.

import { microText } from '@tender/credits';
import { auctionRules, idText, poolIdText, privateKeyOf, sealKinds } from '@tender/market';
import { z } from 'zod';

const seedText = z
  .string()
  .refine((text) => privateKeyOf(text) !== undefined, 'is no user nkey seed: 58 characters that start with SU');

const stewardSpec = z.strictObject({
  id: idText,
  seed: seedText,
  pools: z
    .array(
      z
        .strictObject({
          pool: poolIdText,
          rule: z.enum(auctionRules).default('uniform-price'),
          durationMs: z.int().min(10).default(2_000),
          windowMs: z.int().min(1).default(60),
          ttlMs: z.int().min(50).default(3_000),
          reservePriceMicro: microText.optional(),
          seals: z.array(z.enum(sealKinds)).min(1).default(['mac']),
          /** Slots in one call, at most. */
          units: z.int().min(1).max(64).default(64),
        })
        .refine((offer) => offer.ttlMs > offer.windowMs, 'ttlMs: the lock must outlive windowMs, the time for bids'),
    )
    .min(1),
});
export type StewardConfig = z.infer<typeof stewardSpec>;

const json = z.string().transform((text, context) => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    context.addIssue({ code: 'custom', message: 'is not JSON' });
    return z.NEVER;
  }
});

const operators = z.string().transform((text, context) => {
  const map = new Map<string, string>();
  for (const entry of text.split(',').filter((part) => part.length > 0)) {
    const [id, nkey] = entry.trim().split(':');
    if (!idText.safeParse(id).success || !/^U[A-Z2-7]{55}$/.test(nkey ?? '')) {
      context.addIssue({ code: 'custom', message: `"${entry}" is not <operator id>:<public nkey>` });
      return z.NEVER;
    }
    map.set(id!, nkey!);
  }
  return map;
});

/** A compose file hands on what is not set as an empty text. */
function mayBeEmpty<T>(schema: z.ZodType<T>) {
  return z.preprocess((text) => (text === '' ? undefined : text), schema.optional());
}

const shared = {
  NATS_URL: z.string().default('nats://127.0.0.1:4222'),
  /** The nkey with which this process logs in to NATS; the steward's own is in TENDER_STEWARD. */
  TENDER_NATS_SEED: mayBeEmpty(seedText),
  TENDER_MARKET: idText.default('demo'),
  LOG_LEVEL: z.enum(['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace']).default('info'),
};

const brokerEnv = z.object({
  ...shared,
  REDIS_URL: z.string().default('redis://127.0.0.1:6379'),
  /** Further Redis instances of the negotiation lock, comma-separated; with the ledger's they must be odd in number. */
  TENDER_LOCK_REDIS_URLS: z.string().default(''),
  TENDER_SECRET: z
    .string({ error: 'is missing: 64 hex digits from `openssl rand -hex 32`, the same for every broker of the market' })
    .regex(/^[0-9a-f]{64}$/i, 'has 64 hex digits (openssl rand -hex 32), the same for every broker of the market'),
  TENDER_OPERATORS: operators.default(new Map()),
  TENDER_STEWARD: mayBeEmpty(json.pipe(stewardSpec)),
  TENDER_SESSION_MS: z.coerce.number().int().min(1_000).max(86_400_000).default(3_600_000),
  TENDER_SWEEP_MS: z.coerce.number().int().min(5).max(60_000).default(50),
  /** How often the invariants are checked in the background; 0 for never. */
  TENDER_CHECK_MS: z.coerce.number().int().min(0).default(0),
  HTTP_HOST: z.string().default('127.0.0.1'),
  /** 0 takes a free port, named in the log line `listening`. */
  HTTP_PORT: z.coerce.number().int().min(0).max(65_535).default(9464),
});

const stewardEnv = z.object({ ...shared, TENDER_STEWARD: json.pipe(stewardSpec) });

export type BrokerConfig = Readonly<z.infer<typeof brokerEnv>>;
export type StewardProcessConfig = Readonly<z.infer<typeof stewardEnv>>;

function read<T>(schema: z.ZodType<T>, env: Record<string, string | undefined>): Readonly<T> {
  const result = schema.safeParse(env);
  if (result.success) return Object.freeze(result.data);
  const lines = result.error.issues.map((issue) => `  ${issue.path.join('.')} ${issue.message}`);
  throw new ConfigError(`The configuration cannot be used:\n${lines.join('\n')}`);
}

/** For people: says which variable is wrong and what would pass. */
export class ConfigError extends Error {}

export function brokerConfig(env: Record<string, string | undefined>): BrokerConfig {
  return read(brokerEnv, env);
}

export function stewardConfig(env: Record<string, string | undefined>): StewardProcessConfig {
  return read(stewardEnv, env);
}
