// References from a task's inputs to the receipts of others: found, ordered, checked for cycles, and put in.
import { MAX_MICRO } from '@tender/credits';
import type { Receipt } from './receipt.js';
import type { JsonObject } from './task.js';
import type { PlannedTask, ReceiptSum, Receipts } from './workflow-types.js';

type Json = JsonObject[string];
interface Reference {
  readonly from: string;
  readonly path: string;
}

/** `{"$from": "task-a", "path": "outputs.rows"}`, and nothing beside it. */
function referenceOf(value: Json): Reference | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !('$from' in value)) return undefined;
  const { $from: from, path = '', ...others } = value;
  if (typeof from !== 'string' || typeof path !== 'string' || Object.keys(others).length > 0) return undefined;
  return { from, path };
}

/** The names that a value refers to. */
export function referredIn(value: Json): string[] {
  const reference = referenceOf(value);
  if (reference !== undefined) return [reference.from];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap((one) => referredIn(one as Json));
}

/** The tasks that go by a name: the one of that id, or all of that intent. */
export function named(name: string, tasks: readonly PlannedTask[]): string[] {
  const own = tasks.filter(({ id }) => id === name);
  return (own.length > 0 ? own : tasks.filter(({ intent }) => intent === name)).map(({ id }) => id);
}

/** What each task waits for, intents written out; or what is wrong with it. */
export function predecessors(
  task: PlannedTask,
  tasks: readonly PlannedTask[],
): { readonly ok: true; readonly after: string[] } | { readonly ok: false; readonly missing: string } {
  const names = new Set([...(task.after ?? []), ...referredIn(task.inputs)]);
  const after = new Set<string>();
  for (const name of names) {
    const found = named(name, tasks);
    if (found.length === 0) return { ok: false, missing: name };
    for (const id of found) after.add(id);
  }
  return { ok: true, after: [...after] };
}

/** A way round from a task to itself, or undefined. */
export function cycleIn(after: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const checked = new Set<string>();
  const path: string[] = [];
  const visit = (id: string): string[] | undefined => {
    const at = path.indexOf(id);
    if (at >= 0) return [...path.slice(at), id];
    if (checked.has(id)) return undefined;
    path.push(id);
    for (const before of after.get(id) ?? []) {
      const found = visit(before);
      if (found !== undefined) return found;
    }
    path.pop();
    checked.add(id);
    return undefined;
  };
  for (const id of after.keys()) {
    const found = visit(id);
    // Told in the order of the work.
    if (found !== undefined) return found.reverse();
  }
  return undefined;
}

/** The inputs with what they refer to put in; or the reference to which nothing answers. */
export function resolved(
  inputs: JsonObject,
  tasks: readonly PlannedTask[],
  receipts: Receipts,
): { readonly ok: true; readonly inputs: JsonObject } | { readonly ok: false; readonly missing: string } {
  let missing: string | undefined;
  const look = (id: string, path: string): Json => {
    const found = receipts[id] === undefined ? undefined : at(receipts[id], path);
    if (found === undefined) missing ??= path === '' ? id : `${id}: ${path}`;
    return found ?? null;
  };
  const put = (value: Json): Json => {
    const reference = referenceOf(value);
    if (reference !== undefined) {
      const { from, path } = reference;
      const one = tasks.some(({ id }) => id === from);
      return one ? look(from, path) : named(from, tasks).map((id) => look(id, path));
    }
    if (Array.isArray(value)) return value.map((one) => put(one as Json));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, put(one as Json)]));
  };
  const made = put(inputs) as JsonObject;
  return missing === undefined ? { ok: true, inputs: made } : { ok: false, missing };
}

/** What is found in a receipt along a path of names and numbers. */
function at(receipt: Receipt, path: string): Json | undefined {
  let value: unknown = receipt;
  for (const name of path === '' ? [] : path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value as Json | undefined;
}

/** Receipts together: the first start, the last end, what was used and paid in all. */
export function sumOf(receipts: readonly (readonly [task: string, receipt: Receipt])[]): ReceiptSum {
  const all = receipts.map(([, receipt]) => receipt);
  const used: Record<string, number> = {};
  for (const receipt of all) {
    for (const [unit, amount] of Object.entries(receipt.used)) used[unit] = (used[unit] ?? 0) + amount;
  }
  const cost = all.reduce((sum, receipt) => sum + Number(receipt.costMicro ?? 0), 0);
  return {
    tasks: receipts.map(([task]) => task),
    done: all.filter(({ outcome }) => outcome === 'done').length,
    startedAt: Math.min(...all.map(({ startedAt }) => startedAt)),
    endedAt: Math.max(...all.map(({ endedAt }) => endedAt)),
    outputs: all.map(({ outputs }) => outputs),
    used,
    warnings: all.flatMap(({ warnings }) => warnings),
    costMicro: String(Math.min(cost, MAX_MICRO)),
  };
}
