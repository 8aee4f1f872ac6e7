// `tender approvals` and `tender policy` as operators type them, against a real market.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '@tender/market/nats';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { type MarketUnderTest, startMarket } from '../../../test/market-under-test.js';
import { dealOf, engageOf, offerOf } from '../../../test/task-client.js';
import type { WireClient } from '../../../test/wire-client.js';
import { tender } from './cli-process.js';
import { type Env, typedHere } from './typed-here.js';

let market: MarketUnderTest;
let buyer: WireClient;
let ann: WireClient;
let dir: string;

beforeAll(async () => {
  market = await startMarket(1);
  [buyer, ann] = await Promise.all([market.agent('buyer', 100), market.agent('ann', 1)]);
  dir = await mkdtemp(join(tmpdir(), 'tender-policy-'));
});
afterAll(async () => {
  await rm(dir, { recursive: true });
  await market.stop();
});

type More = Record<string, string | undefined>;

function env(more: More): Env {
  return {
    NATS_URL: market.env.NATS_URL,
    TENDER_MARKET: market.market,
    TENDER_OPERATOR_SEED: `op:${market.operator.seed}`,
    ...more,
  };
}

/** A command's exit code and what it prints. */
function typed(args: string, more: More = {}): Promise<[number | null, string]> {
  return typedHere(args.split(' '), env(more));
}

/** The same as a process of its own: of each command one, since starting one takes half a second. */
async function typedOutside(args: string, more: More = {}): Promise<[number | null, string]> {
  const run = tender(args.split(' '), env(more));
  const { code } = await run.exited;
  return [code, run.output()];
}

async function policyFile(policy: unknown): Promise<string> {
  const file = join(dir, `${newId()}.json`);
  await writeFile(file, typeof policy === 'string' ? policy : JSON.stringify(policy));
  return file;
}

/** A proposal of 0.5 credits that waits. */
async function filed(summary = 'render a film'): Promise<string> {
  const deal = dealOf(buyer);
  const named = { ...deal, frame: { ...deal.frame, task: { ...deal.frame.task, summary } } };
  return (await buyer.done('engage', engageOf(named, [offerOf(ann, named)]))).proposal;
}

const dear = { rules: [{ id: 'dear', kind: 'approval', aboveMicro: '400000' }] };

describe('an operator', () => {
  it('reads the rules, edits them and gives them back', async () => {
    expect(await typed('policy get')).toEqual([0, `The market ${market.market} has no rules, version 0.\n`]);
    const [code, text] = await typedOutside(`policy set ${await policyFile(dear)}`);
    expect([code, text]).toEqual([0, `The market ${market.market} has 1 rule now, version 1.\n`]);
    const [, table] = await typed('policy get');
    expect(table).toMatch(/^ID +KIND +SAYS +OF$/m);
    expect(table).toMatch(/^dear +approval +aboveMicro 400000; withinMs 3600000 +everything$/m);
    const [, json] = await typedOutside('policy get -o json');
    expect(JSON.parse(json)).toMatchObject({ version: 1, rules: [{ id: 'dear' }] });
    const edited = await policyFile(json);
    expect((await typed(`policy set ${edited} -o json`))[1]).toContain('"version 2"');
    const [again, why] = await typed(`policy set ${edited}`);
    expect([again, why]).toEqual([2, expect.stringContaining('made from version 1, the market is at 2')]);
  });

  it('sees what waits, approves it and denies it', async () => {
    await typed(`policy set ${await policyFile(dear)}`);
    expect((await typed('approvals list'))[1]).toContain('Nothing waits');
    const [first, second] = [await filed('a film\u001b[2J and\nmore'), await filed()];
    const [, table] = await typedOutside('approvals list');
    expect(table).toMatch(
      new RegExp(`^${first} +engage +buyer +dear +0.5 +60 min +rule dear .* a film \\[2J and more$`, 'm'),
    );
    expect(table).toContain(`tender approvals approve ${first}`);
    expect(table).toContain('\n2 waiting, by asker: buyer 2.\n');
    const [code, approved] = await typedOutside(`approvals approve ${first}`);
    expect([code, approved]).toEqual([0, expect.stringMatching(/is approved and engaged: \S+-t1 with ann\.\n$/)]);
    expect(await typed(`approvals approve ${first}`)).toEqual([code, approved]);
    expect(await typedOutside(`approvals deny ${second}`)).toEqual([0, `${second} is denied.\n`]);
    const [late, why] = await typed(`approvals approve ${second}`);
    expect([late, why]).toEqual([1, 'expired: the proposal is denied\n']);
    expect(JSON.parse((await typed('approvals list -o json'))[1])).toEqual([]);
    const [none, hint] = await typedOutside('approvals deny p999');
    expect([none, hint]).toEqual([3, expect.stringContaining('`tender approvals list` shows what waits')]);
  });

  it('is told where what was approved cannot be engaged any more', async () => {
    await typed(`policy set ${await policyFile(dear)}`);
    const proposal = await filed();
    await typed(`policy set ${await policyFile({ rules: [{ id: 'no-ann', kind: 'deny', agents: ['ann'] }] })}`);
    const [code, text] = await typed(`approvals approve ${proposal}`);
    expect([code, text]).toEqual([1, expect.stringMatching(/cannot be engaged any more: not-permitted, rule no-ann/)]);
  });
});

const mistakes: [string, string, Record<string, string | undefined>, RegExp][] = [
  ['without a market', 'approvals list', { NATS_URL: undefined }, /NATS_URL: not set\. `tender up` prints/],
  ['without a name', 'policy get', { TENDER_OPERATOR_SEED: undefined }, /TENDER_OPERATOR_SEED: not set/],
  ['with half a name', 'policy get', { TENDER_OPERATOR_SEED: 'op' }, /not <operator id>:<seed>/],
  ['with a broken seed', 'policy get', { TENDER_OPERATOR_SEED: 'op:SUxyz' }, /TENDER_OPERATOR_SEED: not a user seed/],
  ['where no NATS is', 'approvals list', { NATS_URL: 'nats://127.0.0.1:9' }, /does not let operator op in/],
  ['in another form', 'approvals list -o xml', {}, /Allowed choices are table, json/],
  ['without a file', 'policy set /nowhere/at-all.json', {}, /\/nowhere\/at-all\.json cannot be read/],
];
test.each(mistakes)('%s: exit code 2 and what to do', async (_why, args, more, expected) => {
  // Its client still tries to connect when it gives up: the process ends all the same.
  const how = more.NATS_URL === undefined ? typed : typedOutside;
  const [code, text] = await how(args, more);
  expect(text).toMatch(expected);
  expect(code).toBe(2);
});

test('who is no operator is told so', async () => {
  const [code, text] = await typed('approvals list', { TENDER_OPERATOR_SEED: `op:${buyer.seed}` });
  expect([code, text]).toEqual([2, expect.stringContaining('TENDER_OPERATORS')]);
});

test('a file that is no policy changes nothing and says where it is wrong', async () => {
  const before = await typed('policy get');
  const [code, text] = await typed(
    `policy set ${await policyFile({ rules: [{ id: 'x', kind: 'deny', agents: [] }] })}`,
  );
  expect([code, text]).toEqual([2, expect.stringContaining('rules.0.agents: ')]);
  expect((await typed(`policy set ${await policyFile('{')}`))[1]).toContain('is not JSON');
  expect(await typed('policy get')).toEqual(before);
});
