// The options of `create` and `set` as tables: what is typed, what it sets, and how it is read.
import { type Command, Option } from 'commander';

/** One option and the field of the bank's spec that it sets. */
export interface Setting<Field extends string> {
  readonly field: Field;
  readonly flags: string;
  readonly what: string;
  readonly parse: (text: string) => unknown;
}

export function addSettings(command: Command, settings: readonly Setting<string>[]): Command {
  for (const { flags, what, parse } of settings) command.option(flags, what, parse);
  return command;
}

/** What was typed, under the names of the fields; what was not typed is absent. */
export function settingsIn<Field extends string>(
  typed: object,
  settings: readonly Setting<Field>[],
): Partial<Record<Field, unknown>> {
  const values = typed as Readonly<Record<string, unknown>>;
  const set: Partial<Record<Field, unknown>> = {};
  for (const { field, flags } of settings) {
    const value = values[new Option(flags).attributeName()];
    if (value !== undefined) set[field] = value;
  }
  return set;
}
