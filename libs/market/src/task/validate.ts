// Before a task begins and when it is done: does what is there fit what was agreed; pure, the same for both sides.
import { canonicalJson } from '@tender/credits';
import { type Refusal, refusal } from '../refusal.js';
import type { Issues } from './issues.js';
import { readSchema } from './json-schema.js';
import type { Receipt } from './receipt.js';
import type { JsonObject, Task } from './task.js';
import type { TaskView } from './task-view.js';

/** What a provider has at the moment in which the work is to begin. */
export interface Means {
  readonly units: number;
  /** Per unit. */
  readonly memoryMb: number;
  /** Rate tokens. */
  readonly tokens: number;
  readonly dependencies: ReadonlySet<string>;
}

export interface StartChecks {
  /** JSON Schema of the inputs that this provider takes. */
  readonly inputs?: JsonObject | undefined;
  readonly means?: Means | undefined;
  /** The provider's own rules, as they are now. */
  readonly policy?: ((view: TaskView) => Refusal | undefined) | undefined;
}

/** Why the work must not begin, or undefined; the first of: schema, rules, resources, inputs. */
export function startFault(
  view: TaskView,
  inputs: JsonObject,
  checks: StartChecks,
  nowMs: number,
): Refusal | undefined {
  const { task, conditions } = view.frame;
  const { startBy } = view.issues;
  if (nowMs > startBy + conditions.graceMs) return refusal('late', `the work was to begin by ${startBy}`);
  const schema = task.output === undefined ? undefined : readSchema(task.output);
  if (schema?.ok === false) return refusal('malformed', `output: ${schema.message}`);
  const ruled = checks.policy?.(view);
  if (ruled !== undefined) return ruled;
  const { means } = checks;
  return (
    (means === undefined ? undefined : meansFault(task, view.issues, means)) ?? inputsFault(task, inputs, checks.inputs)
  );
}

/** What is missing, and how much would do. */
export function meansFault(task: Task, issues: Issues, means: Means): Refusal | undefined {
  const { memoryMb = 0, tokens = 0, dependencies = [] } = task;
  if (means.units < issues.units) return refusal('no-capacity', `units: ${issues.units}, free are ${means.units}`);
  if (means.memoryMb < memoryMb) return refusal('no-capacity', `memoryMb: ${memoryMb}, there are ${means.memoryMb}`);
  if (means.tokens < tokens) return refusal('token-limit', `tokens: ${tokens}, there are ${means.tokens}`);
  const missing = dependencies.filter((name) => !means.dependencies.has(name));
  return missing.length === 0 ? undefined : refusal('missing-dependency', `missing: ${missing.join(', ')}`);
}

/** What was agreed must be there unchanged; a buyer may add to it. */
function inputsFault(task: Task, inputs: JsonObject, schema: JsonObject | undefined): Refusal | undefined {
  for (const [name, agreed] of Object.entries(task.inputs)) {
    const given = inputs[name];
    if (given === undefined || canonicalJson(given) !== canonicalJson(agreed)) {
      return refusal('malformed', `inputs: ${name} is not what was agreed`);
    }
  }
  const read = schema === undefined ? undefined : readSchema(schema);
  if (read === undefined) return undefined;
  if (!read.ok) return read;
  const fault = read.faultOf(inputs);
  return fault === undefined ? undefined : refusal('malformed', `inputs: ${fault}`);
}

/** Why these are not the outputs that the task asks for, or undefined. */
export function outputsFault(task: Task, outputs: JsonObject): Refusal | undefined {
  if (task.output === undefined) return undefined;
  const read = readSchema(task.output);
  if (!read.ok) return refusal('malformed', `output: ${read.message}`);
  const fault = read.faultOf(outputs);
  return fault === undefined ? undefined : refusal('malformed', `outputs: ${fault}`);
}

/** Why a receipt of done is not worth its name, or undefined: what a buyer would dispute. */
export function receiptFault(view: TaskView, receipt: Receipt): Refusal | undefined {
  if (receipt.endedAt < receipt.startedAt) return refusal('malformed', 'it ended before it began');
  return receipt.outcome === 'done' ? outputsFault(view.frame.task, receipt.outputs) : undefined;
}
