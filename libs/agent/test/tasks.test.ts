// Having tasks done and doing them: announced calls, negotiations between two, contracts to their end; a real broker.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Agent, ProvideOptions } from '../src/index.js';
import { CREDIT, type SdkMarket, sdkMarket } from './support.js';

let m: SdkMarket;
let buyer: Agent;
let ann: Agent;

beforeAll(async () => {
  m = await sdkMarket({ name: 'sdk-tasks' });
  [buyer, ann] = await Promise.all([m.sdkAgent('buyer'), m.sdkAgent('ann')]);
});
afterAll(() => m.stop());

const doubling: ProvideOptions = {
  appraise: () => ({ ok: true, costMicro: CREDIT }),
  run: (task) => ({ doubled: Number(task.inputs.n) * 2 }),
};

test('an announced task is offered, engaged, run and paid', async () => {
  const providing = ann.provide('gpu.a', doubling);
  await providing.ready;
  const outcome = await buyer.hire({
    task: { resource: 'gpu.a', inputs: { n: 21 } },
    ask: { priceMicro: 2 * CREDIT },
    closeAfterAnswers: 1,
  });
  expect(outcome).toMatchObject({ ok: true });
  if (!outcome.ok) return;
  const [task] = outcome.tasks;
  expect(await task!.receipt).toMatchObject({ ok: true, receipt: { outputs: { doubled: 42 } } });
  expect(await task!.settled).toMatchObject({ outcome: 'done', paidMicro: String(2 * CREDIT) });
  providing.stop();
});

test('a negotiation with one provider leads to a contract', async () => {
  const providing = ann.provide('gpu.a', doubling);
  await providing.ready;
  const outcome = await buyer.negotiate('ann', {
    task: { resource: 'gpu.a', inputs: { n: 4 } },
    ask: { priceMicro: CREDIT / 2 },
    bounds: { priceMicro: { min: '1', max: String(3 * CREDIT) } },
    limitMicro: 3 * CREDIT,
  });
  expect(outcome).toMatchObject({ ok: true });
  if (!outcome.ok) return;
  expect(await outcome.tasks[0]!.receipt).toMatchObject({ ok: true, receipt: { outputs: { doubled: 8 } } });
  providing.stop();
});
