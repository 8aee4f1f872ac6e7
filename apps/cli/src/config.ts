// The one place that reads the environment: which market is meant, where one is meant at all.
import { idText } from '@tender/market';
import { z } from 'zod';

const spec = z.object({
  NATS_URL: z.string().min(1).optional(),
  REDIS_URL: z.string().min(1).optional(),
  TENDER_MARKET: idText.default('demo'),
  TENDER_OPERATOR_SEED: z.string().min(1).optional(),
});

export interface CliConfig {
  readonly natsUrl: string | undefined;
  readonly redisUrl: string | undefined;
  readonly market: string;
  /** `<operator id>:<seed>`, as the simulator takes it. */
  readonly operatorSeed: string | undefined;
  /** All variables, for the processes that are started. */
  readonly inherited: Readonly<Record<string, string | undefined>>;
}

/** For people: what is wrong with what they typed or set, and what to do. Exit code 2. */
export class UsageError extends Error {}

export function cliConfig(env: Record<string, string | undefined> = process.env): CliConfig {
  const parsed = spec.safeParse(env);
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => `  ${issue.path.join('.')} ${issue.message}`);
    throw new UsageError(`The environment cannot be used:\n${lines.join('\n')}`);
  }
  const { NATS_URL, REDIS_URL, TENDER_MARKET, TENDER_OPERATOR_SEED } = parsed.data;
  return Object.freeze({
    natsUrl: NATS_URL,
    redisUrl: REDIS_URL,
    market: TENDER_MARKET,
    operatorSeed: TENDER_OPERATOR_SEED,
    inherited: { ...env },
  });
}
