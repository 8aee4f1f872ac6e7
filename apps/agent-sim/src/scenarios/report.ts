// The scenarios' report: one self-contained page with each guardrail, metric and verdict, and every move.
import { showMs } from '../figures.js';
import { type Html, html, table } from '../html.js';
import { pageText } from '../page.js';
import type { Move } from './move.js';
import type { Played } from './scenario.js';
import { cellsOf, moveHead, showAgainst, showCheck, showFigure, showGuard } from './show.js';

export interface ReportOf {
  readonly played: readonly Played[];
  readonly market: string;
  readonly startedAt: string;
  /** How to run it again. */
  readonly command: string;
}

/** More moves than anybody reads make a page that no browser shows at once. */
const MAX_MOVES = 600;

export function scenarioReport(report: ReportOf): string {
  return pageText({ title: 'Tender: scenarios', body: body(report) });
}

function body({ played, market, startedAt, command }: ReportOf): Html {
  const badge = played.every(({ ok }) => ok)
    ? html`<span class="verdict good">✓ every guardrail held, every invariant holds</span>`
    : html`<span class="verdict bad">✗ a guardrail or an invariant is broken</span>`;
  return html`
<header><h1>Tender: scenarios</h1>${badge}</header>
<p class="soft">${played.length} scenarios in market ${market}, played over NATS by real agents; started ${startedAt}.
Each has somebody in it who tries to break its rule.</p>
<section class="card wide"><h2>At a glance</h2>${glance(played)}</section>
<br>
<div class="grid">
${played.map(card)}
<section class="card wide"><h2>Run it again</h2><p class="soft">The same seed makes the same agents, tasks and prices; who speaks first also depends on the machine.</p>
<pre>${command}</pre></section>
</div>`;
}

function glance(played: readonly Played[]): Html {
  const rows = played.map((one) => {
    const [metric] = one.figures;
    return [
      html`<a href="#${one.name}">${one.name}</a>`,
      mark(one.guard.held),
      `${metric.name}: ${showFigure(metric.value, metric.unit)}`,
      showAgainst(metric) || '–',
      mark(one.check.ok),
      showMs(one.tookMs),
    ];
  });
  return table('Scenarios', ['scenario', 'guardrail', 'metric', 'beside', 'books', 'took'], rows);
}

function mark(ok: boolean | undefined): Html {
  if (ok === undefined) return html`<span class="open">not checked</span>`;
  return ok ? html`<span class="good">✓ holds</span>` : html`<span class="bad">✗ broken</span>`;
}

function card(played: Played): Html {
  const { guard, figures, moves, notes, tables = [] } = played;
  const rows = figures.map((figure) => [
    figure.name,
    showFigure(figure.value, figure.unit),
    showAgainst(figure) || '–',
  ]);
  return html`<section class="card wide" id="${played.name}"><h2>${played.title}</h2>
<p><strong>Guardrail.</strong> ${played.guardrail} ${mark(guard.held)}</p>
<p class="soft">${showGuard(played)}.</p>
${guard.breaches.map((breach) => html`<p class="bad">${breach}</p>`)}
<p><strong>Metric.</strong> ${played.metric}</p>
${table(`Figures of ${played.name}`, ['figure', 'value', 'beside'], rows)}
${tables.map(({ title, head, rows: cells }) => html`<p><strong>${title}</strong></p>${table(title, head, cells)}<br>`)}
${notes.map((note) => html`<p class="soft">${note}</p>`)}
<p class="soft">Books: ${showCheck(played)}.</p>
${movesOf(played.name, moves)}</section>`;
}

/** What it is about may take several lines; amounts stand to the right. */
function classOf(column: number): string {
  return column === 7 ? 'text' : column === 6 ? 'mark' : 'text mark';
}

function movesOf(name: string, moves: readonly Move[]): Html {
  const shown = moves.slice(0, MAX_MOVES);
  const rest = moves.length - shown.length;
  const rows = cellsOf(shown).map(
    (cells) => html`<tr>${cells.map((cell, index) => html`<td class="${classOf(index)}">${cell}</td>`)}</tr>`,
  );
  const more = rest > 0 ? html`<p class="soft">… and ${rest} more; --log prints all.</p>` : html``;
  return html`<details><summary>The ${moves.length} moves: who, what, when, how much</summary>
<div class="scroll"><table aria-label="Moves of ${name}"><thead><tr>${moveHead.map((cell) => html`<th scope="col" class="text">${cell}</th>`)}</tr></thead>
<tbody>${rows}</tbody></table></div>${more}</details>`;
}
