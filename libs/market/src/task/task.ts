// A task: what is to be done, what that takes, and what the result must look like; fixed, unlike its issues.
import { canonicalJson } from '@tender/credits';
import { z } from 'zod';
import { idText, poolIdText } from '../ids.js';

/** How far data may travel, rising. */
export const dataClasses = ['public', 'internal', 'confidential', 'restricted'] as const;
export type DataClass = (typeof dataClasses)[number];

/** Inputs, outputs and schemas, as JSON text in UTF-8, at most: a contract with all of them fits into one message. */
export const MAX_JSON_BYTES = 65_536;

/** Any JSON object of at most MAX_JSON_BYTES bytes. */
export const jsonObject = z
  .record(z.string().max(128), z.json())
  .refine((value) => jsonBytes(value) <= MAX_JSON_BYTES, `at most ${MAX_JSON_BYTES} bytes of JSON`);

/** What a value takes as JSON in UTF-8. */
export function jsonBytes(value: unknown): number {
  return new TextEncoder().encode(canonicalJson(value)).length;
}
export type JsonObject = z.infer<typeof jsonObject>;

export const taskSpec = z.strictObject({
  /** Of its buyer; at most one contract for it runs at a time, and none after one that was done. */
  task: idText,
  /** For people. */
  summary: z.string().min(1).max(512),
  /** What it runs on, `gpu.h100`: the call is announced under this name. */
  resource: poolIdText,
  /** Per unit. */
  memoryMb: z.int().min(0).max(100_000_000).optional(),
  /** Rate tokens that it will use. */
  tokens: z.int().min(0).max(1_000_000_000_000).optional(),
  /**
   * A hold of the buyer's, whose rate tokens the work may call the upstream with: nobody is engaged without them. What
   * was used the receipt says; the buyer gives back the rest.
   */
  tokenHold: idText.optional(),
  /** What the provider must have: data sets, drivers, receipts of earlier tasks. */
  dependencies: z.array(idText).max(32).optional(),
  dataClass: z.enum(dataClasses),
  inputs: jsonObject,
  /** JSON Schema (draft 2020-12) of the outputs; any object where absent. */
  output: jsonObject.optional(),
});
export type Task = z.infer<typeof taskSpec>;
