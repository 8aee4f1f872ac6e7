// A process for the tests to kill: it starts a stack, says its pids in one line, and holds it until it is told to stop.
import { startStack } from '@tender/stack';

try {
  const stack = await startStack({
    name: 'held',
    redisInstances: Number(process.env.HELD_REDISES ?? 1),
    dir: process.env.HELD_DIR,
  });
  // On SIGINT it shows that the servers are still there for an orderly stop.
  process.on('SIGINT', async () => {
    const alive = stack.nats.alive && stack.redises.every((server) => server.alive);
    await stack.stop();
    console.log(JSON.stringify({ alive }));
    process.exit(0);
  });
  process.on('SIGTERM', async () => {
    await stack.stop();
    process.exit(0);
  });
  console.log(
    JSON.stringify({
      uid: process.getuid?.(),
      pids: [stack.nats.pid, ...stack.redises.map((server) => server.pid)],
      how: { nats: stack.nats.how, redis: stack.redis.how },
      dir: stack.dir,
    }),
  );
  // Containers, unlike child processes, keep no event loop alive.
  setInterval(() => undefined, 60_000);
} catch (error) {
  console.log(JSON.stringify({ error: error.message }));
  process.exitCode = 1;
}
