// The only randomness of the simulator: a seeded generator, so that a run's demand can be made again from its seed.
import { createHash } from 'node:crypto';

/** Draws; each call moves the generator on. */
export interface Prng {
  /** Uniform in [0, 1), 32 bits fine. */
  next(): number;
  /** Whole, uniform in [0, below). */
  int(below: number): number;
  exponential(mean: number): number;
  normal(): number;
  /** exp(mu + sigma·normal). */
  lognormal(mu: number, sigma: number): number;
  /** An index, drawn in proportion to its weight; the weights' sum must be above zero. */
  weighted(weights: readonly number[]): number;
}

/**
 * sfc32, Chris Doty-Humphrey's small fast counter generator (PractRand 0.94, 128 bits of state, period ≥ 2^32),
 * seeded with SHA-256 of seed and stream: streams of one seed are independent, so that drawing more values in one
 * place does not shift what another place draws.
 */
export function createPrng(seed: number | string, stream: string): Prng {
  const digest = createHash('sha256').update(`tender-sim|${seed}|${stream}`).digest();
  let a = digest.readInt32LE(0);
  let b = digest.readInt32LE(4);
  let c = digest.readInt32LE(8);
  let counter = 1;
  const next = (): number => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    c |= 0;
    return (t >>> 0) / 4_294_967_296;
  };
  for (let round = 0; round < 12; round++) next();
  return drawsOf(next);
}

function drawsOf(next: () => number): Prng {
  const exponential = (mean: number): number => -Math.log(1 - next()) * mean;
  // Box and Muller 1958; the second variate is thrown away to keep the state in one place.
  const normal = (): number => Math.sqrt(exponential(2)) * Math.cos(2 * Math.PI * next());
  return {
    next,
    int: (below) => Math.floor(next() * below),
    exponential,
    normal,
    lognormal: (mu, sigma) => Math.exp(mu + sigma * normal()),
    weighted: (weights) => {
      let left = next() * weights.reduce((sum, weight) => sum + weight, 0);
      const index = weights.findIndex((weight) => {
        left -= weight;
        return left < 0;
      });
      return index < 0 ? weights.length - 1 : index;
    },
  };
}
