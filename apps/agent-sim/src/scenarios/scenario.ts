// A scenario: one pattern of negotiation played by real agents, with a rule that somebody tries to break, and a metric.
import type { LlmTrace } from '../llm-trace.js';
import type { Check } from '../result.js';
import type { Move } from './move.js';
import type { World } from './world.js';

/** A figure is worth something beside another. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  /** `%`, `rounds`, `credits`, `ms`; empty for a bare number. */
  readonly unit: string;
  /** What it is compared with, where there is something to compare it with. */
  readonly against?: { readonly name: string; readonly value: number } | undefined;
}

/** What became of those who tried to break the rule, and of those who did not. */
export interface Guard {
  /** Attempts, each made on purpose. */
  readonly tried: number;
  /** What they were refused with, and how often. */
  readonly stopped: Readonly<Record<string, number>>;
  /** Each a sentence: where the rule was broken all the same. None is what it must be. */
  readonly breaches: readonly string[];
}

export interface Outcome {
  readonly guard: Guard;
  /** The first one is the scenario's metric. */
  readonly figures: readonly [Figure, ...Figure[]];
  /** What else there is to say, a sentence each. */
  readonly notes: readonly string[];
  /** What needs more than a figure a line. */
  readonly tables?: readonly Table[];
}

/** The first column is text, the others are figures. */
export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** What somebody may want otherwise; each goes with the scenarios that know it. */
export interface Settings {
  /** How long the demand lasts. */
  readonly seconds?: number | undefined;
  readonly llmTrace?: LlmTrace | undefined;
  /** The upstream says nothing of what is left of its limits. */
  readonly quiet?: boolean | undefined;
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** The pattern in a line, for the list. */
  readonly about: string;
  /** What must hold, whoever tries what. */
  readonly guardrail: string;
  /** What the metric says, and what it is compared with. */
  readonly metric: string;
  /** Which settings it knows; none where absent. */
  readonly takes?: readonly (keyof Settings)[];
  run(world: World, settings: Settings): Promise<Outcome>;
}

/** A scenario that was played, with the books checked afterwards. */
export interface Played {
  readonly name: string;
  readonly title: string;
  readonly guardrail: string;
  readonly metric: string;
  readonly seed: number;
  readonly tookMs: number;
  readonly guard: Guard & { readonly held: boolean };
  readonly figures: readonly [Figure, ...Figure[]];
  readonly notes: readonly string[];
  readonly tables?: readonly Table[];
  readonly moves: readonly Move[];
  readonly check: Check;
  /** The guardrail held, it had something to stop, and the books are in order (or nobody wanted them checked). */
  readonly ok: boolean;
}

/** Counts of whatever has names. */
export function tallyOf(names: Iterable<string>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

export function stoppedBy(guard: Guard): number {
  return Object.values(guard.stopped).reduce((sum, count) => sum + count, 0);
}

/** A guardrail that never had anything to stop proves nothing. */
export function heldBy(guard: Guard): boolean {
  return guard.breaches.length === 0 && guard.tried > 0 && stoppedBy(guard) >= guard.tried;
}
