// Tables as people read them: numbers below each other, and nothing that a terminal would obey.
import { expect, test } from 'vitest';
import { showFacts, showTable } from '../src/table.js';

test('columns of numbers meet at the decimal point, all others begin on the left', () => {
  const rows = [
    ['alice', '1,012.345678', '3', '0.25'],
    ['bob-the-second', '0.5', '12', '0.25/1m'],
    ['carl', '–', '-1', '–'],
  ];
  expect(showTable(['ID', 'AVAILABLE', 'AGENTS', 'SPOT'], rows).split('\n')).toEqual([
    'ID                 AVAILABLE  AGENTS  SPOT',
    'alice           1,012.345678       3  0.25',
    'bob-the-second      0.5           12  0.25/1m',
    'carl                –             -1  –',
  ]);
});

test('facts of one thing stay on the left, numbers too', () => {
  expect(
    showFacts([
      ['slots', '4'],
      ['reserve price', '0.25'],
    ]),
  ).toBe('slots          4\nreserve price  0.25');
});

test('what others wrote stays one line and moves no cursor', () => {
  expect(showTable(['SAYS'], [['a\nb\u001b[2Jc']])).toBe('SAYS\na b [2Jc');
});
