// deploy/: the servers accept its files, and its permissions let nobody speak, or listen, in another's name.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type NatsConnection, nkeyAuthenticator, nkeys } from 'nats';
import { beforeAll, describe, expect, it } from 'vitest';
import { stackEnvironment } from '../src/environment.js';
import { redisArguments } from '../src/redis-server.js';
import { resolveServer } from '../src/resolve.js';
import { startStack } from '../src/stack.js';
import { bareVariables, found, packageFolder, temporaryFolder } from './support.js';

const deploy = join(packageFolder, '../../deploy');
const read = (file: string): string => readFileSync(join(deploy, file), 'utf8');

describe('deploy', () => {
  let natsServer: string | undefined;

  beforeAll(async () => {
    const server = found(await resolveServer('nats', stackEnvironment(bareVariables({}))));
    if (server.how !== 'url' && server.how !== 'docker') natsServer = server.command;
  });

  it('has a nats.conf that the server accepts, open or with permissions', (context) => {
    if (natsServer === undefined) return context.skip('no nats-server binary on this host');
    for (const permissions of ['open.conf', 'permissions.conf']) {
      const folder = temporaryFolder();
      writeFileSync(join(folder, 'nats.conf'), read('nats.conf'));
      writeFileSync(join(folder, 'permissions.conf'), read(permissions));
      execFileSync(natsServer, ['-t', '-c', join(folder, 'nats.conf')], { stdio: 'pipe' });
    }
  });

  it('has a redis.conf that says what libs/stack says', () => {
    const lines = read('redis.conf').split('\n');
    const told = redisArguments({});
    for (let index = 0; index < told.length; index += 2) {
      expect(lines).toContain(`${told[index]!.slice(2)} ${told[index + 1] || '""'}`);
    }
  });

  it('has permissions that tie every sender to its own subjects and inbox', async () => {
    const keys = { broker: nkeys.createUser(), agent: nkeys.createUser(), operator: nkeys.createUser() };
    const own = Object.values(keys).map((key) => key.getPublicKey());
    const lines = read('permissions.conf').replace(/\bU[A-Z2-7]{55}\b/g, () => own.shift()!);
    const stack = await startStack({ env: bareVariables({}), redis: false, nats: { configLines: [lines] } });
    const open: NatsConnection[] = [];
    const login = async (key: keyof typeof keys, id: string): Promise<NatsConnection> => {
      const authenticator = nkeyAuthenticator(keys[key].getSeed());
      open.push(await connect({ servers: stack.natsUrl, authenticator, inboxPrefix: `_INBOX_${id}`, timeout: 20_000 }));
      return open.at(-1)!;
    };
    try {
      await expect(connect({ servers: stack.natsUrl })).rejects.toThrow(/Authorization/i);
      const broker = await login('broker', 'broker');
      const agent = await login('agent', 'trainer-1');
      const operator = await login('operator', 'ops-1');

      broker.subscribe('tender.demo.bank.*.account', { callback: (_, message) => message.respond('balance') });
      broker.subscribe('tender.demo.admin.*.grant', { callback: (_, message) => message.respond('granted') });
      await broker.flush();
      const answer = await agent.request('tender.demo.bank.trainer-1.account', '', { timeout: 20_000 });
      expect(answer.string()).toBe('balance');
      const granted = await operator.request('tender.demo.admin.ops-1.grant', '', { timeout: 20_000 });
      expect(granted.string()).toBe('granted');

      for (const subject of [
        'tender.demo.bank.trainer-2.account',
        'tender.demo.cfp.gpu_h100.trainer-2',
        'tender.demo.bid.steward.c1.trainer-2',
        'tender.demo.talk.steward.trainer-2',
        'tender.demo.admin.ops-1.grant',
        'tender.demo.event.awarded.x',
        'tender.demo.audit.x',
        '_INBOX_trainer-2.x',
        '$JS.API.INFO',
      ]) {
        expect([subject, await refusalOf(agent, () => agent.publish(subject))]).toEqual([subject, 'Publish']);
      }
      for (const subject of ['tender.demo.bid.steward.>', 'tender.>', '_INBOX_trainer-2.>', 'tender.demo.audit.>']) {
        const refusal = await refusalOf(agent, () => void agent.subscribe(subject, { callback: () => undefined }));
        expect([subject, refusal]).toEqual([subject, 'Subscription']);
      }
      for (const subject of ['tender.demo.bid.trainer-1.>', 'tender.demo.talk.trainer-1.*', 'tender.demo.cfp.gpu.*']) {
        const refusal = await refusalOf(agent, () => void agent.subscribe(subject, { callback: () => undefined }));
        expect([subject, refusal]).toEqual([subject, undefined]);
      }
      // The broker answers who asked, and writes into nobody's inbox of its own accord.
      expect(await refusalOf(broker, () => broker.publish('_INBOX_trainer-1.x'))).toBe('Publish');
    } finally {
      await Promise.all(open.map((connection) => connection.close()));
      await stack.stop();
    }
  });
});

/** What the server refused (Publish, Subscription) of what was done, or undefined: a flush brings its word back. */
async function refusalOf(connection: NatsConnection, act: () => void): Promise<string | undefined> {
  const heard: string[] = [];
  const listening = (async () => {
    for await (const status of connection.status()) {
      if (status.type === 'error') {
        heard.push(status.permissionContext?.operation ?? String(status.data));
      }
    }
  })();
  listening.catch(() => undefined);
  act();
  await connection.flush();
  // The statuses pass through an iterator: one more turn of the loop delivers what has arrived.
  await new Promise((settle) => setImmediate(settle));
  return heard.map((operation) => operation[0]!.toUpperCase() + operation.slice(1))[0];
}
