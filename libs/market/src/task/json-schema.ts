// JSON Schemas that come from others: read where every word of them is understood and checking stays cheap, else refused.
import { z } from 'zod';
import { type Refusal, refusal } from '../refusal.js';
import type { JsonObject } from './task.js';

/** What a schema may come to with all its references written out; a check takes about as many steps per value. */
const MAX_NODES = 1000;
const MAX_PATTERN = 128;
/** In how many ways the bounded repetitions of a pattern may be tried together. */
const MAX_WAYS = 1000;

export interface JsonSchema {
  readonly ok: true;
  /** The first thing that is wrong, in words, or undefined. */
  readonly faultOf: (value: unknown) => string | undefined;
}

type Node = Readonly<Record<string, unknown>>;

/** Keywords that say something about values of a type only; zod passes over them where the type is not named. */
const typed: Readonly<Record<string, readonly string[]>> = {
  object: [
    ...['properties', 'required', 'additionalProperties', 'patternProperties', 'propertyNames'],
    ...['minProperties', 'maxProperties'],
  ],
  array: ['items', 'prefixItems', 'contains', 'minContains', 'maxContains', 'minItems', 'maxItems', 'uniqueItems'],
  string: ['minLength', 'maxLength', 'pattern'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
};
const unreadable = ['not', 'if', 'then', 'else', 'dependentSchemas', 'dependentRequired', 'additionalItems'];
/** Definitions are not among them: they count where they are referred to. */
const inMap = ['properties', 'patternProperties'];
const inList = ['anyOf', 'oneOf', 'allOf', 'prefixItems'];
const single = ['additionalProperties', 'propertyNames', 'items', 'contains'];

/** Reads a schema (draft 2020-12), or says what in it cannot be read. */
export function readSchema(schema: JsonObject): JsonSchema | Refusal {
  try {
    countNodes(schema, schema, new Map());
    const read = z.fromJSONSchema(schema as never);
    return {
      ok: true,
      faultOf: (value) => {
        const result = read.safeParse(value);
        return result.success ? undefined : faultText(result.error);
      },
    };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return refusal('malformed', `the schema cannot be read: ${why}`);
  }
}

function faultText({ issues }: z.ZodError): string {
  const [first] = issues;
  if (first === undefined) return 'does not fit';
  const where = first.path.length === 0 ? '' : `${first.path.map(String).join('.')}: `;
  return `${where}${first.message}`.slice(0, 512);
}

/** How many nodes this one comes to; throws where one of them cannot be read. `known`: -1 while it is counted. */
function countNodes(node: unknown, root: Node, known: Map<object, number>): number {
  if (typeof node === 'boolean') return 1;
  if (typeof node !== 'object' || node === null || Array.isArray(node)) throw new Error('a schema is an object');
  const counted = known.get(node);
  if (counted === -1) throw new Error('it refers to itself');
  if (counted !== undefined) return counted;
  known.set(node, -1);
  const keys = node as Node;
  checkKeywords(keys);
  let sum = 1;
  for (const child of childrenOf(keys, root)) sum += countNodes(child, root, known);
  if (sum > MAX_NODES) throw new Error(`it has more than ${MAX_NODES} parts, references written out`);
  known.set(node, sum);
  return sum;
}

function childrenOf(node: Node, root: Node): unknown[] {
  const children: unknown[] = single.flatMap((key) => (node[key] === undefined ? [] : [node[key]]));
  for (const key of inList) children.push(...listOf(node[key] ?? [], key));
  for (const key of inMap) children.push(...Object.values(mapOf(node[key] ?? {}, key)));
  if (node.$ref !== undefined) children.push(target(root, node.$ref));
  return children;
}

function listOf(value: unknown, key: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`${key} is a list`);
  return value;
}

function mapOf(value: unknown, key: string): Node {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${key} is an object`);
  return value as Node;
}

function target(root: Node, ref: unknown): unknown {
  const match = typeof ref === 'string' ? /^#\/(\$defs|definitions)\/([^/~%]+)$/.exec(ref) : null;
  if (match === null) throw new Error('$ref: only #/$defs/<name>');
  const found = mapOf(root[match[1]!] ?? {}, match[1]!)[match[2]!];
  if (found === undefined) throw new Error(`there is no ${ref}`);
  return found;
}

function checkKeywords(node: Node): void {
  for (const key of unreadable) if (node[key] !== undefined) throw new Error(`${key} is not supported`);
  const types = Array.isArray(node.type) ? node.type : [node.type];
  for (const [type, keywords] of Object.entries(typed)) {
    const named = types.includes(type) || (type === 'number' && types.includes('integer'));
    const word = keywords.find((key) => node[key] !== undefined);
    if (word !== undefined && !named) throw new Error(`${word} needs "type": "${type}" beside it`);
  }
  const values = [...(Array.isArray(node.enum) ? node.enum : []), node.const];
  if (values.some((value) => typeof value === 'object' && value !== null)) {
    throw new Error('enum and const: no objects and lists');
  }
  const patterns = [node.pattern, ...Object.keys(mapOf(node.patternProperties ?? {}, 'patternProperties'))];
  for (const pattern of patterns) if (pattern !== undefined) checkPattern(pattern);
}

/**
 * A pattern is another's program. One that is anchored, repeats without bound in one place and repeats no group takes
 * a time in proportion to the text; bounded repetitions multiply it by the ways in which they can be tried.
 */
function checkPattern(pattern: unknown): void {
  if (typeof pattern !== 'string' || pattern.length > MAX_PATTERN) {
    throw new Error(`pattern: at most ${MAX_PATTERN} characters`);
  }
  const plain = pattern.replace(/\\./g, '.').replace(/\[(?:\\.|[^\]\\])*\]/g, '.');
  const endless = plain.match(/[*+]|\{\d+,\}/g)?.length ?? 0;
  if (waysOf(plain) > MAX_WAYS) throw new Error(`pattern: its bounded repetitions go more than ${MAX_WAYS} ways`);
  const safe = pattern.startsWith('^') && endless <= 1 && !/\)[*+?{]|\(\?|\|/.test(plain) && !/\\[1-9k]/.test(pattern);
  if (!safe)
    throw new Error('pattern: begins with ^, repeats without bound once at most, no alternatives, no repeated groups');
}

function waysOf(plain: string): number {
  let ways = 1;
  for (const [, least, most] of plain.matchAll(/\?|\{(\d+),(\d+)\}/g)) {
    ways *= most === undefined ? 2 : Number(most) - Number(least) + 1;
  }
  return ways;
}
