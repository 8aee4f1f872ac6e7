// HTML from values: everything that is not markup is escaped on its way into the page.

/** Markup that is known to be safe. */
export class Html {
  constructor(readonly text: string) {}
}

type Part = string | number | Html | readonly Html[];

function inserted(part: Part): string {
  if (part instanceof Html) return part.text;
  if (Array.isArray(part)) return part.map((piece: Html) => piece.text).join('\n');
  return escapeHtml(String(part));
}

/** A tagged template: text is escaped, Html is taken as it is. */
export function html(strings: TemplateStringsArray, ...parts: Part[]): Html {
  return new Html(strings.map((text, index) => text + (index < parts.length ? inserted(parts[index]!) : '')).join(''));
}

export function escapeHtml(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return text.replace(/[&<>"']/g, (character) => entities[character]!);
}

/** JSON that cannot end the script element that holds it. */
export function scriptJson(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}

/** A table; the first column is text, the others figures. */
export function table(caption: string, head: readonly string[], rows: readonly (readonly (string | Html)[])[]): Html {
  const cells = (row: readonly (string | Html)[]) => row.map((cell) => html`<td>${cell}</td>`);
  return html`<div class="scroll"><table aria-label="${caption}"><thead><tr>${head.map(
    (name) => html`<th scope="col">${name}</th>`,
  )}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${cells(row)}</tr>`)}</tbody></table></div>`;
}

/** A table whose figures are drawn as bars beside them. */
export function barTable(
  caption: string,
  head: readonly [string, string],
  counts: Readonly<Record<string, number>>,
): Html {
  const entries = Object.entries(counts).sort(([, a], [, b]) => b - a);
  const most = Math.max(1, ...entries.map(([, count]) => count));
  const rows = entries.map(([name, count]) => {
    const width = `${((100 * count) / most).toFixed(1)}%`;
    return html`<tr><td>${name}</td><td>${count.toLocaleString('en-US')}</td><td class="meter" aria-hidden="true"><span class="bar" style="width:${width}"></span></td></tr>`;
  });
  return html`<div class="scroll"><table aria-label="${caption}"><thead><tr><th scope="col">${head[0]}</th><th scope="col">${head[1]}</th><td></td></tr></thead>
<tbody>${rows}</tbody></table></div>`;
}
