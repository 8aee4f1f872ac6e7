// The operator's commands as people type them, against a real market: what they do, print, refuse, and end with.
import type { Call } from '@tender/market';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { type MarketUnderTest, startMarket } from '../../../test/market-under-test.js';
import { dealOf, engageOf, offerOf, receiptOf } from '../../../test/task-client.js';
import { WireClient } from '../../../test/wire-client.js';
import { type CliRun, tender, until } from './cli-process.js';
import { type Env, typedHere } from './typed-here.js';

let market: MarketUnderTest;
beforeAll(async () => {
  market = await startMarket(1);
});
afterAll(() => market?.stop());

function env(): Env {
  return {
    NATS_URL: market.env.NATS_URL,
    TENDER_MARKET: market.market,
    TENDER_OPERATOR_SEED: `op:${market.operator.seed}`,
  };
}

/** A command as a process of its own: of each noun some are, since starting one takes half a second. */
function run(args: string): CliRun {
  return tender(args.split(' '), env());
}

type Typed = (args: string) => Promise<[number | null, string]>;

/** A command's exit code and all that it printed. */
const typed: Typed = (args) => typedHere(args.split(' '), env());
const typedOutside: Typed = async (args) => {
  const running = run(args);
  const { code } = await running.exited;
  return [code, running.output()];
};

