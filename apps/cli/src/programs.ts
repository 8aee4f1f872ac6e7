// Apps never import each other; this one knows where the others' programs lie.
import { fileURLToPath } from 'node:url';

export const programs = {
  broker: fileURLToPath(new URL('../../broker/dist/main.js', import.meta.url)),
  simulator: fileURLToPath(new URL('../../agent-sim/dist/main.js', import.meta.url)),
} as const;
