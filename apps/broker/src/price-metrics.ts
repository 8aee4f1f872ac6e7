// How right the broker's forecasts were, for Prometheus: worked out at the scrape.
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Judged, PriceBook } from './price-book.js';

/** `tender_quote_brier{pool}`, `tender_bucket_quote_brier{bucket}` and their companions. */
export function watchForecasts(registry: Registry, prices: PriceBook): void {
  forecastMetrics(registry, { prefix: 'tender_quote', label: 'pool', of: 'on bids' }, () => prices.judged().pools);
  const onTakes = { prefix: 'tender_bucket_quote', label: 'bucket', of: 'on takes' };
  forecastMetrics(registry, onTakes, () => prices.judged().buckets);
}

function forecastMetrics(
  registry: Registry,
  { prefix, label, of }: { readonly prefix: string; readonly label: string; readonly of: string },
  judged: () => readonly Judged[],
): void {
  const registers = [registry];
  const labelNames = [label];
  new Counter({
    name: `${prefix}_forecasts_total`,
    help: `Forecasts ${of} that the next clearing has judged`,
    labelNames,
    registers,
    collect() {
      this.reset();
      for (const { id, forecasts } of judged()) this.inc({ [label]: id }, forecasts);
    },
  });
  new Gauge({
    name: `${prefix}_brier`,
    help: `Brier score of the last 1024 forecasts ${of}: 0 is perfect, 0.25 what saying one half gets`,
    labelNames,
    registers,
    collect() {
      for (const { id, score } of judged()) this.set({ [label]: id }, score.brier);
    },
  });
  new Gauge({
    name: `${prefix}_base_rate`,
    help: 'How often what was forecast came true',
    labelNames,
    registers,
    collect() {
      for (const { id, score } of judged()) this.set({ [label]: id }, score.baseRate);
    },
  });
  new Gauge({
    name: `${prefix}_skill`,
    help: 'Brier skill score against the base rate: above 0 the forecasts know more than it',
    labelNames,
    registers,
    collect() {
      this.reset();
      for (const { id, score } of judged()) if (score.skill !== undefined) this.set({ [label]: id }, score.skill);
    },
  });
  reliability(registry, prefix, label, judged);
}

/** A tenth of the forecasts' range for each row; rows without any are left out. */
function reliability(registry: Registry, prefix: string, label: string, judged: () => readonly Judged[]): void {
  const gauge = (name: string, help: string, figureOf: (bin: Judged['score']['bins'][number]) => number | undefined) =>
    new Gauge({
      name: `${prefix}_${name}`,
      help,
      labelNames: [label, 'bin'],
      registers: [registry],
      collect() {
        this.reset();
        for (const { id, score } of judged()) {
          score.bins.forEach((bin, n) => {
            const value = figureOf(bin);
            if (bin.count > 0 && value !== undefined) this.set({ [label]: id, bin: (n / 10).toFixed(1) }, value);
          });
        }
      },
    });
  gauge('reliability', 'How often forecasts from this tenth on came true', ({ rate }) => rate);
  gauge('reliability_count', 'Forecasts in this tenth, of the last 1024', ({ count }) => count);
}
