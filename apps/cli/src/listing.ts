// get, list and watch: the same for accounts, pools, buckets and budgets, which differ in what is told of them.
import { setTimeout as sleep } from 'node:timers/promises';
import type { AdminAnswer, Operator } from '@tender/agent';
import type { Listing } from '@tender/market';
import { asOperator, NotFound, RefusedByBank, refusedByBank } from './as-operator.js';
import type { CliConfig } from './config.js';
import type { WatchFlags } from './operator-flags.js';
import { print, printJson, showFacts, showTable } from './table.js';

export type Fact = readonly [name: string, value: string];
type Listed = Pick<Extract<AdminAnswer, { readonly ok: true }>, Listing>;

/** One kind of things that the bank lists, and how they are told to people. */
export interface Kind<Row> {
  readonly one: string;
  readonly of: Listing;
  rowsIn(answer: Listed): readonly Row[] | undefined;
  readonly head: readonly string[];
  /** The lines of a table, in their order. */
  lines(rows: readonly Row[]): readonly (readonly string[])[];
  /** What an operator sets of one. */
  settings(row: Row): readonly Fact[];
  /** What comes and goes by itself. */
  state(row: Row): readonly Fact[];
  /** How the first one is made. */
  readonly example: string;
}

/** All of a kind, or those with the id. Throws RefusedByBank. */
async function listed<Row>(operator: Operator, market: string, kind: Kind<Row>, id?: string): Promise<readonly Row[]> {
  const answer = await operator.list(kind.of, id);
  if (answer.ok) return kind.rowsIn(answer) ?? [];
  if (answer.detail === 'unknown') return [];
  throw refusedByBank(answer, market);
}

/** The one with the id, as it stands. Throws NotFound, RefusedByBank. */
export async function present<Row>(operator: Operator, market: string, kind: Kind<Row>, id: string): Promise<Row> {
  const [row] = await listed(operator, market, kind, id);
  if (row !== undefined) return row;
  throw new NotFound(
    `There is no ${kind.one} ${id} in the market ${market}. \`tender ${kind.one} list\` shows those that there are.`,
  );
}

/** Throws RefusedByBank where there is one: `create` makes something new, and changes nothing that is there. */
export async function mustBeNew<Row>(operator: Operator, market: string, kind: Kind<Row>, id: string): Promise<void> {
  const found = await listed(operator, market, kind, id);
  if (found.length === 0) return;
  throw new RefusedByBank(
    `duplicate: there is ${kind.one === 'account' ? 'an' : 'a'} ${kind.one} ${id} in the market ${market}. \`tender ${kind.one} set ${id} …\` changes it.`,
  );
}

export function showList<Row>(config: CliConfig, kind: Kind<Row>, flags: WatchFlags): Promise<number> {
  return shown(config, flags, async (operator) => {
    const rows = await listed(operator, config.market, kind);
    const lines = kind.lines(rows);
    const none = `There is no ${kind.one} in the market ${config.market}. ${kind.example} makes one.`;
    return { json: rows, text: lines.length === 0 ? none : showTable(kind.head, lines) };
  });
}

export function showOne<Row>(config: CliConfig, kind: Kind<Row>, id: string, flags: WatchFlags): Promise<number> {
  return shown(config, flags, async (operator) => {
    const row = await present(operator, config.market, kind, id);
    return { json: row, text: factsOf(kind, id, row) };
  });
}

export function factsOf<Row>(kind: Kind<Row>, id: string, row: Row): string {
  return showFacts([[kind.one.toUpperCase(), id], ...kind.settings(row), ...kind.state(row)]);
}

export interface Shown {
  readonly json: unknown;
  readonly text: string;
}

/** Once, or again and again until Ctrl-C: then JSON is one document to a line, and a terminal is redrawn. */
export function shown(
  config: CliConfig,
  { output, watch }: WatchFlags,
  look: (operator: Operator) => Promise<Shown>,
): Promise<number> {
  return asOperator(config, async (operator) => {
    if (watch === undefined) {
      const { json, text } = await look(operator);
      if (output === 'json') printJson(json);
      else print(text);
      return 0;
    }
    for (;;) {
      const { json, text } = await lookAgain(operator, look);
      if (output === 'json' && json !== undefined) print(JSON.stringify(json));
      else if (output === 'table') print(process.stdout.isTTY ? `\u001b[H\u001b[2J${text}` : `${text}\n`);
      await sleep(watch);
    }
  });
}

/** A broker that is away for a moment ends no watch. */
async function lookAgain(operator: Operator, look: (operator: Operator) => Promise<Shown>): Promise<Shown> {
  try {
    return await look(operator);
  } catch (error) {
    if (!(error instanceof RefusedByBank) || error instanceof NotFound) throw error;
    process.stderr.write(`${error.message}\n`);
    return { json: undefined, text: error.message };
  }
}

/** Says what a command made or changed: to programs the whole of it, to people the sentence. */
export async function told<Row>(
  operator: Operator,
  { market }: CliConfig,
  kind: Kind<Row>,
  id: string,
  { output, before, and = '', more = {} }: Telling<Row>,
): Promise<number> {
  const row = await present(operator, market, kind, id);
  if (output === 'json') {
    printJson({ ...row, ...more });
    return 0;
  }
  if (before === undefined) print(`The ${kind.one} ${id} is open.${and}`);
  else print(`The ${kind.one} ${id} ${differences(kind.settings(before), kind.settings(row))}.${and}`);
  return 0;
}

interface Telling<Row> extends Pick<WatchFlags, 'output'> {
  /** Absent where it is new. */
  readonly before?: Row;
  readonly and?: string;
  /** Beside the row, in JSON. */
  readonly more?: object;
}

function differences(before: readonly Fact[], after: readonly Fact[]): string {
  const known = new Map(before);
  const changed = after.filter(([name, value]) => known.get(name) !== value);
  if (changed.length === 0) return 'was like that before';
  return `is changed: ${changed.map(([name, value]) => `${name} ${known.get(name) ?? '–'} → ${value}`).join(', ')}`;
}
