// Reads comma-separated text as RFC 4180 has it, and says of each record whether its quotes were in order.

export interface CsvRecord {
  /** Where the record starts, from 1. */
  readonly line: number;
  readonly fields: readonly string[];
  /** A quote that was never closed, or text after a closing quote. */
  readonly malformed: boolean;
}

/** CRLF, LF or CR, quoted fields (doubled quotes, commas and line ends inside), a byte order mark. Never throws. */
export function* readCsv(text: string): Generator<CsvRecord> {
  let at = text.startsWith('\ufeff') ? 1 : 0;
  let line = 1;
  while (at < text.length) {
    const record = readRecord(text, at);
    yield { line, fields: record.fields, malformed: record.malformed };
    line += record.lines;
    at = record.next;
  }
}

function readRecord(text: string, start: number) {
  const fields: string[] = [];
  let malformed = false;
  let lines = 0;
  let at = start;
  for (;;) {
    const field = text[at] === '"' ? readQuoted(text, at) : readPlain(text, at);
    fields.push(field.value);
    malformed ||= field.malformed;
    lines += field.lines;
    at = field.next;
    if (text[at] === ',') {
      at++;
      continue;
    }
    if (text[at] === '\r') at++;
    if (text[at] === '\n') at++;
    return { fields, malformed, lines: lines + 1, next: at };
  }
}

function readPlain(text: string, start: number) {
  let at = start;
  while (at < text.length && text[at] !== ',' && text[at] !== '\n' && text[at] !== '\r') at++;
  return { value: text.slice(start, at), malformed: false, lines: 0, next: at };
}

function readQuoted(text: string, start: number) {
  let value = '';
  let at = start + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) {
      // Never closed: only this line is lost, not the rest of the file.
      const rest = readPlain(text, start);
      return { ...rest, malformed: true };
    }
    value += text.slice(at, quote);
    at = quote + 1;
    if (text[at] !== '"') break;
    value += '"';
    at++;
  }
  const tail = readPlain(text, at);
  const lines = value.split('\n').length - 1;
  return { value: value + tail.value, malformed: tail.value !== '', lines, next: tail.next };
}
