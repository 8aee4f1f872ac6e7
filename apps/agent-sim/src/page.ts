// The page that every report is written into: one template, self-contained, its slots filled with what a report has.
import { readFileSync } from 'node:fs';
import { escapeHtml, type Html, scriptJson } from './html.js';

export interface Page {
  readonly title: string;
  readonly body: Html;
  /** What the plotting library needs, where there is something to plot: its style, its code, the plots by id. */
  readonly plots?: { readonly css: string; readonly js: string; readonly data: object } | undefined;
}

/** The page's text; reads the template from disk, the network never. */
export function pageText({ title, body, plots }: Page): string {
  const parts: Record<string, string> = {
    title: escapeHtml(title),
    uplotCss: plots?.css ?? '',
    uplotJs: plots?.js ?? '',
    data: scriptJson(plots?.data ?? {}),
    body: body.text,
  };
  const template = readFileSync(new URL('../src/report.html', import.meta.url), 'utf8');
  // The slots are comments or strings, so that the template is a page by itself and a formatter leaves them alone.
  return template.replace(/(?:<!-- |\/\* |")?slot: (\w+)(?: -->| \*\/|")?/g, (_, name: string) => parts[name] ?? '');
}
