// Values that are none, and how the bank must answer them: with a code, and nothing changed.
import type { Redis } from 'ioredis';
import { expect } from 'vitest';
import { dump } from './dump.js';
import type { Reply } from './wire-client.js';

/** The refusal; fails where there is no answer, where it is none, or where Redis holds something else afterwards. */
export async function refusedWithoutChange(redis: Redis, ask: () => Promise<Reply | undefined>): Promise<Reply> {
  const before = await dump(redis);
  const reply = await ask();
  expect(reply, 'an answer').toBeDefined();
  expect(reply!.performative).not.toBe('inform');
  expect(reply!.headers!.get('Tender-Status')).toBe(String(reply!.body.status));
  expect(reply!.headers!.get('Nats-Service-Error-Code')).toBe(String(reply!.body.status));
  expect(reply!.body.message).toMatch(/\w/);
  expect(await dump(redis)).toEqual(before);
  return reply!;
}

export const ids = [
  'a.b',
  'a*',
  '>',
  'a b',
  '{a}',
  'a\nb',
  'a\u0000b',
  '',
  'A',
  '-a',
  'ä',
  'a'.repeat(65),
  '../a',
  'a|b',
];
export const amounts = [
  '0',
  '-1',
  '1.5',
  '1e3',
  '1e400',
  'nan',
  'Infinity',
  '0x10',
  '',
  ' 1',
  '1 ',
  '01',
  '9'.repeat(15),
  '１',
];
export const notAmounts = [1, 1.5, null, true, [], {}, ['1']];
