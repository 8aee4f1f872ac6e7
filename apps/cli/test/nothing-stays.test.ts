// Nothing keeps running: not after Ctrl-C, not after a kill -9 of the parent, not when a broker dies.
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { type CliRun, tender, until } from './cli-process.js';
import { typedHere } from './typed-here.js';

vi.setConfig({ testTimeout: 180_000 });

/** The command itself, its watchdog, two servers, a broker; with a simulator one more. */
const HOUSE = 4;

async function opened(run: CliRun, words: string): Promise<void> {
  await until(
    () => `${words} in ${run.output()}`,
    () => run.output().includes(words),
  );
}

async function gone(run: CliRun): Promise<void> {
  await until(
    () => `the end of ${run.alive().join(' ')}`,
    () => run.alive().length === 0,
  );
}

describe('tender demo', () => {
  const args = ['demo', '--agents', '20', '--seconds', '60', '--slots', '8', '--no-board', '--report', '/dev/null'];

  test.each(['SIGKILL', 'SIGINT', 'SIGTERM'] as const)('%s while it trades', async (signal) => {
    const run = tender(args);
    await opened(run, 'trading for');
    expect(run.alive().length).toBeGreaterThan(HOUSE);
    run.child.kill(signal);
    const { code } = await run.exited;
    if (signal !== 'SIGKILL') {
      expect(code).toBe(130);
      expect(run.output()).toContain('Interrupted: no report was written; nothing is left running.');
      expect(run.output()).not.toContain('SIGKILL');
    }
    await gone(run);
  });

  test.each(['redis-server', 'nats-server'])(
    'its %s dies: it says so long before its minute is over, and fails',
    async (program) => {
      const run = tender(args);
      await opened(run, 'trading for');
      const pid = run.alive().find((one) => commandOf(one).includes(program));
      const killedAtMs = Date.now();
      process.kill(pid!, 'SIGKILL');
      expect((await run.exited).code).toBe(1);
      expect(Date.now() - killedAtMs).toBeLessThan(20_000);
      expect(run.output()).toContain(`The run is over: ${program} (pid ${pid}) died. No report was written.`);
      await gone(run);
    },
  );

  test('SIGINT while it is still starting', async () => {
    const run = tender(args);
    await opened(run, 'Opening a market');
    run.child.kill('SIGINT');
    expect((await run.exited).code).toBe(130);
    await gone(run);
  });
});

describe('tender scenario', () => {
  test.each(['SIGINT', 'SIGKILL'] as const)('%s while it plays', async (signal) => {
    const run = tender(['scenario', 'human', 'all']);
    await opened(run, '✓ concession');
    run.child.kill(signal);
    const { code } = await run.exited;
    if (signal === 'SIGINT') {
      expect(code).toBe(130);
      expect(run.output()).toContain('nothing is left running.');
    }
    await gone(run);
  });

  test('SIGINT in a market that goes on: its rules are as they were', async () => {
    const market = tender(['up', '--slots', '8', '--http-port', '0']);
    await opened(market, 'Ctrl-C closes the market');
    const env = Object.fromEntries([...market.output().matchAll(/^export (\w+)=(.*)$/gm)].map(([, k, v]) => [k!, v!]));
    const whole = tender(['scenario', 'both-directions'], env);
    expect((await whole.exited).code, whole.output()).toBe(0);
    // Asked so often that no moment of the play is missed.
    const rules = async () => {
      const [code, text] = await typedHere(['policy', 'get', '-o', 'json'], env);
      expect(code, text).toBe(0);
      return text;
    };
    const cut = tender(['scenario', 'human'], env);
    while (!(await rules()).includes('threshold')) await delay(10);
    cut.child.kill('SIGINT');
    expect((await cut.exited).code, cut.output()).toBe(130);
    expect(cut.output()).toContain('the market goes on');
    expect(await rules()).not.toContain('threshold');
    market.child.kill('SIGINT');
    await gone(market);
  });
});

describe('tender up', () => {
  test('prints what is needed to trade, and tender sim and tender check take it', async () => {
    const market = tender(['up', '--slots', '8', '--http-port', '0']);
    await opened(market, 'Ctrl-C closes the market');
    const env = Object.fromEntries([...market.output().matchAll(/^export (\w+)=(.*)$/gm)].map(([, k, v]) => [k!, v!]));
    const port = /127\.0\.0\.1:(\d+)\/metrics/.exec(market.output())?.[1];
    expect((await fetch(`http://127.0.0.1:${port}/metrics`)).status).toBe(200);
    const sim = tender(['sim', '--agents', '10', '--seconds', '2', '--no-board'], env);
    expect((await sim.exited).code, sim.output()).toBe(0);
    expect(sim.output()).toContain('Every invariant holds');
    expect(sim.output()).toContain('--report FILE writes a report');
    const again = tender(['sim', '--agents', '10', '--connections', '2', '--seconds', '2', '--no-board'], env);
    expect((await again.exited).code, again.output()).toBe(0);
    const flags = tender(['sim', '--slots', '9'], env);
    expect((await flags.exited).code).toBe(2);
    expect(flags.output()).toContain('has its pool already');
    const check = tender(['check'], env);
    expect((await check.exited).code, check.output()).toBe(0);
    const elsewhere = tender(['check'], { ...env, TENDER_MARKET: 'no-such-market' });
    expect((await elsewhere.exited).code).toBe(2);
    expect(elsewhere.output()).toMatch(/^There is no market no-such-market here/);
    market.child.kill('SIGINT');
    expect((await market.exited).code).toBe(130);
    await gone(market);
  });

  test('two at once take a port each, and what mints credits is set apart', async () => {
    const markets = [tender(['up', '--slots', '8']), tender(['up', '--slots', '8'])];
    for (const market of markets) await opened(market, 'Ctrl-C closes the market');
    const ports = markets.map((market) => /127\.0\.0\.1:(\d+)\/metrics/.exec(market.output())?.[1]);
    expect(new Set(ports).size).toBe(2);
    const [forAgents, forOperator] = markets[0]!.output().split('do not give it to agents');
    expect(forAgents).not.toMatch(/OPERATOR_SEED|REDIS_URL/);
    expect(forOperator).toMatch(
      /export REDIS_URL=.*\nexport TENDER_OPERATOR_SEED=|export TENDER_OPERATOR_SEED=.*\nexport REDIS_URL=/,
    );
    for (const market of markets) {
      market.child.kill('SIGINT');
      await gone(market);
    }
  });

  test('a reader that has read enough ends it, quietly', async () => {
    const run = tender(['up', '--slots', '8', '--http-port', '0']);
    await opened(run, 'answers on');
    run.child.stdout?.destroy();
    expect((await run.exited).code).toBe(0);
    expect(run.output()).not.toContain('EPIPE');
    await gone(run);
  });

  test.each([
    ['broker/dist/main.js', 'broker 1'],
    ['redis-server', 'redis-server'],
  ])('says so and goes down when its %s dies', async (program, called) => {
    const run = tender(['up', '--slots', '8', '--http-port', '0']);
    await opened(run, 'Ctrl-C closes the market');
    const pid = run.alive().find((one) => commandOf(one).includes(program));
    process.kill(pid!, 'SIGKILL');
    expect((await run.exited).code).toBe(1);
    expect(run.output()).toContain(`The market is down: ${called} (pid ${pid}) died`);
    await gone(run);
  });
});

function commandOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
}