/** What a command prints in JSON; it must be done. */
// biome-ignore lint/suspicious/noExplicitAny: read by tests.
async function json(args: string, how = typed): Promise<any> {
  const [code, said] = await how(`${args} -o json`);
  const text = said.replace(/^The broker reads the journal: .*\n/gm, '');
  expect([code, text]).toEqual([0, expect.stringMatching(/^[{[]/)]);
  return JSON.parse(text);
}

/** Takes a watched command's first output, then presses Ctrl-C. */
async function watched(args: string, enough: (text: string) => boolean): Promise<[number | null, string]> {
  const running = run(args);
  await until(running.output, () => enough(running.output()));
  running.child.kill('SIGINT');
  const { code } = await running.exited;
  return [code, running.output()];
}

type Refused = [args: string, code: number, why: RegExp];

describe('in an empty market', () => {
  const none: [string, RegExp][] = [
    ['account list', /^There is no account in the market \S+\. `tender account create /],
    ['pool list', /^There is no pool in the market \S+\. `tender pool create /],
    ['bucket list', /^There is no bucket in the market \S+\. `tender bucket create /],
    ['budget list', /^There is no budget in the market \S+\. `tender budget create /],
    ['spend', /^Nothing was spent in the market /],
  ];
  test.each(none)('%s says so', async (args, text) => {
    expect(await typed(args)).toEqual([0, expect.stringMatching(text)]);
  });
  test.each(['account', 'pool', 'bucket', 'budget'])('%s: what is unknown is exit code 3', async (kind) => {
    const [[got, why], [set], list] = await Promise.all([
      typed(`${kind} get nobody`),
      typed(`${kind} set nobody ${kind === 'budget' ? '--amount 1' : kind === 'account' ? '--team t' : '--account t'}`),
      json(`${kind} list`),
    ]);
    expect([got, why, set, list]).toEqual([
      3,
      expect.stringContaining(`There is no ${kind} nobody in the market`),
      3,
      [],
    ]);
  });
});

describe('accounts and grants', () => {
  it('are opened, labelled, given credits and listed', async () => {
    const opened = await json(
      'account create alice --new-key --owner acme --project films --class system',
      typedOutside,
    );
    expect(opened).toMatchObject({ id: 'alice', kind: 'agent', class: 'system', owner: 'acme', project: 'films' });
    const alice = await WireClient.connect(market.env.NATS_URL!, market.market, 'alice', opened.seed);
    await alice.login();
    await alice.close();
    expect(await typed('account set alice --team night --clear owner --class standard')).toEqual([
      0,
      'The account alice is changed: class system → standard, owner acme → –, team – → night.\n',
    ]);
    expect(await typed('account set alice --team night')).toEqual([0, 'The account alice was like that before.\n']);
    expect(await typed('grant alice 12.345678')).toEqual([
      0,
      'alice got 12.345678 credits and has 12.345678 to spend.\n',
    ]);
    const twice = await Promise.all([1, 2].map(() => json('grant alice 1000 --key the-same-grant', typedOutside)));
    expect(twice[1]).toMatchObject({ availableMicro: '1012345678', grantedMicro: '1000000000' });
    const [, table] = await typedOutside('account list');
    expect(table).toMatch(/^alice +agent +standard +1,012.345678 +0 +– +films +night +– +–$/m);
    expect((await typed('account get alice'))[1]).toMatch(/^available +1,012.345678$/m);
  });

  const refused: Refused[] = [
    ['account create alice --new-key', 1, /^duplicate: there is an account alice/],
    ['account create bank --new-key', 1, /^not-permitted: account.id: bank is taken/],
    ['grant nobody 1', 3, /^unknown: there is no account nobody$/m],
    ['grant alice 99999999', 1, /^over-budget: at most \d+ micro-credits can still be minted$/m],
    ['grant alice 0', 2, /at least 0.000001 credits are needed/],
    ['grant alice 1,5', 2, /with six decimals at most: 12.5/],
    ['grant Alice 1', 2, /an id has 1 to 48 of a-z/],
    ['account set alice', 2, /^Nothing to change/],
    ['account set alice --owner a --clear owner', 2, /^--owner or --clear owner/],
    ['account set alice --budget no-such', 3, /^unknown: there is no budget no-such$/m],
    ['account create bob', 2, /^An agent without a key can do nothing: --new-key makes one/],
    ['account create bob --nkey UX', 2, /a public user nkey has 56 characters/],
    ['account set alice --clear hat', 2, /one of owner, project, team, budget, host is needed/],
  ];
  test.each(refused)('%s: exit code %i', async (args, code, why) => {
    // The first of each code as a process, whose code it is.
    const how = refused.find((row) => row[1] === code)?.[0] === args ? typedOutside : typed;
    expect(await how(args)).toEqual([code, expect.stringMatching(why)]);
  });
});

describe('pools', () => {
  it('are opened, and changed in what is named alone', async () => {
    await typed('account create steward --new-key');
    await typed('account create till --kind pool');
    const rules =
      '--reserve 2 --reserve-price 0.2 --lend 2s --grace 30s --idle 1m --compensation 12.5% --noise-max 1.5 --noise-window 5m --owner-max 3 --seals mac --max-terms 9';
    const pool = await json(`pool create gpu.h100 --account till --seller steward --slots 4 ${rules}`, typedOutside);
    const set = {
      ...{ reserve: 2, reservePriceMicro: '200000', lendMs: 2000, graceMs: 30_000, idleMs: 60_000 },
      ...{ compensationPermille: 125, noiseMaxPermille: 1500, noiseWindowMs: 300_000, ownerMax: 3, seals: ['mac'] },
      maxTerms: 9,
    };
    expect(pool).toMatchObject({ pool: 'gpu.h100', slots: 4, free: 4, standardHeld: 0, ...set });
    expect(await typedOutside('pool set gpu.h100 --slots 6 --reserve-price 0.25')).toEqual([
      0,
      'The pool gpu.h100 is changed: slots 4 → 6, reserve price 0.2 → 0.25.\n',
    ]);
    expect(await json('pool get gpu.h100')).toEqual({ ...pool, slots: 6, free: 6, reservePriceMicro: '250000' });
    expect((await typed('pool list'))[1]).toMatch(/^gpu\.h100 +6 +6 +2, lends +0 +– +0\.25 +steward +till$/m);
  });

  const refused: Refused[] = [
    ['pool create gpu.h100 --account till --seller steward --slots 4', 1, /^duplicate: .*`tender pool set gpu.h100/],
    ['pool create a --account nobody --seller steward --slots 4', 3, /^unknown: .*nobody/],
    ['pool create a --account till --seller steward', 2, /required option '--slots <count>' not specified/],
    ['pool create a --account till --seller steward --slots 0', 2, /a whole number from 1 to 4096 is needed/],
    ['pool set gpu.h100 --slots 3', 1, /^no-capacity: a pool does not shrink: it has 6 slots$/m],
    ['pool set gpu.h100 --compensation 101%', 2, /a share from 0% to 100% is needed/],
    ['pool set gpu.h100 --grace 3', 2, /a time from 0 to 1d is needed: 250ms, 30s/],
    ['pool set gpu.h100', 2, /^Nothing to change/],
    ['pool get GPU', 2, /a pool id has ids/],
  ];
  test.each(refused)('%s: exit code %i', async (args, code, why) => {
    expect(await typed(args)).toEqual([code, expect.stringMatching(why)]);
  });

  it('are watched until Ctrl-C, in JSON one document to a line', async () => {
    const [code, text] = await watched('pool list -o json --watch 0.1', (seen) => seen.split('\n').length > 3);
    const documents = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect([code, documents[0], documents[1]]).toEqual([130, documents[1], [expect.objectContaining({ slots: 6 })]]);
    const [ended, table] = await watched('pool get gpu.h100 --watch 0.1', (seen) => seen.split('slots').length > 2);
    expect([ended, table]).toEqual([130, expect.stringMatching(/^POOL +gpu\.h100$/m)]);
  });
});

describe('buckets', () => {
  it('have the limits that were typed, and are changed in what is named alone', async () => {
    const limits = '--limit requests=60/60s,reserve=6,price=0.001 --limit tokens=100000/60s,price=0.00001';
    const bucket = await json(
      `bucket create api.model --account till ${limits} --noise-max 2 --owner-max 50%`,
      typedOutside,
    );
    expect(bucket).toMatchObject({
      bucket: 'api.model',
      account: 'till',
      noiseMaxPermille: 2000,
      ownerMaxPermille: 500,
    });
    const [requests, tokens] = bucket.limits;
    expect(requests).toMatchObject({ capacity: 60, refillPerSecond: 1, reserve: 6, priceMicro: '1000', level: 60 });
    expect(tokens).toMatchObject({ capacity: 100_000, refillPerSecond: 1666.666, reserve: 0, priceMicro: '10' });
    expect(await typed('bucket set api.model --limit requests,price=0.002 --decrease 50%')).toEqual([
      0,
      'The bucket api.model is changed: requests 60, 1/s, reserve 6, 0.001 each → 60, 1/s, reserve 6, 0.002 each, decrease 70% → 50%.\n',
    ]);
    expect(await json('bucket get api.model')).toEqual({
      ...bucket,
      ...{ decreasePermille: 500, limits: [{ ...requests, priceMicro: '2000' }, tokens] },
    });
    expect((await typed('bucket list'))[1]).toMatch(
      /^api\.model +requests +60 +60 +1 +6 +0\.002 +100% +1x +till\napi\.model +tokens +100000 /m,
    );
  });

  const refused: Refused[] = [
    ['bucket create api.model --account till --limit a=1/1s', 1, /^duplicate: /],
    ['bucket create b --account nobody --limit a=1/1s', 3, /^unknown: .*nobody/],
    ['bucket create b --account till', 2, /required option '--limit <limit>' not specified/],
    ['bucket create b --account till --limit a=1/1s,reserve=2', 2, /a: the reserve is at most the capacity/],
    ['bucket create b --account till --limit a', 2, /say how much flows, a=60\/60s for instance/],
    ['bucket set api.model --limit requests=60', 2, /60 is no count per time; a limit is typed like requests=60\/60s/],
    ['bucket set api.model --rule dice', 2, /one of uniform-price, proportional-share is needed/],
  ];
  test.each(refused)('%s: exit code %i', async (args, code, why) => {
    expect(await typed(args)).toEqual([code, expect.stringMatching(why)]);
  });
});

describe('budgets', () => {
  it('stand under each other, and are changed in what is named alone', async () => {
    await json('budget create company --window day --amount 100', typedOutside);
    const team = await json(
      'budget create team-a --parent company --window hour --amount 0.1 --keep 50% --carry-cap 0.05',
    );
    expect(team).toMatchObject({ parent: 'company', amountMicro: '100000', leftMicro: '100000', keepPermille: 500 });
    expect(await typed('budget set team-a --amount 0.2 --lend 10%')).toEqual([
      0,
      'The budget team-a is changed: amount 0.1 → 0.2, lend 0% → 10%.\n',
    ]);
    expect(await json('budget get team-a')).toMatchObject({
      keepPermille: 500,
      carryCapMicro: '50000',
      leftMicro: '200000',
    });
    expect((await typed('budget list'))[1]).toMatch(
      /^company +day +100 +0 +100 +0 +0 +0 +in \d+ (s|min|h)\n {2}team-a +hour +0\.2 +0 +0\.2 /m,
    );
    expect(await typed('account set alice --budget team-a')).toEqual([
      0,
      'The account alice is changed: budget – → team-a.\n',
    ]);
  });

  const refused: Refused[] = [
    ['budget create company --window day --amount 1', 1, /^duplicate: /],
    ['budget create b --window day --amount 1 --parent nobody', 3, /^unknown: .*nobody/],
    ['budget create b --window week --amount 1', 2, /one of minute, hour, day, life is needed/],
    ['budget create b --window day', 2, /required option '--amount <credits>' not specified/],
    ['budget set company', 2, /^Nothing to change/],
  ];
  test.each(refused)('%s: exit code %i', async (args, code, why) => {
    expect(await typed(args)).toEqual([code, expect.stringMatching(why)]);
  });
});

it('lists what one message does not hold', async () => {
  const batch = market.redis.pipeline();
  const ids = Array.from({ length: 5_000 }, (_, n) => `one-of-many-${String(n).padStart(5, '0')}`);
  for (const account of ids) {
    const fields = { kind: 'agent', class: 'standard', available: 0, pending: 0, owner: 'somebody-with-many' };
    batch.hset(`{${market.market}}:acct:${account}`, fields).sadd(`{${market.market}}:accounts`, account);
  }
  await batch.exec();
  const listed: { id: string }[] = await json('account list', typedOutside);
  const many = listed.map(({ id }) => id).filter((id) => id.startsWith('one-of-many-'));
  expect(many).toEqual(ids);
});

describe('spending', () => {
  let contract: string;
  beforeAll(async () => {
    const [buyer, ann, seller] = await Promise.all([
      market.agent('buyer', 100, { project: 'films', team: 'day' }),
      market.agent('ann', 1, { owner: 'acme' }),
      market.agent('seller', 1),
    ]);
    const deal = dealOf(buyer);
    const { contracts } = await buyer.done('engage', engageOf(deal, [offerOf(ann, deal)]));
    contract = contracts[0].contract;
    const step = (name: string, more = {}) =>
      ann.done('report', { key: `${name}-of-${contract}`.slice(0, 64), contract, step: name, ...more });
    await step('take');
    await step('run');
    await step('done', { receipt: receiptOf('done') });
    await market.pool('tpu', 'seller', 1);
    const call: Call = await seller.done('lock', seller.offer('tpu', { durationMs: 600_000 }));
    const lost = ann.cheque(call, 100_000);
    const { winners } = await seller.done('award', seller.award(call, [buyer.cheque(call, 250_000), lost]));
    // Given back at once, a tenth of it counts as used.
    await buyer.done('settle', { key: 'settle-of-buyer', contract: winners[0].contract });
  });

  it('is told by agent, to people', async () => {
    const [code, table] = await typedOutside('spend');
    expect(code).toBe(0);
    expect(table).toMatch(/^AGENT +PAID +PAYMENTS +WON +LOST +LOST TO$/m);
    expect(table).toMatch(/^buyer +0\.51 +2 +1 +0 +–$/m);
    expect(table).toMatch(/^ann +0 +0 +1 +1 +buyer$/m);
    expect(table).toMatch(/^In all 0\.51 credits, up to \S+Z\.$/m);
  });

  it('is told by whatever is asked, narrowed by whatever is named, to programs', async () => {
    const whole = await json('spend --by agent,project,team,resource,payee,contract', typedOutside);
    expect(whole.totalMicro).toBe('510000');
    expect(whole.lines).toContainEqual({
      ...{ agent: 'buyer', project: 'films', team: 'day', resource: 'gpu.h100', payee: 'ann', contract },
      ...{ paidMicro: '500000', payments: 1, won: 0, lost: 0, lostTo: [] },
    });
    expect(await json('spend --by resource --project films')).toMatchObject({
      totalMicro: '510000',
      lines: [{ resource: 'gpu.h100' }, { resource: 'tpu', paidMicro: '10000' }],
    });
    const { lines } = await json('spend --per minute --from 1h --agent buyer');
    expect(lines[0].window % 60_000).toBe(0);
    expect(await json('spend --to 1h')).toMatchObject({ lines: [], totalMicro: '0' });
  });

  it('is a CSV file that sums up to the same', async () => {
    const [code, text] = await typed('spend --by agent,resource -o csv');
    const [head, ...rows] = text.trimEnd().split('\r\n');
    expect([code, head]).toEqual([0, 'agent,resource,paidMicro,paidCredits,payments,won,lost,lostTo']);
    expect(rows).toContain('buyer,tpu,10000,0.01,1,1,0,');
    expect(rows.reduce((sum, row) => sum + Number(row.split(',')[2]), 0)).toBe(510_000);
  });

  it('shows the dearest first, and how to see the rest', async () => {
    const [, table] = await typed('spend --by contract --limit 1');
    expect(table).toMatch(/ \d+ more lines with --limit \d+\.$/m);
  });

  it('is not told in words that the bank does not know', async () => {
    const [code, text] = await typedOutside('spend --by hat');
    expect([code, text]).toEqual([2, expect.stringContaining('one of agent, owner, project, team, resource')]);
    expect(await typed('spend --from 1h --to 2h')).toEqual([
      2,
      expect.stringMatching(/^--from \S+Z is not before --to \S+Z\.$/m),
    ]);
  });

  // As if the market were years old; what it says of itself is a true journal.
  it('reads a long journal, and prints more lines than one message holds', async () => {
    const [meta, journal] = ['meta', 'journal'].map((name) => `{${market.market}}:${name}`) as [string, string];
    const [seq = 0, at] = (await market.redis.hmget(meta, 'seq', 'clock')).map(Number);
    const digest = 'd'.repeat(22);
    const batch = market.redis.pipeline();
    for (let n = 1; n <= 40_000; n += 1) {
      const keyed = { by: 'op', key: `old-${n}`, digest, at, amount: '1' };
      const paid = { id: `old-${n}`, from: 'buyer', to: 'ann', tags: { agent: 'buyer', contract: `contract-${n}` } };
      const entry = n % 8 === 0 ? { kind: 'transfer', ...keyed, ...paid } : { kind: 'grant', ...keyed, to: 'buyer' };
      batch.xadd(journal, `${seq + n}-0`, 'entry', JSON.stringify(entry));
    }
    batch.hset(meta, 'seq', seq + 40_000);
    await batch.exec();
    const [code, text] = await typedOutside('spend --by owner');
    expect(code).toBe(0);
    expect(text).toMatch(/^In all 0\.515 credits/m);
    // More lines than one message holds, as of one instant.
    const { lines, linesInAll, totalMicro } = await json('spend --by contract', typedOutside);
    expect(lines.length).toBe(linesInAll);
    expect(new Set(lines.map((line: { contract?: string }) => line.contract)).size).toBe(linesInAll);
    const sum = lines.reduce((total: number, line: { paidMicro: string }) => total + Number(line.paidMicro), 0);
    expect([linesInAll > 5000, sum]).toEqual([true, Number(totalMicro)]);
  });
});
