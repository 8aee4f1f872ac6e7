// What a provider says that it has and takes: the rest, its load above all, it works out by itself.
import type { DataClass, Effort, Task } from '@tender/market';

/** What a provider says of itself; what it leaves out is no limit. */
export interface CapabilityOptions {
  /** Slots or machines; default 1. */
  readonly units?: number;
  /** Per unit. */
  readonly memoryMb?: number;
  /** Items that are handed over at once, at most. */
  readonly batch?: number;
  /** Rate tokens: so many at most, filled up by so many in an hour. */
  readonly tokens?: { readonly most: number; readonly perHour: number };
  readonly dependencies?: readonly string[];
  /** Where it can work; default: anywhere. */
  readonly regions?: readonly string[];
  /** Data up to this class; default `public`. */
  readonly dataClass?: DataClass;
  /** How fast and how dear a task is. */
  readonly effort: Effort | ((task: Task) => Effort);
  /** Of the price, what must be left above the cost; default 0. */
  readonly marginPermille?: number;
  /** What it asks first, in thousandths of the least that it takes; default: what the buyer offers. */
  readonly wishPermille?: number;
}
