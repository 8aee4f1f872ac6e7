#!/usr/bin/env node
// The broker's process: reads the environment, starts, and drains on a signal.
import { brokerConfig, ConfigError } from './config.js';
import { startBroker } from './wiring.js';

try {
  const broker = await startBroker(brokerConfig(process.env));
  let stopping = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
      broker.log.info({ signal }, 'draining');
      broker.stop().then(
        () => process.exit(0),
        (error: unknown) => {
          broker.log.error({ error: String(error) }, 'stopped without draining');
          process.exit(1);
        },
      );
    });
  }
} catch (error) {
  if (error instanceof ConfigError) console.error(error.message);
  else console.error(`The broker cannot start: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(error instanceof ConfigError ? 2 : 1);
}
