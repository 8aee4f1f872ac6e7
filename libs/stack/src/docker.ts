// The last step: servers in containers, for hosts that are not Debian or may not download from its registry.
import type { StackEnvironment } from './environment.js';
import { disableReaper } from './environment.js';
import type { StepOutcome } from './resolution.js';
import type { ServerKind } from './server-kind.js';

// testcontainers takes most of a second to load, which no other step should pay.
const load = () => import('testcontainers');

/** Whether an engine answers and has the image, or can pull it (TENDER_NATS_IMAGE, TENDER_REDIS_IMAGE). */
export async function fromDocker(kind: ServerKind, env: StackEnvironment): Promise<StepOutcome> {
  const { getContainerRuntimeClient, ImageName } = await load();
  const image = env.images[kind];
  let client: Awaited<ReturnType<typeof getContainerRuntimeClient>>;
  try {
    client = await getContainerRuntimeClient();
  } catch (error) {
    return { ok: false, said: `no Docker engine answers: ${firstLine(error)}` };
  }
  try {
    const name = ImageName.fromString(image);
    if (!(await client.image.exists(name))) await client.image.pull(name);
  } catch (error) {
    return {
      ok: false,
      said: `an engine answers, but ${image} is not there and cannot be pulled: ${firstLine(error)}`,
    };
  }
  await settleReaper(env);
  return { ok: true, found: { how: 'docker', image } };
}

/**
 * testcontainers cleans up by a container of its own, Ryuk. Where its image cannot be pulled, every start would fail;
 * our watchdog removes the containers as well, so Ryuk is switched off then.
 */
async function settleReaper(env: StackEnvironment): Promise<void> {
  if (env.ryukDecided) return;
  const { getContainerRuntimeClient, getReaper } = await load();
  try {
    await getReaper(await getContainerRuntimeClient());
  } catch {
    disableReaper();
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
