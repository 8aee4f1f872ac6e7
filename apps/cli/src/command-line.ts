// One command, from what was typed to its exit code; what is wrong is told on stderr.
import { Command, CommanderError } from 'commander';
import { RefusedByBank } from './as-operator.js';
import { UsageError } from './config.js';
import { addMarketCommands } from './market-commands.js';
import { addOperatorCommands } from './operator-commands.js';

/** Sets process.exitCode: 0 all well, 1 a breach, a refusal or a market that broke down, 2 not to be done as asked, 3 no such thing, 130 interrupted. */
export async function runCommandLine(typed: readonly string[]): Promise<void> {
  try {
    await newProgram().parseAsync(typed, { from: 'user' });
  } catch (error) {
    // Commander has said what is wrong.
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
    else {
      const message = error instanceof Error ? error.message : String(error);
      if (message !== '') process.stderr.write(`${message}\n`);
      process.exitCode = error instanceof UsageError ? 2 : error instanceof RefusedByBank ? error.exitCode : 1;
    }
  }
}

function newProgram(): Command {
  const program = new Command('tender')
    .description('A marketplace for swarms of agents that share scarce compute.')
    .showHelpAfterError()
    .exitOverride();
  addMarketCommands(program);
  addOperatorCommands(program);
  for (const command of program.commands) command.exitOverride();
  return program;
}
