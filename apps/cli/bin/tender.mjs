#!/usr/bin/env node
// What `npx tender` runs: npm links commands when it installs, and in a fresh checkout dist is not built by then.
import { existsSync } from 'node:fs';

const main = new URL('../dist/main.js', import.meta.url);
if (existsSync(main)) await import(main.href);
else {
  process.stderr.write('Not built yet: `npm run tender -- …` builds, and runs.\n');
  process.exitCode = 2;
}
