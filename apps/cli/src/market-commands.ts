// Commands that open a market, trade in one and judge its books: each loads what it runs on only when it is typed.
import type { Command } from 'commander';
import { cliConfig } from './config.js';
import { addHouseFlags, addKeepFlags, houseFlags, whole } from './house-flags.js';
import type { ScenarioFlags } from './scenario.js';
import { simulatorHelp } from './simulator-help.js';

export function addMarketCommands(program: Command): void {
  addKeepFlags(addHouseFlags(program.command('up')))
    .description('run a market until Ctrl-C, and say how to trade in it')
    .action(async (_, command: Command) => {
      const { up } = await import('./up.js');
      process.exitCode = await up(cliConfig(), houseFlags(command));
    });
  addTradingCommands(program);
  addScenarioCommand(program);
  program
    .command('check')
    .description('check every invariant of the market that REDIS_URL and TENDER_MARKET name')
    .action(async () => {
      const { check } = await import('./check.js');
      process.exitCode = await check(cliConfig());
    });
}

function addTradingCommands(program: Command): void {
  addHouseFlags(program.command('demo'))
    .description('start a market, let a swarm trade in it, check it, and leave a report')
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText('after', simulatorHelp)
    .action(async (_, command: Command) => {
      const { demo } = await import('./trading.js');
      process.exitCode = await demo(cliConfig(), houseFlags(command), command.args);
    });

  addHouseFlags(program.command('sim'))
    .description(
      'let a swarm trade in the market that NATS_URL and TENDER_OPERATOR_SEED name, or in one of its own; --report FILE writes a report',
    )
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText('after', simulatorHelp)
    .action(async (_, command: Command) => {
      const pool =
        command.getOptionValueSource('pool') === 'cli' ? ['--pool', command.opts<{ pool: string }>().pool] : [];
      const { sim } = await import('./trading.js');
      process.exitCode = await sim(cliConfig(), houseFlags(command), [...command.args, ...pool]);
    });
}

function addScenarioCommand(program: Command): void {
  program
    .command('scenario [names...]')
    .description(
      'play patterns of negotiation by name, or all, in the market that NATS_URL and TENDER_OPERATOR_SEED name, or in one of its own; no name lists them',
    )
    .option('--seed <number>', 'makes the same agents, tasks and prices again', '1')
    .option(
      '--llm-trace <file>',
      'rate-tokens: requests of a recorded trace, TIMESTAMP,ContextTokens,GeneratedTokens (default: a synthetic one)',
    )
    .option('--quiet-upstream', 'rate-tokens: the upstream says nothing of what is left, only its 429s tell')
    .option('--seconds <count>', 'rate-tokens: how long agents ask, unmanaged and through the market')
    .option('--report <file>', 'writes the report, one HTML page')
    .option('--log', 'prints every move: who, what, when, how much')
    .option('-o, --output <form>', 'what is printed: table, json', 'table')
    .option('--brokers <count>', 'brokers side by side, in a market of its own', whole(1, 16), 1)
    .action(async (names: string[], flags: ScenarioFlags) => {
      const { scenario } = await import('./scenario.js');
      process.exitCode = await scenario(cliConfig(), names, flags);
    });
}
