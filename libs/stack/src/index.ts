// The door of the stack: what demo, tests and bench may use.
export { STEP_NAMES, type StackEnvironment, type StepName, stackEnvironment } from './environment.js';
export type { NatsOptions } from './nats-server.js';
export type { RedisOptions } from './redis-server.js';
export type { Attempt, FoundServer, Resolution } from './resolution.js';
export { resolveServer } from './resolve.js';
export type { ServerHandle } from './server-handle.js';
export type { ServerKind } from './server-kind.js';
export { type Stack, type StackOptions, startStack } from './stack.js';
export { type Exit, spawnTethered, type Tethered, type TetherOptions, tetherFolder } from './tether.js';
