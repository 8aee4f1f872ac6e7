// The one place that reads the environment: where the market is, and who may open accounts in it.
import { idText } from '@tender/market';
import { z } from 'zod';
import { CannotRun } from './cannot-run.js';

const seed = z.string().regex(/^SU[A-Z2-7]{56}$/, 'is no user seed: it has 58 characters and starts with SU');

const spec = z.object({
  NATS_URL: z.string({ error: 'is missing: the market’s NATS server, nats://host:port' }).min(1),
  TENDER_MARKET: idText.default('demo'),
  /** `<operator id>:<seed>`: the simulator opens its agents' accounts and grants them credits. */
  TENDER_OPERATOR_SEED: z
    .string({ error: 'is missing: <operator id>:<its seed SU…>, because agents need accounts and credits' })
    .transform((text, context) => {
      const [id = '', secret = ''] = text.split(':');
      if (idText.safeParse(id).success && seed.safeParse(secret).success) return { id, seed: secret };
      context.addIssue({ code: 'custom', message: 'is not <operator id>:<seed SU…>' });
      return z.NEVER;
    }),
  /** Where it is set, the market's invariants are checked after the run. */
  REDIS_URL: z.string().min(1).optional(),
  NO_COLOR: z.string().optional(),
});

export interface SimConfig {
  readonly natsUrl: string;
  readonly market: string;
  readonly operator: { readonly id: string; readonly seed: string };
  readonly redisUrl: string | undefined;
  readonly coloured: boolean;
}

/** For people: says which variables are wrong and what to do. */
export class ConfigError extends CannotRun {}

export function simConfig(env: Record<string, string | undefined> = process.env): SimConfig {
  const parsed = spec.safeParse(env);
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => `  ${issue.path.join('.')} ${issue.message}`);
    throw new ConfigError(
      `No market to trade in:\n${lines.join('\n')}\nStart one with \`tender up\`, which prints these variables, or use \`tender sim\`, which can start its own.`,
    );
  }
  const { NATS_URL, TENDER_MARKET, TENDER_OPERATOR_SEED, REDIS_URL, NO_COLOR } = parsed.data;
  return Object.freeze({
    natsUrl: NATS_URL,
    market: TENDER_MARKET,
    operator: TENDER_OPERATOR_SEED,
    redisUrl: REDIS_URL,
    // https://no-color.org: any value but the empty one.
    coloured: NO_COLOR === undefined || NO_COLOR === '',
  });
}
