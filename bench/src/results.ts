// From bursts to results: the shape of the JSON, and how references and ratios are formed round by round.
import type { CheckReport } from '@tender/market';
import { cpuGroups } from './cpu.js';
import { type Latency, merged } from './histogram.js';
import type { Machine } from './lab.js';
import type { BenchOptions } from './options.js';
import type { BurstRecord } from './rounds.js';
import { median, type Spread, spread } from './stats.js';
import type { Sizes, Variant } from './variants.js';

export interface VariantResult {
  readonly id: string;
  readonly perSecond?: Spread | undefined;
  readonly latency: Readonly<Record<string, Latency>>;
  /** Medians over the rounds. */
  readonly cpuMicrosPerOp: Readonly<Record<string, number>>;
  readonly extra: Readonly<Record<string, number>>;
}

export interface Ratio {
  readonly id: string;
  readonly formula: string;
  readonly value: Spread;
  readonly target?: string | undefined;
  readonly met?: boolean | undefined;
}

export interface Results {
  readonly schema: 'tender-bench-1';
  readonly startedAt: string;
  readonly endedAt: string;
  readonly options: BenchOptions;
  readonly machine: Machine;
  /** How steady the host was: the calibration's times and what others took of the machine. */
  readonly host: {
    readonly calibrationMs: Spread;
    readonly foreignShare: Spread;
    readonly repeatedBursts: number;
    /** Spent waiting for others to leave the machine alone, in s. */
    readonly waitedS: number;
  };
  readonly variants: readonly VariantResult[];
  /** R, Q, D, M, L, A* and N*, per second. */
  readonly references: Readonly<Record<string, Spread>>;
  readonly ratios: readonly Ratio[];
  /** Broker CPU per award in µs, idle use subtracted, by the number of agents that bid. */
  readonly crowds: Readonly<Record<string, Spread>>;
  readonly checks: readonly { readonly market: string; readonly report: CheckReport }[];
  /** What ended the run before its last round; the figures are then those of the rounds before. */
  readonly failure?: string | undefined;
  readonly bursts: readonly Omit<BurstRecord, 'histograms'>[];
}

export function variantResults(variants: readonly Variant[], records: readonly BurstRecord[]): VariantResult[] {
  return variants.map(({ id }) => {
    const own = records.filter((record) => record.id === id);
    const names = [...new Set(own.flatMap((record) => Object.keys(record.histograms)))];
    const latency = Object.fromEntries(
      names.map((name) => [name, merged(own.flatMap(({ histograms }) => histograms[name] ?? []))]),
    );
    const cpuMicrosPerOp = Object.fromEntries(
      cpuGroups.map((group) => [group, median(own.map(({ cpuMicros, ops }) => cpuMicros[group] / Math.max(1, ops)))!]),
    );
    const extras = [...new Set(own.flatMap((record) => Object.keys(record.extra)))];
    const extra = Object.fromEntries(
      extras.map((name) => [name, median(own.flatMap((record) => record.extra[name] ?? []))!]),
    );
    const perSecond = spread(own.flatMap((record) => record.perSecond ?? []));
    return { id, perSecond, latency, cpuMicrosPerOp, extra };
  });
}

/** The figures of one round, by variant. */
class Round {
  readonly #records: ReadonlyMap<string, BurstRecord>;

  constructor(records: readonly BurstRecord[]) {
    this.#records = new Map(records.map((record) => [record.id, record]));
  }

  perSecond(id: string): number | undefined {
    return this.#records.get(id)?.perSecond;
  }

  /** The higher of the figures that there are: a reference is never the weaker way of measuring it. */
  #best(...ids: readonly string[]): number | undefined {
    const found = ids.flatMap((id) => this.perSecond(id) ?? []);
    return found.length === ids.length ? Math.max(...found) : undefined;
  }

  reference(name: string): number | undefined {
    switch (name) {
      case 'R':
        return this.#best('R/single', 'R/batch');
      case 'T':
        return this.#best('T/single', 'T/batch');
      case 'D':
        return this.#best('D/one-connection', 'D/own-connections');
      case 'A*':
      case 'A*(tokens)': {
        const [r, q] = [this.reference(name === 'A*' ? 'R' : 'T'), this.perSecond('Q')];
        return r && q && 1 / (1 / r + 1 / q);
      }
      default:
        return name.startsWith('N*') ? this.#negotiations(Number(name.slice(3, -1))) : this.perSecond(name);
    }
  }

  #negotiations(k: number): number | undefined {
    const [d, m, a] = [this.reference('D'), this.perSecond('M'), this.reference('A*')];
    return d && m && a && 1 / (k / d + k / m + 1 / a);
  }

  /** The median of one of a variant's times, in ms. */
  p50Ms(id: string, histogram: string): number | undefined {
    const found = this.#records.get(id)?.histograms[histogram];
    const { count, p50Ms } = merged(found === undefined ? [] : [found]);
    return count === 0 ? undefined : p50Ms;
  }

  brokerMicros(id: string): number | undefined {
    const record = this.#records.get(id);
    return record && record.cpuMicros.broker / record.ops;
  }

  /** Broker CPU per award of a crowd, in µs, less what an idle broker uses in the same time. */
  crowdMicros(agents: number): number | undefined {
    const [crowd, idle] = [this.#records.get(`crowd/${agents}`), this.#records.get('crowd/idle')];
    if (crowd === undefined || idle === undefined) return undefined;
    const idleMicros = (idle.cpuMicros.broker / idle.wallMs) * crowd.wallMs;
    return (crowd.cpuMicros.broker - idleMicros) / crowd.ops;
  }
}

