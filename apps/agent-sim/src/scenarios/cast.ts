// What the scenarios' casts have in common: simple providers, contracts seen through, refusals counted off the log.
import { setTimeout as delay } from 'node:timers/promises';
import type { Agent, Appraise, Hired, HireOutcome, ProvideOptions, Providing } from '@tender/agent';
import type { TaskView } from '@tender/market';
import type { Move } from './move.js';

export const MINUTE = 60_000;
/** For an answer, on a machine that has much else to do; where all answer at once nobody waits so long. */
export const PATIENCE_MS = 4_000;

/** A provider that can do anything, for so much at least. */
export async function provideFor(
  agent: Agent,
  resource: string,
  appraise: Appraise,
  more: Partial<ProvideOptions> = {},
): Promise<Providing> {
  const providing = agent.provide(resource, { appraise, run: () => ({}), ...more });
  await providing.ready;
  return providing;
}

/** Judges no request before `heard`: so long it is the provider's turn, and whoever else speaks jumps it. */
export function thinksUntil(heard: Promise<unknown>, appraise: Appraise): Appraise {
  return async (request) => {
    await heard;
    return appraise(request);
  };
}

/** The contracts that came of it, settled: nothing is left pending. */
export async function seenThrough(outcome: HireOutcome): Promise<readonly TaskView[]> {
  return outcome.ok ? Promise.all(outcome.tasks.map((task) => task.settled)) : [];
}

/** Waits until the work begins, with its provider or one that stood by; false where it does not. */
export async function begins(hired: Hired): Promise<boolean> {
  while (hired.view.state === 'awarded' || hired.view.state === 'starting') await delay(10);
  return hired.view.state !== 'settled' || hired.view.outcome === 'done';
}

const noes: ReadonlySet<string> = new Set(['failure', 'reject-proposal', 'refuse', 'not-understood']);

/** What somebody was refused with, by agents and by the bank, in order. */
export function refusalsOf(moves: readonly Move[], name: string): string[] {
  return moves.flatMap((move) => {
    const isNo = noes.has(move.what) || / (refuse|failure|not-understood)$/.test(move.what);
    return move.to === name && isNo ? [move.detail ?? move.what] : [];
  });
}

/** The rounds that a conversation took: the highest that anybody claimed. */
export function roundsOf(moves: readonly Move[], conversation: string): number {
  return Math.max(0, ...moves.map((move) => (move.conversation === conversation ? (move.round ?? 0) : 0)));
}

export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** In per cent, to a tenth. */
export function percent(share: number): number {
  return Math.round(share * 1000) / 10;
}

/** Micro-credits as credits, to a hundredth. */
export function credits(micro: number): number {
  return Math.round(micro / 10_000) / 100;
}
