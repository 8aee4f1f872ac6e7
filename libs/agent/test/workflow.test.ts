// Plans of tasks: receipts feed inputs, failures are mended or end it, nothing is left running.
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Agent, ProvideOptions, WorkflowTask } from '../src/index.js';
import { CREDIT, type SdkMarket, sdkMarket } from './support.js';

let m: SdkMarket;
let buyer: Agent;
let ann: Agent;
let ben: Agent;

beforeAll(async () => {
  m = await sdkMarket({ name: 'sdk-workflow' });
  [buyer, ann, ben] = await Promise.all([m.sdkAgent('buyer'), m.sdkAgent('ann'), m.sdkAgent('ben')]);
});
afterAll(() => m.stop());

async function provide(agent: Agent, resource: string, run: ProvideOptions['run'], costMicro = CREDIT): Promise<void> {
  const appraise = () => ({ ok: true as const, costMicro, wishMicro: costMicro });
  const providing = agent.provide(resource, { appraise, run });
  onTestFinished(() => providing.stop());
  await providing.ready;
}

function planned(id: string, resource: string, more: Partial<WorkflowTask> = {}): WorkflowTask {
  const hire = { task: { resource }, ask: { priceMicro: 2 * CREDIT }, windowMs: 20_000, closeAfterAnswers: 1 };
  return { id, inputs: {}, otherwise: 'abort', hire, ...more };
}

test('receipts feed the inputs of what waits for them; those of one intent come together', async () => {
  await provide(ann, 'cpu.sum', ({ inputs }) => ({
    sum: Object.values(inputs)
      .flat()
      .reduce<number>((total, one) => total + Number(one), 0),
  }));
  const told: string[] = [];
  const run = buyer.workflow(
    [
      planned('one', 'cpu.sum', { inputs: { a: 1, b: 2 }, intent: 'parts' }),
      planned('two', 'cpu.sum', { inputs: { a: 30 }, intent: 'parts' }),
      planned('all', 'cpu.sum', { inputs: { parts: { $from: 'parts', path: 'outputs.sum' } } }),
    ],
    { onTask: (id, state) => told.push(`${id} ${state}`) },
  );
  const outcome = await run.done;
  expect(outcome.states).toEqual({ one: 'done', two: 'done', all: 'done' });
  expect(outcome.receipts.all!.outputs).toEqual({ sum: 33 });
  expect(outcome.intents.parts).toMatchObject({ done: 2, outputs: [{ sum: 3 }, { sum: 30 }] });
  expect(told.at(-1)).toBe('all done');
});

test('what fails is given to another provider, or asked otherwise', async () => {
  const seen: unknown[] = [];
  await provide(ann, 'cpu.frail', () => Promise.reject(new Error('out of memory')));
  await provide(
    ben,
    'cpu.frail',
    ({ inputs }) => {
      seen.push(inputs);
      return { by: 'ben' };
    },
    2 * CREDIT,
  );
  const both = { ...planned('', 'cpu.frail').hire, closeAfterAnswers: 2 };
  const plan = [
    planned('mended', 'cpu.frail', { hire: both, remedies: [{ kind: 'other-provider' }] }),
    planned('alternative', 'cpu.frail', { hire: both, remedies: [{ kind: 'alternative-offer' }] }),
    planned('dearer', 'cpu.frail', {
      hire: { ...both, ask: { priceMicro: CREDIT / 2 } },
      remedies: [
        { kind: 'changed-parameters', change: { ask: { priceMicro: CREDIT } } },
        { kind: 'changed-parameters', inputs: { small: true }, change: { ask: { priceMicro: 2 * CREDIT } } },
      ],
    }),
  ];
  const outcome = await buyer.workflow(plan).done;
  expect(outcome.failures).toEqual({});
  expect(outcome.states).toEqual({ mended: 'done', alternative: 'done', dearer: 'done' });
  expect(seen).toContainEqual({ small: true });
});

test('where nothing is left to try, all of it ends, or only what waits for it', async () => {
  await provide(ann, 'cpu.bad', () => Promise.reject(new Error('no luck')));
  await provide(ann, 'cpu.good', () => ({}));
  const parts = (otherwise: 'abort' | 'go-on') => [
    planned('bad', 'cpu.bad', { otherwise }),
    planned('after', 'cpu.good', { after: ['bad'] }),
    planned('aside', 'cpu.good', { after: [] }),
    planned('late', 'cpu.good', { after: ['aside'] }),
  ];
  const goesOn = await buyer.workflow(parts('go-on')).done;
  expect(goesOn.states).toEqual({ bad: 'failed', after: 'skipped', aside: 'done', late: 'done' });
  expect(goesOn.failures.bad).toMatchObject({ message: 'no luck' });
  const ends = await buyer.workflow([...parts('abort'), planned('more', 'cpu.good', { after: ['late'] })]).done;
  expect(ends).toMatchObject({ ok: false, aborted: { message: 'task bad: no luck' } });
  expect(ends.states.after).toBe('cancelled');
});

test('an aborted workflow leaves what runs, and calls for nothing more', async () => {
  const aborted: string[] = [];
  const controller = new AbortController();
  await provide(
    ann,
    'cpu.long',
    (_task, { signal, contract }) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          aborted.push(contract);
          resolve({});
        });
        controller.abort();
      }),
  );
  const { hire } = planned('', 'cpu.nobody');
  const run = buyer.workflow(
    [planned('long', 'cpu.long'), planned('unheard', 'cpu.nobody', { hire: { ...hire, windowMs: 5000 } })],
    { signal: controller.signal },
  );
  const outcome = await run.done;
  expect(outcome.states).toEqual({ long: 'cancelled', unheard: 'cancelled' });
  await expect.poll(() => aborted).toHaveLength(1);
});

test('a plan that makes no sense ends at once; an open one takes more', async () => {
  const cycle = buyer.workflow([planned('a', 'cpu.x', { after: ['b'] }), planned('b', 'cpu.x', { after: ['a'] })]);
  expect(await cycle.done).toMatchObject({ ok: false, aborted: { detail: 'malformed' } });
  await provide(ann, 'cpu.open', () => ({}));
  const open = buyer.workflow([], { open: true });
  expect(open.add([planned('first', 'cpu.open')])).toEqual({ ok: true });
  expect(open.add([planned('first', 'cpu.open')])).toMatchObject({ ok: false, detail: 'duplicate' });
  open.close();
  expect((await open.done).states).toEqual({ first: 'done' });
});
