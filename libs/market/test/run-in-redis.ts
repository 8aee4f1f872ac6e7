// A command of the model, asked of the scripts: for tests that hold the two against each other.
import { metaKey, runScript, type Script } from '@tender/credits/redis';
import type { MarketCommand } from '../src/index.js';
import { marketScripts } from '../src/redis/scripts.js';
import type { TestMarket } from './market-under-test.js';

export async function runInRedis(real: TestMarket, command: MarketCommand): Promise<object> {
  const run = <I, R>(script: Script<I, R>, input: I): Promise<R> =>
    runScript(real.redis, script, metaKey(real.market), input);
  switch (command.kind) {
    case 'open-pool':
      return run(marketScripts.openPool, command);
    case 'open-call':
      return run(marketScripts.openCall, command);
    case 'extend-call':
      return run(marketScripts.extendCall, command);
    case 'release-call':
      return run(marketScripts.closeCall, { ...command, kind: 'release' });
    case 'lapse-call':
      return run(marketScripts.closeCall, { ...command, kind: 'lapse' });
    case 'award':
      return (await run(marketScripts.award, { awards: [command] }))[0]!;
    case 'deposit':
      return run(marketScripts.deposit, command);
    case 'withdraw-deposit':
      return run(marketScripts.withdrawDeposit, command);
    case 'return-deposits':
      return run(marketScripts.returnDeposits, command);
    case 'renew':
      return run(marketScripts.renew, command);
    case 'settle':
      return run(marketScripts.settle, { ...command, kind: 'release' });
    case 'preempt-lease':
      return run(marketScripts.settle, { ...command, kind: 'preempt' });
    case 'hear':
      return run(marketScripts.hear, command);
    case 'set-policy':
      return run(marketScripts.setPolicy, command);
    case 'file-proposal':
      return run(marketScripts.fileProposal, command);
    case 'decide-proposal':
      return run(marketScripts.decideProposal, { ...command, kind: command.verdict });
    case 'expire-proposal':
      return run(marketScripts.decideProposal, { ...command, kind: 'expire' });
    case 'close-proposal':
      return run(marketScripts.closeProposal, command);
    case 'expire-lease':
      return run(marketScripts.settle, { ...command, kind: 'expire' });
    case 'engage':
      return run(marketScripts.engage, command);
    case 'report':
      return run(marketScripts.report, command);
    case 'overdue-task':
      return run(marketScripts.report, { kind: 'overdue', contract: command.contract });
    default:
      throw new Error(`${command.kind}: rate tokens have a test of their own`);
  }
}
