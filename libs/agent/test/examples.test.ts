// The examples do what they say, each as a process of its own against a real market.
import { fileURLToPath } from 'node:url';
import { type Exit, spawnTethered } from '@tender/stack';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type SdkMarket, sdkMarket } from './support.js';

let m: SdkMarket;

beforeAll(async () => {
  m = await sdkMarket({ name: 'examples' });
});
afterAll(() => m.stop());

interface Ran extends Exit {
  readonly output: string;
}

async function run(path: string, env: Record<string, string>): Promise<Ran> {
  const { NATS_URL, TENDER_MARKET } = m.env;
  const child = spawnTethered(process.execPath, [path], {
    env: { PATH: process.env.PATH, NATS_URL, TENDER_MARKET, ...env },
    cwd: fileURLToPath(new URL('../../../', import.meta.url)),
    stdio: ['ignore', 'pipe', 'pipe'],
    name: path,
  });
  let output = '';
  for (const stream of [child.process.stdout!, child.process.stderr!]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk;
    });
  }
  return { ...(await child.exited), output };
}

/** Runs the command that set-up printed for this example, with some variables more. */
function runAsTold(told: string, name: string, more: Record<string, string> = {}): Promise<Ran> {
  const line = told.split('\n').find((one) => one.endsWith(`node examples/${name}.mjs`));
  if (line === undefined) throw new Error(`${name} is not in: ${told}`);
  const env = Object.fromEntries(
    [...line.matchAll(/([A-Z_]+)=('[^']*'|\S+)/g)].map(([, key, value]) => [key!, value!.replaceAll("'", '')]),
  );
  return run(`examples/${name}.mjs`, { ...env, ...more });
}

test('set-up, sell, bid, host and plain-nats: a market in five scripts', async () => {
  const setUp = await run('examples/set-up.mjs', { TENDER_OPERATOR_SEED: `op:${m.operator.seed}` });
  expect(setUp.code, setUp.output).toBe(0);
  // As long as anybody buys, however long its process takes to start.
  let isOver = false;
  const selling = (async () => {
    const sales: Ran[] = [];
    while (!isOver) sales.push(await runAsTold(setUp.output, 'sell', { CALLS: '8' }));
    return sales;
  })();
  const bidding = await runAsTold(setUp.output, 'bid', { WORK_MS: '200' });
  expect(bidding.output).toMatch(
    /^won slot \d of gpu.\w+ under fence \d+ for 500000 micro-credits\npaid \d{5,7}, got \d{5,7} back\n$/,
  );
  const wire = await runAsTold(setUp.output, 'plain-nats');
  expect(wire.output).toMatch(
    /logged in until .*\nwon slot \d under fence \d+ for 500000\nsettled: paid \d+, got \d+ back\n$/,
  );
  const hosting = await runAsTold(setUp.output, 'host', { WINS: '2' });
  expect(hosting.output).toMatch(/c-\w+ won slot/);
  expect(hosting.output).toMatch(/a-\w+ lost: outbid, price 1000000/);
  isOver = true;
  const sales = await selling;
  expect(sales.map(({ output }) => output).join('')).toMatch(/sold slot \d to buyer-\w+, 500000\n/);
  expect(new Set([bidding, wire, hosting, ...sales].map(({ code }) => code))).toEqual(new Set([0]));
});

test('provide and hire: a task that is called for, and one that is haggled over', async () => {
  const setUp = await run('examples/set-up.mjs', { TENDER_OPERATOR_SEED: `op:${m.operator.seed}` });
  const providing = runAsTold(setUp.output, 'provide');
  // A call that nobody hears yet is made again.
  let hiring = await runAsTold(setUp.output, 'hire');
  for (let tries = 0; hiring.code !== 0 && tries < 5; tries++) hiring = await runAsTold(setUp.output, 'hire');
  const haggled =
    /buyer-\w+: propose 20000\nseller-\w+: counter-propose \d+\n(.*\n)+seller-\w+ counted 8 words for \d{5,6}\n$/;
  expect(hiring.output).toMatch(/^(50 %\n)?seller-\w+ counted 8 words for \d+\n/);
  expect(hiring.output).toMatch(haggled);
  const provided = await providing;
  expect(provided.output).toMatch(/^\w+-t1: count words, for buyer-\w+\n\w+-t1: done, paid \d+\n/);
  expect([hiring.code, provided.code]).toEqual([0, 0]);
});

test('call: an upstream that is called under rate tokens refuses nothing', async () => {
  const setUp = await run('examples/set-up.mjs', { TENDER_OPERATOR_SEED: `op:${m.operator.seed}` });
  // Without tokens five of fifteen are refused each time. With them a process that stalls may send what it holds in one heap.
  let called = await runAsTold(setUp.output, 'call', { CALLS: '15' });
  for (let tries = 0; !called.output.includes(' 0 refused') && tries < 5; tries++)
    called = await runAsTold(setUp.output, 'call', { CALLS: '15' });
  expect(called.output).toMatch(/^15 calls answered, 0 refused; 9\d{7} micro-credits left\n$/);
  expect(called.code).toBe(0);
});

test('an example without a key says what is missing', async () => {
  const { code, output } = await run('examples/bid.mjs', { TENDER_AGENT: 'nobody', TENDER_AGENT_SEED: 'SUnone' });
  expect(code).not.toBe(0);
  expect(output).toMatch(/^not a user seed/);
});

test.each(['bid', 'sell', 'host', 'plain-nats', 'provide', 'hire', 'call', 'set-up'])(
  '%s without a market says how to get one',
  async (name) => {
    const keys = { TENDER_AGENT: 'a', TENDER_AGENT_SEED: m.operator.seed, TENDER_HOST: 'h', TENDER_AGENTS: '[]' };
    const TENDER_OPERATOR_SEED = `op:${m.operator.seed}`;
    const [bare, away] = await Promise.all([
      run(`examples/${name}.mjs`, { NATS_URL: '' }),
      run(`examples/${name}.mjs`, { ...keys, TENDER_OPERATOR_SEED, NATS_URL: 'nats://127.0.0.1:1' }),
    ]);
    expect(bare).toMatchObject({ code: 2 });
    expect(bare.output).toMatch(/^Not set: NATS_URL, .*npm run tender -- up.*\n$/);
    expect(away).toMatchObject({ code: 1 });
    expect(away.output).toMatch(/^No NATS server answers at .*:1\. .*npm run tender -- up.*\n$/);
  },
);

test('sell by somebody who is not the seller stops at the first refusal', async () => {
  const setUp = await run('examples/set-up.mjs', { TENDER_OPERATOR_SEED: `op:${m.operator.seed}` });
  const buyer = setUp.output.split('\n').find((one) => one.endsWith('bid.mjs'))!;
  const sold = await runAsTold(buyer.replace('bid.mjs', 'sell.mjs'), 'sell');
  expect(sold.code).toBe(1);
  expect(sold.output.match(/not sold/g)).toHaveLength(1);
  expect(sold.output).toContain('node examples/set-up.mjs opens a pool with a seller');
});
