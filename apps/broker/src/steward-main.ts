#!/usr/bin/env node
// The steward as a process of its own: it needs NATS alone, and can live beside the GPUs that it sells.
import { ConfigError, stewardConfig } from './config.js';
import { openLog } from './log.js';
import { Steward } from './steward.js';

try {
  const config = stewardConfig(process.env);
  const log = openLog(config);
  const steward = new Steward(config.NATS_URL, config.TENDER_MARKET, config.TENDER_STEWARD, log);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      log.info({ signal }, 'ending the calls under way');
      void steward.stop().then(() => process.exit(0));
    });
  }
} catch (error) {
  if (error instanceof ConfigError) console.error(error.message);
  else console.error(`The steward cannot start: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(error instanceof ConfigError ? 2 : 1);
}
