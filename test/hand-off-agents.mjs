// One process of the hand-off test, a provider or a buyer: says on stdout how far each task is, and dies there when it is to.
import { writeSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { connectAgent } from '@tender/agent';

const { role, servers, market, id, seed, chance, doom, ...mine } = JSON.parse(process.argv[2]);
const MICRO = 1_000_000;
let stopped = false;

/** The same lots for the same `chance`: a whole number below `n`. */
let lots = chance;
function draw(n) {
  lots = (Math.imul(lots, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((lots / 2 ** 32) * n);
}

const die = () => process.kill(process.pid, 'SIGKILL');

/** Written at once, so that no kill hides it; `doom` is where this process ends. */
function say(phase, task, more = {}) {
  writeSync(1, `${JSON.stringify({ phase, task, ...more })}\n`);
  if (stopped || phase !== doom?.phase || --doom.nth !== 0) return;
  if (doom.afterMs === 0) die();
  else setTimeout(() => stopped || die(), doom.afterMs);
}

function provide(agent) {
  const { resource, pool } = mine;
  const offered = new Map();
  return agent.provide(resource, {
    appraise: ({ frame }) => {
      offered.set(frame.conversation, frame.task.task);
      say('offered', frame.task.task);
      return { ok: true, costMicro: MICRO, wishMicro: MICRO + draw(MICRO) };
    },
    ...(pool === undefined ? {} : { hold: { pool, ttlMs: 800 } }),
    validForMs: 1500,
    onContract: ({ frame }) => say('engaged', frame.task.task),
    refuseWork: async ({ frame }) => {
      say('taken', frame.task.task);
      await pause(10 + draw(80));
      if (draw(8) > 0) return undefined;
      say('over', frame.task.task);
      return 'not today';
    },
    run: async ({ task }) => {
      say('running', task);
      await pause(200 + draw(800));
      if (draw(16) === 0) throw new Error('it went wrong');
      return { done: task };
    },
    onSettled: ({ frame }) => say('over', frame.task.task),
    onLost: ({ conversation }) => say('over', offered.get(conversation)),
  });
}

/** Everything is due within some hundred ms, so that whoever dies is missed soon. */
function order(agent, task) {
  const { resource } = mine;
  const now = agent.now();
  return {
    task: { resource, task },
    ask: { priceMicro: 2 * MICRO, startBy: now + 600, durationMs: 1000, deadline: now + 3000 },
    conditions: { graceMs: 300, reportEveryMs: 400, lateMs: 300, disputeMs: 1000, bondMicro: draw(2) ? '1000' : '0' },
    withinMs: 2500,
  };
}

async function buy(agent, task) {
  const { providers } = mine;
  say('called', task);
  const outcome = draw(3)
    ? await agent.hire({ ...order(agent, task), windowMs: 250, closeAfterAnswers: providers.length })
    : await agent.negotiate(providers[draw(providers.length)], { ...order(agent, task), roundMs: 400 });
  if (!outcome.ok) return say('over', task, { refused: outcome.detail });
  say('engaged', task);
  const [hired] = outcome.tasks;
  if ((await hired.receipt).ok) {
    say('settling', task);
    await pause(200 + draw(300));
    await hired.accept();
  }
  const view = await hired.settled;
  say('over', task, { outcome: view.outcome });
}

const agent = await connectAgent({ servers, market, id, seed });
process.stdin.on('data', () => {
  stopped = true;
});
if (role === 'provider') {
  await provide(agent).ready;
} else {
  const { again, lanes, nth } = mine;
  let next = nth;
  const lane = async () => {
    while (!stopped) await buy(agent, again.shift() ?? `${id}-${next++}`);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  process.exit(0);
}
