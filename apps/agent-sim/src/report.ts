// The report: a run as one self-contained HTML page with plots, and each plot's figures as a table beside it.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { showCount, showWholeCredits } from './figures.js';
import { barTable, type Html, html, table } from './html.js';
import { pageText } from './page.js';
import { type Figure, figures } from './report-plots.js';
import type { Result } from './result.js';
import { headline, slownessOf } from './verdict.js';

/** The page; reads template and plotting library from disk, the network never. */
export function reportHtml(result: Result): string {
  const require = createRequire(import.meta.url);
  const uplot = dirname(require.resolve('uplot/package.json'));
  const drawn = figures(result);
  return pageText({
    title: `Tender: ${result.run.pool}, seed ${result.run.seed}`,
    body: body(result, drawn),
    plots: {
      css: readFileSync(join(uplot, 'dist/uPlot.min.css'), 'utf8'),
      js: readFileSync(join(uplot, 'dist/uPlot.iife.min.js'), 'utf8'),
      data: Object.fromEntries(drawn.map((figure) => [figure.id, figure.plot])),
    },
  });
}

function body(result: Result, drawn: readonly Figure[]): Html {
  const { run, demand } = result;
  const seconds = Math.round(run.wallMs / 1000);
  return html`
<header><h1>Tender: the run’s report</h1>${badge(result)}</header>
<p class="soft">${showCount(run.agents)} agents on ${showCount(run.connections)} connections, pool ${run.pool} with ${run.slots} slots
(${run.reserve} of them the priority reserve), strategy ${run.strategy}, demand: ${demand.source}, ${showCount(demand.jobs)} jobs;
started ${run.startedAt}, ${seconds} seconds in all.</p>
${slownessLine(result)}<dl class="tiles">${headline(result).map(tile)}</dl>
<div class="grid">
${drawn.map(figureCard)}
${strategyCard(result)}
${refusalCard(result)}
${traceCard(result)}
${checkCard(result)}
${againCard(result)}
</div>`;
}

/** The figure stands large, what there is to say about it small. */
function tile([name, figure, more]: readonly [string, string, string]): Html {
  const small = more === '' ? html`` : html`<dd class="more">${more}</dd>`;
  return html`<div><dt>${name}</dt><dd>${figure}</dd>${small}</div>`;
}

function slownessLine(result: Result): Html {
  const slowness = slownessOf(result);
  return slowness === undefined ? html`` : html`<p class="open"><strong>${slowness}</strong></p>\n`;
}

function badge({ check }: Result): Html {
  if (check.ok === undefined) return html`<span class="verdict open">invariants not checked</span>`;
  return check.ok
    ? html`<span class="verdict good">✓ every invariant holds</span>`
    : html`<span class="verdict bad">✗ an invariant is broken</span>`;
}

function figureCard(figure: Figure): Html {
  return html`<figure class="card" aria-labelledby="${figure.id}-title">
<figcaption><h2 id="${figure.id}-title">${figure.title}</h2><p>${figure.text}</p></figcaption>
<div class="plot" id="${figure.id}" role="img" aria-label="${figure.title}; the figures are in the table below"></div>
<details><summary>The figures as a table</summary>${figure.table}</details></figure>`;
}

function card(title: string, text: string, content: Html, wide = false): Html {
  return html`<section class="${wide ? 'card wide' : 'card'}"><h2>${title}</h2><p class="soft">${text}</p>${content}</section>`;
}

function strategyCard(result: Result): Html {
  const rows = result.strategies.map((row) => [
    row.strategy,
    showCount(row.agents),
    showCount(row.jobs),
    showCount(row.met),
    showWholeCredits(row.valueMicro),
    showWholeCredits(row.paidMicro),
    showWholeCredits(row.valueMicro - row.paidMicro),
  ]);
  const head = ['strategy', 'agents', 'jobs', 'done in time', 'value', 'paid', 'gain'];
  return card(
    'Strategies',
    'In credits; gain is the value of the jobs done in time less all that was paid.',
    table('Strategies', head, rows),
  );
}

function refusalCard(result: Result): Html {
  const counts = Object.fromEntries(Object.entries(result.refusals).filter(([, count]) => count > 0));
  const content =
    Object.keys(counts).length === 0 ? html`<p>None.</p>` : barTable('Refusals by reason', ['reason', 'count'], counts);
  return card(
    'Refusals by reason',
    'Bids that lost or were barred, agents that declined a call, and what the bank refused.',
    content,
  );
}

function traceCard(result: Result): Html {
  const { trace, clampedShort, clampedLong } = result.demand;
  const clamped = { 'raised to the shortest lease': clampedShort, 'cut to what fits the run': clampedLong };
  if (trace === undefined) {
    return card(
      'Durations that were changed',
      'Jobs whose duration did not fit the run.',
      barTable('Durations', ['what', 'jobs'], clamped),
    );
  }
  const text = `${showCount(trace.used)} of ${showCount(trace.rows)} rows became jobs, ${showCount(trace.speed)} recorded seconds to one, from second ${showCount(trace.fromS)} on.`;
  const left = { ...trace.unusable, ...trace.outside };
  const changed = {
    ...clamped,
    'a fraction of a GPU, rounded up to a slot': trace.fractions,
    'never placed by the recorded cluster': trace.neverScheduled,
  };
  return card(
    'Rows of the trace',
    text,
    html`${barTable('Rows not used, by reason', ['not used, by reason', 'rows'], left)}<br>${barTable('Rows used with a change', ['used, with a change', 'rows'], changed)}`,
  );
}

function checkCard({ check }: Result): Html {
  if (check.ok === undefined) return card('Invariants', `Not checked: ${check.why ?? 'no reason given'}.`, html``);
  const rows = check.lines.map(
    (line) =>
      html`<tr><td>${line.invariant}</td><td class="text mark ${line.ok ? 'good' : 'bad'}">${line.ok ? '✓ holds' : '✗ broken'}</td><td class="text">${line.detail}</td></tr>`,
  );
  const content = html`<div class="scroll"><table aria-label="Invariants"><tbody>${rows}</tbody></table></div>`;
  return card('Invariants', 'Checked on the market’s own books after the last lease had ended.', content, true);
}

function againCard({ run, demand }: Result): Html {
  return card(
    'Run it again',
    `The same seed makes the same demand (SHA-256 ${demand.digest}); who wins also depends on how the machine’s clock and load fall.`,
    html`<pre><code>${run.command}</code></pre>`,
    true,
  );
}
