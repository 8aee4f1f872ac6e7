// A provider in a process of its own, so that a test can kill it or put it to sleep: says on stdout how far it is.
import { writeSync } from 'node:fs';
import { connectAgent } from '@tender/agent';

const { servers, market, id, seed, resource, pool } = JSON.parse(process.argv[2]);
const say = (what, more = {}) => writeSync(1, `${JSON.stringify({ what, ...more })}\n`);

const agent = await connectAgent({ servers, market, id, seed });
const providing = agent.provide(resource, {
  appraise: () => ({ ok: true, costMicro: 1_000_000 }),
  ...(pool === undefined ? {} : { hold: { pool } }),
  run: (_task, bench) => {
    bench.progress({ percent: 30 });
    say('running', { fences: bench.fences });
    return new Promise((_resolve, reject) => {
      bench.signal.addEventListener('abort', () => {
        say('aborted');
        reject(bench.signal.reason);
      });
    });
  },
  onSettled: () => say('settled'),
});
await providing.ready;
say('ready');
