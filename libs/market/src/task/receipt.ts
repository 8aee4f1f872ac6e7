// What a provider hands over at the end of a task, well or badly ended, and what it says on the way.
import { microText } from '@tender/credits';
import { z } from 'zod';
import { timeMs } from '../ids.js';
import { jsonObject } from './task.js';

/** Kinds of what was used; a receipt must leave room for the contract beside it. */
const MAX_USED = 64;

export const receiptSpec = z.strictObject({
  outcome: z.enum(['done', 'failed']),
  startedAt: timeMs,
  endedAt: timeMs,
  /** Of a task that was done: fits the task's output schema. */
  outputs: jsonObject,
  /** What was used, in units of the provider's choice: `{"gpuSeconds": 120, "tokens": 3000}`. */
  used: z
    .record(z.string().max(64), z.number())
    .refine((used) => Object.keys(used).length <= MAX_USED, `at most ${MAX_USED} kinds`),
  warnings: z.array(z.string().max(256)).max(32),
  /** Why it failed, for people. */
  message: z.string().max(1024).optional(),
  costMicro: microText.optional(),
});
export type Receipt = z.infer<typeof receiptSpec>;

export const progressSpec = z.strictObject({
  percent: z.int().min(0).max(100),
  /** Intermediate outputs. */
  outputs: jsonObject.optional(),
  /** A new estimate of when it will be done. */
  completesAt: timeMs.optional(),
  warnings: z.array(z.string().max(256)).max(32).optional(),
});
export type Progress = z.infer<typeof progressSpec>;
