// What the terms of a task are worth to its buyer and cost its provider, in money; drawn by the seed, known to nobody else.
import { CREDIT } from '@tender/credits';
import type { Issues } from '@tender/market';
import type { Prng } from '../prng.js';
import { type Choices, type Gain, priceOf, type Sides } from './bargain.js';
import type { Explorer } from './trade-off.js';

export interface Tastes {
  /** The task done in full, at once, without help. */
  readonly worth: number;
  /** Each minute later. */
  readonly perMinute: number;
  /** Each doubling of the machines, and of what is handed over at once. */
  readonly perUnits: number;
  readonly perBatch: number;
}

export interface Costs {
  /** The work in full. */
  readonly work: number;
  /** To be done within a minute; half of it within two. */
  readonly rush: number;
  /** Each machine beyond the first, and each eight items of a batch. */
  readonly perUnit: number;
  readonly perBatch: number;
}

/** Evenly between two amounts of credits, or evenly between their magnitudes: some care ten times as much as others. */
const between = (prng: Prng, least: number, most: number) =>
  Math.round((least + (most - least) * prng.next()) * CREDIT);
const about = (prng: Prng, least: number, most: number) => Math.round(least * (most / least) ** prng.next() * CREDIT);

export function drawTastes(prng: Prng): Tastes {
  return {
    worth: between(prng, 24, 34),
    perMinute: about(prng, 0.1, 4),
    perUnits: about(prng, 0.3, 8),
    perBatch: about(prng, 0.1, 3),
  };
}

export function drawCosts(prng: Prng): Costs {
  return {
    work: between(prng, 4, 9),
    rush: about(prng, 0.5, 16),
    perUnit: about(prng, 0.3, 6),
    perBatch: about(prng, 0.1, 3),
  };
}

const MINUTE = 60_000;

/** `zeroMs`: when the negotiation began, by the broker's clock: deadlines are counted from then. */
export function gainsOf(preferences: Tastes, costs: Costs, zeroMs: number): Sides {
  const minutes = ({ deadline }: Issues) => Math.max(1, (deadline - zeroMs) / MINUTE);
  const value: Gain = (issues) => {
    const { worth, perMinute, perUnits, perBatch } = preferences;
    const done = worth * (issues.scope / 1000) ** 0.7;
    return (
      done - perMinute * (minutes(issues) - 1) + perUnits * Math.log2(issues.units) + perBatch * Math.log2(issues.batch)
    );
  };
  const cost: Gain = (issues) => {
    const { work, rush, perUnit, perBatch } = costs;
    return (
      work * (issues.scope / 1000) +
      rush / minutes(issues) +
      perUnit * (issues.units - 1) +
      (perBatch * issues.batch) / 8
    );
  };
  return {
    buyer: (issues) => Math.round(value(issues)) - priceOf(issues),
    provider: (issues) => priceOf(issues) - Math.round(cost(issues)),
  };
}

/** What is on the table beside the price. */
export function tableOf(zeroMs: number): Choices {
  return {
    deadline: [1, 2, 3, 4, 5].map((minute) => zeroMs + minute * MINUTE),
    units: [1, 2, 3, 4],
    batch: [1, 4, 8, 16, 32],
    scope: [400, 550, 700, 850, 1000],
  };
}

/** The same as a buyer steps down from what it would like best. */
export function laddersOf(zeroMs: number): Explorer['ladders'] {
  return {
    deadline: [1, 2, 3, 4, 5].map((minute) => zeroMs + minute * MINUTE),
    units: [4, 3, 2, 1],
    batch: [32, 16, 8, 4, 1],
    scope: [1000, 850, 700, 550, 400],
  };
}
