// The results as Markdown, for the terminal and for the README between its markers.
import { readFileSync, writeFileSync } from 'node:fs';
import type { Latency } from './histogram.js';
import type { Results, VariantResult } from './results.js';
import type { Spread } from './stats.js';

export const BEGIN = '<!-- results: made by `npm run bench -- --table`, do not edit -->';
export const END = '<!-- end of results -->';

function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function range({ q1, q3, min, max }: Spread, show: (value: number) => string): string {
  return `${show(q1)}–${show(q3)} (${show(min)}–${show(max)})`;
}

const ms = (value: number) => (value < 10 ? value.toFixed(2) : value.toFixed(1));
const twoPlaces = (value: number) => value.toFixed(2);

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  return [row(heads), row(heads.map((_, index) => (index === 0 ? '---' : '---:'))), ...rows.map(row), ''];
}

function cpu({ cpuMicrosPerOp: used }: VariantResult): string {
  return ['broker', 'nats', 'redis', 'client'].map((group) => whole(used[group] ?? 0)).join(' / ');
}

function latencyCells(latency: Latency | undefined): string[] {
  return latency === undefined ? ['', ''] : [ms(latency.p50Ms), ms(latency.p99Ms)];
}

/** The whole report as Markdown. */
export function markdown(results: Results): string {
  const of = (prefix: string) => results.variants.filter(({ id }) => id.startsWith(prefix));
  return [
    ...heading(results),
    '**Against the references** (each round by itself, then the median of the rounds)',
    '',
    ...table(
      ['ratio', 'median', 'quartiles (range)', 'target', ''],
      results.ratios.map(({ id, value, target, met }) => {
        const verdict = met === undefined ? '' : met ? 'met' : '**missed**';
        return [id, twoPlaces(value.median), range(value, twoPlaces), target ?? '', verdict];
      }),
    ),
    '**References**, per second',
    '',
    ...table(
      ['', 'median', 'quartiles (range)'],
      Object.entries(results.references).map(([name, value]) => [name, whole(value.median), range(value, whole)]),
    ),
    '**Throughput**, per second; CPU in µs per operation: broker / nats / redis / clients',
    '',
    ...table(
      ['variant', 'median', 'quartiles (range)', 'p50 ms', 'p99 ms', 'CPU µs'],
      results.variants.flatMap((variant) => {
        if (variant.perSecond === undefined) return [];
        const latency = Object.values(variant.latency)[0];
        const { perSecond } = variant;
        const cells = latencyCells(latency);
        return [[variant.id, whole(perSecond.median), range(perSecond, whole), ...cells, cpu(variant)]];
      }),
    ),
    ...crowds(results),
    ...latencies(of('latency/')),
  ].join('\n');
}

function heading({ machine, startedAt, options, host, checks, references, failure }: Results): string[] {
  const { cpu: name, cores, memoryGb, kernel, node, nats, redis } = machine;
  const breaches = checks.flatMap(({ market, report }) => (report.ok ? [] : [market]));
  const entries = checks.reduce((sum, { report }) => sum + report.seq, 0);
  const verdict = breaches.length === 0 ? 'every invariant holds' : `BREACHED in ${breaches.join(', ')}`;
  const rounds = `${options.rounds} rounds of ${options.burstMs} ms bursts, seed ${options.seed}`;
  return [
    `${startedAt.slice(0, 16).replace('T', ' ')} UTC, ${rounds}, ${Object.keys(references).length} references. ` +
      `${cores} cores (${name}), ${memoryGb} GB, Linux ${kernel}, Node ${node}, nats-server ${nats}, Redis ${redis}.`,
    `Calibration ${ms(host.calibrationMs.median)} ms, ${range(host.calibrationMs, ms)}; other processes took ` +
      `${(100 * host.foreignShare.median).toFixed(1)} % of the machine in the median burst and ` +
      `${(100 * host.foreignShare.max).toFixed(0)} % in the worst; ${host.repeatedBursts} bursts were repeated for it, ${host.waitedS} s were spent waiting for a quiet host.`,
    `${whole(entries)} journal entries checked: ${verdict}.`,
    ...(failure === undefined ? [] : ['', `**The run FAILED before its end:** ${failure.split('\n')[0]}`]),
    '',
  ];
}

function crowds({ crowds: found }: Results): string[] {
  const rows = Object.entries(found).map(([agents, value]) => [agents, whole(value.median), range(value, whole)]);
  if (rows.length === 0) return [];
  const title = '**Broker CPU per award**, µs, all agents on connections of their own and all of them bidding';
  return [title, '', ...table(['agents', 'median', 'quartiles (range)'], rows)];
}

function latencies(variants: readonly VariantResult[]): string[] {
  if (variants.length === 0) return [];
  const rows = variants.map(({ id, latency, extra, cpuMicrosPerOp }) => {
    const { fromSchedule, fromCfp } = latency;
    const cells = [...latencyCells(fromSchedule), ...latencyCells(fromCfp)];
    const broker = whole(cpuMicrosPerOp.broker ?? 0);
    return [
      id,
      (extra.callsPerSecond ?? 0).toFixed(0),
      `${fromSchedule?.count ?? 0}`,
      ...cells,
      `${extra.short ?? 0}`,
      `${extra.unsold ?? 0}`,
      broker,
    ];
  });
  const title = '**Latency beyond the bid window at half load**, ms, open loop';
  const heads = [
    'variant',
    'calls/s',
    'calls',
    'p50',
    'p99',
    'p50 from cfp',
    'p99 from cfp',
    'late bids',
    'unsold',
    'broker µs',
  ];
  return [title, '', ...table(heads, rows)];
}

/** Puts the results between the README's markers. Throws where it has none. */
export function writeTable(results: Results, readme: URL): void {
  const text = readFileSync(readme, 'utf8');
  const [before, rest] = text.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`${readme.pathname} has lost its markers`);
  writeFileSync(readme, `${before}${BEGIN}\n\n${markdown(results)}\n${END}${after}`);
}
