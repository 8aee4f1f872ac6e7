// `get` and `list`: the same two commands of each kind of thing that operators open.
import type { Command } from 'commander';
import { cliConfig } from './config.js';
import { type Kind, showList, showOne } from './listing.js';
import { output, type WatchFlags, watch } from './operator-flags.js';

/** Adds both under a noun's command; `all` says what is listed, `parse` checks an id. */
export function addReadings<R>(noun: Command, kind: Kind<R>, parse: (text: string) => string, all: string): void {
  noun
    .command('get')
    .argument('<id>', 'its name', parse)
    .description('all that the bank knows of one')
    .addOption(output())
    .addOption(watch())
    .action(async (name: string, flags: WatchFlags) => {
      process.exitCode = await showOne(cliConfig(), kind, name, flags);
    });
  noun
    .command('list')
    .description(all)
    .addOption(output())
    .addOption(watch())
    .action(async (flags: WatchFlags) => {
      process.exitCode = await showList(cliConfig(), kind, flags);
    });
}
