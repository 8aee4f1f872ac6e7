// Reads a recorded GPU cluster trace (Alibaba's openb_pod_list format); no row is dropped without a name for why.
import { type CsvRecord, readCsv } from './csv.js';
import { type Priority, priorityOfQos } from './priority.js';

/** The columns that are read, in any order; others may stand beside them or be missing. */
export const traceColumns = ['num_gpu', 'qos', 'creation_time', 'deletion_time'] as const;
type Column = (typeof traceColumns)[number];

/** Why a row cannot be used. */
export const unusableReasons = [
  'missing-header',
  'missing-column',
  'blank-line',
  'wrong-column-count',
  'malformed-field',
  'unknown-qos',
  'no-gpu-asked',
  'too-many-gpus',
  'no-creation-time',
  'no-deletion-time',
  'negative-duration',
] as const;
export type UnusableReason = (typeof unusableReasons)[number];

export interface TraceRow {
  readonly line: number;
  readonly priority: Priority;
  /** Slots; a fraction of a GPU (`gpu_milli` below 1000 with one GPU) is rounded up to one. */
  readonly units: number;
  readonly fraction: boolean;
  readonly createdAtS: number;
  readonly durationS: number;
  /** Whether the recorded cluster ever placed it. */
  readonly scheduled: boolean;
}

export interface Trace {
  /** Rows after the header. */
  readonly total: number;
  /** In order of creation; rows of the same second in the order of the file. */
  readonly rows: readonly TraceRow[];
  readonly unusable: Readonly<Partial<Record<UnusableReason, number>>>;
  /** Which of the columns the header lacks. */
  readonly missingColumns: readonly string[];
}

/** Parses the text of a trace. `maxUnits`: the most GPUs that one job may ask for here. Never throws. */
export function parseTrace(text: string, maxUnits: number): Trace {
  const records = [...readCsv(text)];
  const header = records[0]?.fields.map((field) => field.trim()) ?? [];
  const missingColumns = traceColumns.filter((column) => !header.includes(column));
  if (missingColumns.length === traceColumns.length) return unreadable(records, 'missing-header', missingColumns);
  const body = records.slice(1);
  if (missingColumns.length > 0) return unreadable(body, 'missing-column', missingColumns);
  const unusable: Partial<Record<UnusableReason, number>> = {};
  const rows: TraceRow[] = [];
  for (const record of body) {
    const row = parseRow(record, header, maxUnits);
    if (typeof row === 'string') unusable[row] = (unusable[row] ?? 0) + 1;
    else rows.push(row);
  }
  rows.sort((a, b) => a.createdAtS - b.createdAtS || a.line - b.line);
  return { total: body.length, rows, unusable, missingColumns };
}

function unreadable(records: readonly CsvRecord[], reason: UnusableReason, missingColumns: readonly string[]): Trace {
  const unusable = records.length > 0 ? { [reason]: records.length } : {};
  return { total: records.length, rows: [], unusable, missingColumns };
}

function parseRow(record: CsvRecord, header: readonly string[], maxUnits: number): TraceRow | UnusableReason {
  if (record.fields.length === 1 && record.fields[0]!.trim() === '') return 'blank-line';
  if (record.malformed) return 'malformed-field';
  if (record.fields.length !== header.length) return 'wrong-column-count';
  const field = (name: Column | 'gpu_milli' | 'scheduled_time') => record.fields[header.indexOf(name)]?.trim() ?? '';
  const priority = priorityOfQos(field('qos'));
  if (priority === undefined) return 'unknown-qos';
  const units = wholeNumber(field('num_gpu') || '0');
  if (units === undefined) return 'malformed-field';
  if (units === 0) return 'no-gpu-asked';
  if (units > maxUnits) return 'too-many-gpus';
  if (field('creation_time') === '') return 'no-creation-time';
  if (field('deletion_time') === '') return 'no-deletion-time';
  const createdAtS = seconds(field('creation_time'));
  const deletedAtS = seconds(field('deletion_time'));
  if (createdAtS === undefined || deletedAtS === undefined) return 'malformed-field';
  if (deletedAtS < createdAtS) return 'negative-duration';
  const milli = header.includes('gpu_milli') ? wholeNumber(field('gpu_milli') || '1000') : 1000;
  if (milli === undefined) return 'malformed-field';
  return {
    line: record.line,
    priority,
    units,
    fraction: units === 1 && milli < 1000,
    createdAtS,
    durationS: deletedAtS - createdAtS,
    scheduled: !header.includes('scheduled_time') || field('scheduled_time') !== '',
  };
}

function wholeNumber(text: string): number | undefined {
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

function seconds(text: string): number | undefined {
  return /^\d{1,12}(\.\d{1,9})?$/.test(text) ? Number(text) : undefined;
}
