// What is measured, as data: every variant of the bench, each with the id by which `--only` and the results name it.
import type { SealKind } from '@tender/market';
import type { BenchOptions } from './options.js';
import type { Swarm, SwarmMode } from './place.js';
import type { FlowKind } from './roles/publisher.js';
import type { RawMode } from './roles/raw.js';

/** `one` has one broker, `two` has two: two markets on the same NATS and Redis, so that both stay alive all the time. */
export const markets = ['one', 'two'] as const;
export type Market = (typeof markets)[number];

export type Variant = { readonly id: string } & (
  | { readonly kind: 'award'; readonly market: Market; readonly seal: SealKind; readonly inFlight: number }
  | { readonly kind: 'raw'; readonly mode: RawMode }
  | { readonly kind: 'echo'; readonly inFlight: number }
  | { readonly kind: 'locks' }
  | { readonly kind: 'flow'; readonly flow: FlowKind }
  | { readonly kind: 'negotiation'; readonly swarm: Swarm; readonly inFlight: number }
  | { readonly kind: 'haggle'; readonly inFlight: number }
  | { readonly kind: 'take'; readonly inFlight: number }
  | { readonly kind: 'raw-take'; readonly mode: RawMode }
  | { readonly kind: 'plain' }
  | { readonly kind: 'idle' }
  | { readonly kind: 'crowd'; readonly swarm: Swarm }
  | { readonly kind: 'latency'; readonly swarm: Swarm; readonly half: string }
);
export type VariantOf<K extends Variant['kind']> = Extract<Variant, { readonly kind: K }>;

/** Bidders per call, and agents of the crowds: ascending, the middle one of `bidders` is the latency's. */
export interface Sizes {
  readonly bidders: readonly number[];
  readonly crowds: readonly number[];
}

export function sizesOf(options: BenchOptions): Sizes {
  return options.quick
    ? { bidders: [3, 5, 8], crowds: [5, 8, Math.min(12, options.crowd)] }
    : { bidders: [10, 50, 500], crowds: [50, 500, options.crowd] };
}

/** Calls under way at once: enough to keep two cores busy, fewer where each is larger. */
function callsAtOnce(bidders: number): number {
  if (bidders <= 10) return 32;
  return bidders <= 50 ? 16 : 4;
}

export function variantsOf(options: BenchOptions): Variant[] {
  const sizes = sizesOf(options);
  const all = [...awardVariants(), ...ceilings, ...haggles, ...takes, ...swarmVariants(sizes)];
  const { only } = options;
  return only.length === 0 ? all : all.filter(({ id }) => only.some((part) => names(id, part)));
}

/** Whole parts of an id: `hosted/50` does not mean `hosted/500`. */
function names(id: string, part: string): boolean {
  return `/${id}/`.includes(`/${part.replace(/^\/|\/$/g, '')}/`);
}

function awardVariants(): Variant[] {
  const list: Variant[] = [];
  for (const market of markets) {
    for (const seal of ['mac', 'ed25519'] as const) {
      for (const inFlight of [1, 16, 128, 256, 512]) {
        const brokers = market === 'one' ? '1-broker' : '2-brokers';
        list.push({ id: `award/${brokers}/${seal}/${inFlight}`, kind: 'award', market, seal, inFlight });
      }
    }
  }
  return list;
}

const ceilings: readonly Variant[] = [
  { id: 'R/single', kind: 'raw', mode: 'single' },
  { id: 'R/batch', kind: 'raw', mode: 'batch' },
  { id: 'Q', kind: 'echo', inFlight: 256 },
  { id: 'D/one-connection', kind: 'flow', flow: 'one' },
  { id: 'D/own-connections', kind: 'flow', flow: 'many' },
  { id: 'M', kind: 'flow', flow: 'direct' },
  { id: 'L', kind: 'locks' },
];

/** One pair at a time, and a hundred; beside each a plain request and reply of the same sizes and as many at once. */
const haggles: readonly Variant[] = [1, 100].flatMap((inFlight) => [
  { id: `haggle/${inFlight}`, kind: 'haggle' as const, inFlight },
  { id: `Q/${inFlight}`, kind: 'echo' as const, inFlight },
]);

/** Rate tokens: over the wire, by the script alone, and a plain limiter's consume on the same Redis. */
const takes: readonly Variant[] = [
  ...[1, 256].map((inFlight) => ({ id: `take/${inFlight}`, kind: 'take' as const, inFlight })),
  { id: 'T/single', kind: 'raw-take', mode: 'single' },
  { id: 'T/batch', kind: 'raw-take', mode: 'batch' },
  { id: 'K', kind: 'plain' },
];

function swarmVariants({ bidders, crowds }: Sizes): Variant[] {
  const list: Variant[] = [];
  for (const mode of ['hosted', 'own'] as const satisfies readonly SwarmMode[]) {
    for (const agents of bidders) {
      const swarm = { mode, agents };
      list.push({ id: `negotiation/${mode}/${agents}`, kind: 'negotiation', swarm, inFlight: callsAtOnce(agents) });
    }
  }
  for (const mode of ['hosted', 'own'] as const) {
    const swarm = { mode, agents: bidders[1]! };
    list.push({ id: `latency/${mode}`, kind: 'latency', swarm, half: `negotiation/${mode}/${swarm.agents}` });
  }
  list.push({ id: 'crowd/idle', kind: 'idle' });
  for (const agents of crowds) {
    const swarm = { mode: 'own' as const, agents };
    list.push({ id: `crowd/${agents}`, kind: 'crowd', swarm });
  }
  return list;
}

/** The swarms that these variants need, each once. */
export function swarmsOf(variants: readonly Variant[]): Swarm[] {
  const found = new Map<string, Swarm>();
  for (const variant of variants) {
    if ('swarm' in variant) found.set(`${variant.swarm.mode}-${variant.swarm.agents}`, variant.swarm);
  }
  return [...found.values()];
}
