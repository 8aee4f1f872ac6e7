// Finds a server by the order that the design fixes, and says what each step said where none had one.

import { fromDocker } from './docker.js';
import type { StackEnvironment, StepName } from './environment.js';
import { stackEnvironment } from './environment.js';
import { fromDebian } from './fetch-debian.js';
import type { Attempt, Resolution, StepOutcome } from './resolution.js';
import { fromCache, fromNamedBinary, fromSearchPath, fromUrl } from './resolve-steps.js';
import { SERVER_FACTS, type ServerKind } from './server-kind.js';

type Step = (kind: ServerKind, env: StackEnvironment) => Promise<StepOutcome>;

/** The steps in their order. */
const STEPS: Readonly<Record<StepName, Step>> = {
  url: fromUrl,
  named: fromNamedBinary,
  path: fromSearchPath,
  cache: fromCache,
  debian: fromDebian,
  docker: fromDocker,
};

/** Looks for a server, step by step, and fetches it where only that is left. Starts nothing. */
export async function resolveServer(kind: ServerKind, env: StackEnvironment = stackEnvironment()): Promise<Resolution> {
  const tried: Attempt[] = [];
  for (const [step, take] of Object.entries(STEPS) as [StepName, Step][]) {
    if (!env.allowedSteps.includes(step)) {
      tried.push({ step, said: 'left out by TENDER_SERVERS_FROM' });
      continue;
    }
    const outcome = await take(kind, env);
    if (outcome.ok) return { ok: true, kind, found: outcome.found, tried };
    tried.push({ step, said: outcome.said });
    // A binary that was named by hand and does not run is a mistake to hear about, not one to paper over.
    if (step === 'named' && env.binaries[kind] !== undefined) break;
  }
  return { ok: false, kind, tried, message: explain(kind, tried) };
}

function explain(kind: ServerKind, tried: readonly Attempt[]): string {
  const facts = SERVER_FACTS[kind];
  const width = Math.max(...tried.map(({ step }) => step.length));
  return [
    `No ${facts.program} was found. What was tried:`,
    ...tried.map(({ step, said }, index) => `  ${index + 1}. ${step.padEnd(width)}  ${said}`),
    'Any one of these mends it:',
    `  - name a server that runs:     ${facts.urlVariable}=${kind}://127.0.0.1:${kind === 'nats' ? 4222 : 6379}`,
    `  - name a binary:               ${facts.binaryVariable}=/path/to/${facts.program}`,
    `  - install it for all:          apt-get install ${facts.packages[0]}`,
    `  - start Docker:                then ${facts.imageVariable} (or its default image) is used`,
  ].join('\n');
}
