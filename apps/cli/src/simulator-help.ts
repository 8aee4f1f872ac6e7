// What only the simulator knows of itself, as it says it: its options and its scenarios.
import { spawnSync } from 'node:child_process';
import { programs } from './programs.js';

/** Its options, for the help of the commands that take them. */
export function simulatorHelp(): string {
  const columns = String(process.stdout.columns ?? 80);
  return `\n${spawnSync(process.execPath, [programs.simulator, 'options', columns], { encoding: 'utf8' }).stdout}`;
}

/** The scenarios that it can play, a line each. */
export function scenarioList(): string {
  return spawnSync(process.execPath, [programs.simulator, 'scenarios'], { encoding: 'utf8' }).stdout;
}
