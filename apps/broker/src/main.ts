#!/usr/bin/env node
// The broker's process: reads the environment, starts, and drains on a signal.
import { brokerConfig, ConfigError } from './config.js';
import { type Broker, startBroker } from './wiring.js';
import { within } from './within.js';

/** What has not drained by then will not: Redis or NATS hangs. Clients ask another broker under the same key. */
const DRAIN_MS = 10_000;

try {
  const broker = await startBroker(brokerConfig(process.env));
  let stopping = false;
  void broker.cutOff.then((why) => {
    if (stopping) return;
    broker.log.fatal(why);
    process.exit(1);
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(1);
      stopping = true;
      broker.log.info({ signal }, 'draining; a second signal ends it at once');
      void drain(broker).then((code) => process.exit(code));
    });
  }
} catch (error) {
  if (error instanceof ConfigError) console.error(error.message);
  else console.error(`The broker cannot start: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(error instanceof ConfigError ? 2 : 1);
}

async function drain(broker: Broker): Promise<number> {
  const stopped = broker.stop().then(
    () => 'drained',
    (error: unknown) => String(error),
  );
  const end = (await within(DRAIN_MS, stopped)) ?? `not within ${DRAIN_MS} ms`;
  if (end === 'drained') return 0;
  broker.log.error({ why: end }, 'stopped without draining');
  return 1;
}