function roundsOf(records: readonly BurstRecord[]): Round[] {
  const byRound = new Map<number, BurstRecord[]>();
  for (const record of records) byRound.set(record.round, [...(byRound.get(record.round) ?? []), record]);
  return [...byRound.values()].map((some) => new Round(some));
}

export function referencesOf(sizes: Sizes, records: readonly BurstRecord[]): Record<string, Spread> {
  const rounds = roundsOf(records);
  const names = ['R', 'Q', 'D', 'M', 'L', 'A*', 'T', 'A*(tokens)', 'K', ...sizes.bidders.map((k) => `N*(${k})`)];
  return present(names.map((name) => [name, spread(rounds.flatMap((round) => round.reference(name) ?? []))]));
}

/** Every ratio, formed within each round and only then summed up. */
export function ratiosOf(sizes: Sizes, records: readonly BurstRecord[]): Ratio[] {
  const rounds = roundsOf(records);
  const ratios: Ratio[] = [];
  const add: Add = (id, formula, of, target) => {
    const value = spread(rounds.flatMap((round) => of(round) ?? []));
    if (value !== undefined) ratios.push({ id, formula, value, target: target?.text, met: target?.met(value) });
  };
  const share = (id: string, reference: string) => (round: Round) => {
    const [rate, limit] = [round.perSecond(id), round.reference(reference)];
    return rate && limit && rate / limit;
  };
  const atLeast = (limit: number) => ({ text: `≥ ${limit}`, met: ({ median: value }: Spread) => value >= limit });
  for (const brokers of ['1-broker', '2-brokers']) {
    const id = `award/${brokers}/mac/256`;
    add(`${id} ÷ A*`, 'A* = 1/(1/R + 1/Q)', share(id, 'A*'), atLeast(0.7));
  }
  for (const mode of ['hosted', 'own']) {
    for (const k of sizes.bidders) {
      const id = `negotiation/${mode}/${k}`;
      const aimed = mode === 'hosted' && k !== sizes.bidders.at(-1);
      const formula = 'N*(k) = 1/(k/D + k/M + 1/A*)';
      add(`${id} ÷ N*(${k})`, formula, share(id, `N*(${k})`), aimed ? atLeast(0.5) : undefined);
    }
  }
  addHaggles(add);
  add('take/256 ÷ A*(tokens)', 'A*(tokens) = 1/(1/T + 1/Q)', share('take/256', 'A*(tokens)'), atLeast(0.7));
  add('T ÷ K', 'the token script ÷ a plain consume, both by a bare client', tokensBesidePlain);
  add('take/256 ÷ K', 'a take over NATS ÷ a plain consume by a bare client', share('take/256', 'K'));
  const [least, ...more] = sizes.crowds;
  const flat = { text: '0.8 to 1.2', met: ({ median: value }: Spread) => value >= 0.8 && value <= 1.2 };
  for (const agents of more) {
    const of = (round: Round) => {
      const [large, small] = [round.crowdMicros(agents), round.crowdMicros(least!)];
      return large && small && large / small;
    };
    const whole = (round: Round) => {
      const [large, small] = [round.brokerMicros(`crowd/${agents}`), round.brokerMicros(`crowd/${least}`)];
      return large && small && large / small;
    };
    add(`crowd/${agents} ÷ crowd/${least}`, 'broker CPU per award', whole, flat);
    add(`crowd/${agents} ÷ crowd/${least}, less idle use`, 'the same, idle use subtracted', of, flat);
  }
  return ratios;
}

/** Without a broker on either side. */
function tokensBesidePlain(round: Round): number | undefined {
  const [script, plain] = [round.reference('T'), round.perSecond('K')];
  return script && plain && script / plain;
}

type Add = (
  id: string,
  formula: string,
  of: (round: Round) => number | undefined,
  target?: { readonly text: string; readonly met: (value: Spread) => boolean },
) => void;

/** Of two agents at a time: a round beside a plain request and reply, and how many came to a contract. */
function addHaggles(add: Add): void {
  const beside = (inFlight: number) => (round: Round) => {
    const [own, plain] = [round.p50Ms(`haggle/${inFlight}`, 'round'), round.p50Ms(`Q/${inFlight}`, 'service')];
    return own && plain && own / plain;
  };
  const twice = { text: '≤ 2', met: ({ median: value }: Spread) => value <= 2 };
  add(
    'a round of haggle/1 ÷ Q/1',
    'p50 of a proposal and its answer ÷ p50 of a request and its reply',
    beside(1),
    twice,
  );
  add('a round of haggle/100 ÷ Q/100', 'the same, a hundred at once', beside(100));
  const many = { text: '≥ 200', met: ({ median: value }: Spread) => value >= 200 };
  add('haggle/100, contracts per second', 'concluded and done', (round) => round.perSecond('haggle/100'), many);
}

/** Broker CPU per award for each crowd, idle use subtracted, in µs. */
export function crowdMicros(sizes: Sizes, records: readonly BurstRecord[]): Record<string, Spread> {
  const rounds = roundsOf(records);
  return present(
    sizes.crowds.map((agents) => [`${agents}`, spread(rounds.flatMap((round) => round.crowdMicros(agents) ?? []))]),
  );
}

function present(entries: readonly (readonly [string, Spread | undefined])[]): Record<string, Spread> {
  return Object.fromEntries(entries.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}
