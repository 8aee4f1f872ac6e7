// Message ids, headers and the inbox, the latter on a real nats-server.
import { ulidText } from '@tender/market';
import { connectNats, Inbox, newId, newUlid, stepHeaders, traceparentOf } from '@tender/market/nats';
import { type Stack, startStack } from '@tender/stack';
import { type Msg, type NatsConnection, StringCodec } from 'nats';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

describe('ulids', () => {
  test('rise within a millisecond, over it, and when the clock steps back; each fits the wire', () => {
    const ids = [5, 5, 5, 6, 4, 4, 2 ** 41, 7].flatMap((ms) => Array.from({ length: 50 }, () => newUlid(ms * 10)));
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(ulidText.safeParse(id).success).toBe(true);
    expect(newId()).toMatch(/^[0-7][0-9a-hjkmnp-tv-z]{25}$/);
  });
});

describe('headers of a step', () => {
  test('say what was given and nothing else', () => {
    const headers = stepHeaders({
      status: 463,
      detail: 'outbid',
      conversation: 'c',
      round: 1,
      scope: 'gpu.a',
      fence: 7,
    });
    expect(Object.fromEntries([...headers].map(([name, values]) => [name, values[0]]))).toEqual({
      'Tender-Status': '463',
      'Tender-Conversation': 'c',
      'Tender-Reason': 'policy-refused/outbid',
      'Tender-Round': '1',
      'Tender-Scope': 'gpu.a',
      'Tender-Fence': '7',
    });
  });

  test('pass a traceparent on, and only a well-formed one', () => {
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    expect(traceparentOf(stepHeaders({ status: 200, conversation: 'c', traceparent }))).toBe(traceparent);
    const evil = `${traceparent}\r\nTender-Status: 200`;
    expect(traceparentOf(stepHeaders({ status: 200, conversation: 'c', traceparent: evil }))).toBeUndefined();
    expect(traceparentOf(undefined)).toBeUndefined();
  });
});

describe('the inbox', () => {
  let stack: Stack;
  let nc: NatsConnection;
  let inbox: Inbox;
  const text = StringCodec();

  beforeAll(async () => {
    stack = await startStack({ name: 'inbox', redis: false });
    nc = await connectNats({ servers: stack.natsUrl, sender: 'ann' }, { reconnectTimeWait: 20, reconnectJitter: 10 });
    inbox = new Inbox(nc, 'ann');
    nc.subscribe('echo', { callback: (_error, msg) => msg.respond(msg.data) });
    nc.subscribe('silence', { callback: () => undefined });
    await nc.flush();
  });
  afterAll(async () => {
    await nc.close();
    await stack.stop();
  });

  test('matches a thousand answers to their questions', async () => {
    const asked = Array.from({ length: 1000 }, (_, n) => inbox.request('echo', text.encode(`${n}`), 30_000));
    const heard = (await Promise.all(asked)).map((one) =>
      one.kind === 'reply' ? text.decode(one.msg.data) : one.kind,
    );
    expect(heard).toEqual(Array.from({ length: 1000 }, (_, n) => `${n}`));
    expect(inbox.waiting).toBe(0);
  });

  test('replies go to the sender’s own inbox', async () => {
    const replies: (string | undefined)[] = [];
    const sub = nc.subscribe('tap', {
      callback: (_error, msg) => {
        replies.push(msg.reply);
        msg.respond();
      },
    });
    await inbox.request('tap', text.encode(''), 30_000);
    expect(replies[0]).toMatch(/^_INBOX_ann\.[0-9A-Z]+\.[0-9a-z]+$/);
    sub.unsubscribe();
  });

  test('silence is a timeout, in time; nobody there is said at once; a late answer is dropped', async () => {
    const from = performance.now();
    expect(await inbox.request('silence', text.encode(''), 60)).toEqual({ kind: 'timeout' });
    expect(performance.now() - from).toBeGreaterThanOrEqual(55);
    expect(performance.now() - from).toBeLessThan(20_000);
    expect(await inbox.request('nobody', text.encode(''), 30_000)).toEqual({ kind: 'no-responders' });
    const asked: Msg[] = [];
    const late = nc.subscribe('late', { callback: (_error, msg) => asked.push(msg) });
    expect(await inbox.request('late', text.encode(''), 30)).toEqual({ kind: 'timeout' });
    await expect.poll(() => asked.length).toBe(1);
    asked[0]!.respond();
    // What is asked after it is answered after it.
    expect(await inbox.request('echo', text.encode(''), 30_000)).toMatchObject({ kind: 'reply' });
    expect(inbox.waiting).toBe(0);
    late.unsubscribe();
  });

  test('it goes on after the server was killed', async () => {
    const waiting = inbox.request('silence', text.encode(''), 60_000);
    await stack.nats.kill('SIGKILL');
    inbox.interrupt();
    expect(await waiting).toEqual({ kind: 'disconnected' });
    await stack.nats.restart();
    await expect.poll(async () => (await inbox.request('echo', text.encode('x'), 200)).kind).toBe('reply');
  });

  test('closed, it answers at once', async () => {
    const other = new Inbox(nc, 'bob');
    const waiting = other.request('silence', text.encode(''), 60_000);
    other.close();
    expect(await waiting).toEqual({ kind: 'disconnected' });
    expect(await other.request('echo', text.encode(''), 1000)).toEqual({ kind: 'disconnected' });
  });
});
