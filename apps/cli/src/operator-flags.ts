// What all of the operator's commands take: the form of what is printed, how often it is redrawn, and where the market is.
import { InvalidArgumentError, Option } from 'commander';
import type { OutputForm } from './table.js';

export const WHERE =
  '\nIt reads NATS_URL, TENDER_MARKET and TENDER_OPERATOR_SEED (<operator id>:<seed>), as `tender up` prints them.' +
  '\nExit codes: 0 done, 1 refused by the bank, 2 not to be done as typed, 3 there is no such thing, 130 interrupted.';

export const output = () =>
  new Option('-o, --output <form>', 'what is printed').choices(['table', 'json']).default('table');
export const watch = () =>
  new Option('--watch [seconds]', 'again every so many seconds, until Ctrl-C')
    .preset('2')
    .argParser((text: string): number => {
      const seconds = /^\d{1,4}(\.\d{1,3})?$/.test(text) ? Number(text) : 0;
      if (seconds >= 0.1 && seconds <= 3600) return seconds * 1000;
      throw new InvalidArgumentError('seconds from 0.1 to 3600 are needed, after everything else.');
    });

export interface Flags {
  readonly output: OutputForm;
}

export interface WatchFlags extends Flags {
  /** In ms. */
  readonly watch?: number | undefined;
}
