// Options: what is refused, with which words, and how a run says how to run it again.
import { Command, CommanderError } from 'commander';
import { describe, expect, test } from 'vitest';
import { ConfigError, simConfig } from '../src/config.js';
import { addSimOptions, commandLine, conflict, type SimOptions, traceSeconds } from '../src/options.js';

function parse(...args: string[]): SimOptions {
  const command = addSimOptions(new Command())
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  return command.parse(args, { from: 'user' }).opts<SimOptions>();
}

describe('single options', () => {
  test.each([
    ['--agents', '0'],
    ['--agents', '5001'],
    ['--agents', '1e3'],
    ['--agents', '-1'],
    ['--seconds', 'nan'],
    ['--seed', '1.5'],
    ['--strategy', 'clever'],
    ['--from', '3 days'],
    ['--sample', '2'],
    ['--limit', '0'],
    ['--unknown', '1'],
  ])('%s %s is refused', (flag, value) => {
    expect(() => parse(flag, value)).toThrow(CommanderError);
  });

  test.each([
    ['90', 90],
    ['90s', 90],
    ['1.5h', 5400],
    ['115d', 9_936_000],
  ])('--from %s is %i seconds', (text, seconds) => {
    expect(traceSeconds(text)).toBe(seconds);
  });
});

describe('options together', () => {
  test.each([
    [['--agents', '10', '--connections', '11'], /more than --agents/],
    [['--agents', '10', '--system-agents', '11'], /more than --agents/],
    [['--from', '3d'], /--from goes with --trace/],
    [['--limit', '3'], /--limit goes with --trace/],
    [['--min-duration', '500', '--max-duration', '400'], /less than/],
  ])('%j is refused', (args, words) => {
    expect(conflict(parse(...args))).toMatch(words);
  });

  test('what goes together passes', () => {
    expect(
      conflict(parse('--trace', 'f.csv', '--from', '3d', '--agents', '10', '--connections', '10')),
    ).toBeUndefined();
  });
});

test('a run says how to run it again', () => {
  const options = parse('--agents', '40', '--trace', "it's here.csv", '--report', 'r.html', '--no-board');
  expect(commandLine(options, 8, 1)).toBe(
    "npm run tender -- sim --slots 8 --reserve 1 --agents 40 --trace 'it'\\''s here.csv' --seed 1",
  );
});

test('the environment: what is missing is named, with what to do', () => {
  expect(() => simConfig({})).toThrow(ConfigError);
  expect(() => simConfig({})).toThrow(/NATS_URL[\s\S]*TENDER_OPERATOR_SEED[\s\S]*tender up/);
  expect(() => simConfig({ NATS_URL: 'nats://x', TENDER_OPERATOR_SEED: 'op:secret' })).toThrow(/<operator id>:<seed/);
  const seed = `SU${'A'.repeat(56)}`;
  const config = simConfig({ NATS_URL: 'nats://x', TENDER_OPERATOR_SEED: `op:${seed}`, NO_COLOR: '1' });
  expect(config).toMatchObject({ market: 'demo', operator: { id: 'op', seed }, coloured: false });
});
