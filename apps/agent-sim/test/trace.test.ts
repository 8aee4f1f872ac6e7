// Reading traces: every kind of bad row under its name, and nothing lost.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { readCsv } from '../src/csv.js';
import { fitLines } from '../src/fit.js';
import { parseTrace } from '../src/trace.js';

const header = 'name,cpu_milli,num_gpu,gpu_milli,qos,creation_time,deletion_time,scheduled_time';

describe('rows', () => {
  test.each([
    [
      'a whole GPU',
      'p,1,2,1000,LS,10,70,10',
      { units: 2, priority: 3, durationS: 60, fraction: false, scheduled: true },
    ],
    ['a fraction', 'p,1,1,460,BE,10,70,10', { units: 1, priority: 0, fraction: true }],
    ['never scheduled', 'p,1,1,1000,Burstable,10,70,', { priority: 1, scheduled: false }],
    ['quoted fields', '"p, with ""quotes""",1,1,1000,"Guaranteed",10,70,10', { priority: 2 }],
    ['no duration', 'p,1,1,1000,LS,10,10,10', { durationS: 0 }],
    ['fractions of seconds', 'p,1,1,1000,LS,10.5,12,10', { durationS: 1.5 }],
    ['spaces', ' p , 1 , 1 , 1000 , LS , 10 , 70 , 10 ', { durationS: 60 }],
    ['no GPU', 'p,1,0,0,LS,10,70,10', 'no-gpu-asked'],
    ['an empty GPU field', 'p,1,,0,LS,10,70,10', 'no-gpu-asked'],
    ['too many GPUs', 'p,1,9,1000,LS,10,70,10', 'too-many-gpus'],
    ['no deletion time', 'p,1,1,1000,LS,10,,10', 'no-deletion-time'],
    ['no creation time', 'p,1,1,1000,LS,,70,10', 'no-creation-time'],
    ['a negative duration', 'p,1,1,1000,LS,70,10,10', 'negative-duration'],
    ['an unknown QoS', 'p,1,1,1000,Best,10,70,10', 'unknown-qos'],
    ['a number that is none', 'p,1,one,1000,LS,10,70,10', 'malformed-field'],
    ['an exponent', 'p,1,1e0,1000,LS,10,70,10', 'malformed-field'],
    ['a negative time', 'p,1,1,1000,LS,-10,70,10', 'malformed-field'],
    ['a quote that is never closed', '"p,1,1,1000,LS,10,70,10', 'malformed-field'],
    ['text after a quote', '"p"x,1,1,1000,LS,10,70,10', 'malformed-field'],
    ['a missing column', 'p,1,1,1000,LS,10,70', 'wrong-column-count'],
    ['a column too many', 'p,1,1,1000,LS,10,70,10,', 'wrong-column-count'],
    ['a blank line', '   ', 'blank-line'],
  ])('%s', (_, row, expected) => {
    // A good row after it: one bad row must not cost its neighbours.
    const trace = parseTrace(`${header}\r\n${row}\r\ngood,1,1,1000,LS,99,100,99\r\n`, 8);
    expect(trace.total).toBe(2);
    if (typeof expected === 'string') {
      expect(trace.unusable).toEqual({ [expected]: 1 });
      expect(trace.rows).toMatchObject([{ createdAtS: 99 }]);
    } else {
      expect(trace.unusable).toEqual({});
      expect(trace.rows[0]).toMatchObject(expected);
    }
  });
});

describe('headers', () => {
  test.each([
    ['an empty file', '', 0, {}, 4],
    ['only a header', `${header}\n`, 0, {}, 0],
    ['no header', 'p,1,1,1000,LS,10,70,10\nq,1,1,1000,LS,10,70,10\n', 2, { 'missing-header': 2 }, 4],
    ['a header without deletion_time', 'num_gpu,qos,creation_time\n1,LS,10\n', 1, { 'missing-column': 1 }, 1],
  ])('%s', (_, text, total, unusable, missing) => {
    const trace = parseTrace(text, 8);
    expect(trace).toMatchObject({ total, unusable, rows: [] });
    expect(trace.missingColumns).toHaveLength(missing);
  });

  test('columns may stand in any order, and those that are not needed may be missing', () => {
    const trace = parseTrace('\ufeffdeletion_time,qos,num_gpu,creation_time\n70,BE,2,10\n', 8);
    expect(trace.rows).toMatchObject([{ units: 2, durationS: 60, priority: 0, fraction: false, scheduled: true }]);
  });

  test('rows come in order of creation, ties in the order of the file', () => {
    const trace = parseTrace('num_gpu,qos,creation_time,deletion_time\n1,BE,20,30\n1,LS,10,30\n1,BE,10,30\n', 8);
    expect(trace.rows.map((row) => row.line)).toEqual([3, 4, 2]);
  });
});

test('lines are counted through quoted line ends', () => {
  const records = [...readCsv('a,"b\nc"\n"x"\r\nlast')];
  expect(records).toEqual([
    { line: 1, fields: ['a', 'b\nc'], malformed: false },
    { line: 3, fields: ['x'], malformed: false },
    { line: 4, fields: ['last'], malformed: false },
  ]);
});

const real = fileURLToPath(new URL('../../../../shared/data/openb_pod_list_default.csv', import.meta.url));

describe.skipIf(!existsSync(real))(`the recorded trace (skipped where ${real} is not there)`, () => {
  test('is read whole, and gives the figures that the synthetic demand is fitted to', () => {
    const trace = parseTrace(readFileSync(real, 'utf8'), 64);
    expect(trace).toMatchObject({ total: 8152, unusable: { 'no-gpu-asked': 1088 } });
    expect(trace.rows).toHaveLength(7064);
    const lines = fitLines(trace).join('\n');
    expect(lines).toContain('BE: rows 2948, mu 5.954, sigma 1.861');
    expect(lines).toContain('Burstable: rows 99, mu 7.914, sigma 3.138');
    expect(lines).toContain('Guaranteed: rows 6, mu 9.686, sigma 3.569');
    expect(lines).toContain('LS: rows 4011, mu 6.747, sigma 1.795');
    expect(lines).toContain('mean length 1.85 h, rate ratio 3.67');
  });
});
