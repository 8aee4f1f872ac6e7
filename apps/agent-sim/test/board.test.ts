// The board: fits its terminal, keeps its colours to itself where asked, and redraws in place.
import { describe, expect, test } from 'vitest';
import { drawBoard, plainLine } from '../src/board.js';
import { chart, cut, painter, widthOf } from '../src/paint.js';
import { openingProgress } from '../src/progress.js';
import { type Output, Screen } from '../src/screen.js';
import { gini, quantile, Tally } from '../src/tally.js';
import { sampleTally } from './sample-run.js';

const view = {
  title: 'gpu.h100 · 16 slots',
  tally: sampleTally(),
  reserve: 2,
  jobs: 500,
  nowMs: 10_000,
  endMs: 20_000,
};

describe('the picture', () => {
  test.each([
    [80, 23],
    [80, 24],
    [100, 30],
    [200, 60],
    [64, 19],
    [50, 15],
    [40, 12],
    [20, 5],
  ])('fits %i columns and %i rows', (columns, rows) => {
    for (const coloured of [true, false]) {
      const lines = drawBoard(view, { columns, rows, coloured });
      expect(lines.length).toBeLessThanOrEqual(rows);
      for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(columns);
    }
  });

  test('a small terminal gets a compact form without a cut word', () => {
    const wide = drawBoard(view, { columns: 63, rows: 40, coloured: false });
    expect(wide.join('\n')).toMatch(/\d+ of 16 slots, \d+ %; 2 reserved/);
    for (const columns of [50, 40, 20]) {
      const words = new Set(
        wide
          .join(' ')
          .split(/\s+/)
          .map((word) => word.replace(/[,;]$/, '')),
      );
      for (const line of drawBoard(view, { columns, rows: 15, coloured: false })) {
        for (const word of line.trim().split(/\s+/)) {
          if (!/^[━─]+$/.test(word)) expect(words, line).toContain(word.replace(/[,;]$/, ''));
        }
      }
    }
  });

  test('the awards of a call stand in one line, and who outbids itself is told so', () => {
    const tally = new Tally(16);
    const fact = (winners: string[], outbid?: string) => ({
      cfp: 'c',
      initiator: 'steward',
      at: 0,
      rule: 'uniform-price' as const,
      units: 16,
      durationMs: 1000,
      clearingPriceMicro: '2700000',
      winners: winners.map((participant, n) => {
        const lease = { contract: `c-${n}`, intent: 'i', units: 2, slots: [2 * n, 2 * n + 1], fences: [1, 1] };
        return { ...lease, participant, priceMicro: '2700000', amountMicro: '5400000', startedAt: 0, until: 1000 };
      }),
      outbid: outbid === undefined ? undefined : { participant: outbid, priceMicro: '2700000' },
    });
    tally.awarded(fact(['agent-0001-run'], 'agent-0001-run'), 1000);
    tally.awarded(fact(['agent-0001-run', 'agent-0002-run', 'agent-0001-run'], 'agent-0386-run'), 2000);
    const lines = drawBoard({ ...view, tally }, { columns: 80, rows: 23, coloured: false });
    const text = lines.join('\n');
    expect(text).toContain('last awards, sold by steward');
    expect(text).toContain('2 agents won 6 slots at 2.70, outbid agent-0386');
    expect(text).toContain('agent-0001 won 2 slots at 2.70, outbid its own other bid');
    expect(text).toContain('calls at 2.70 to 2.70');
  });

  test('shows all of it on 80 × 24', () => {
    const text = drawBoard(view, { columns: 80, rows: 23, coloured: false }).join('\n');
    for (const word of [
      'price',
      'utilisation',
      'awards',
      'unmet demand',
      'wait by priority',
      'latency-sensitive',
      'best-effort',
      'last awards',
      'outbid agent-',
      '00:10 / 00:20',
    ]) {
      expect(text).toContain(word);
    }
    expect(text).not.toContain('-run');
  });

  test('is drawn before anything has happened, too', () => {
    const lines = drawBoard({ ...view, tally: new Tally(16), nowMs: 0 }, { columns: 80, rows: 23, coloured: false });
    expect(lines.join('\n')).toContain('0 of 16 slots');
    expect(lines.join('\n')).not.toMatch(/NaN|undefined|Infinity/);
  });

  test('has no control sequences without colours', () => {
    expect(drawBoard(view, { columns: 80, rows: 23, coloured: false }).join('')).not.toContain('\u001b');
    expect(plainLine(view)).not.toContain('\u001b');
  });
});

describe('the screen', () => {
  function record(): Output & { written: string[]; resize: () => void } {
    const written: string[] = [];
    const out = { written, resize: () => {}, isTTY: true, columns: 80, rows: 24 };
    return {
      ...out,
      write: (text: string) => written.push(text),
      on: (_: 'resize', listener: () => void) => {
        out.resize = listener;
      },
      resize: () => out.resize(),
    };
  }

  test('goes back up over the frame before, and gives the cursor back once', () => {
    const output = record();
    const screen = new Screen({ output, live: true, coloured: true });
    screen.show(view);
    screen.show(view);
    expect(output.written[0]).not.toContain('A\r');
    const height = output.written[0]!.split('\n').length - 1;
    expect(output.written[1]).toContain(`\u001b[${height}A\r`);
    screen.close();
    screen.close();
    expect(output.written.filter((text) => text.includes('\u001b[?25h'))).toHaveLength(1);
  });

  test('clears after a resize', () => {
    const output = record();
    const screen = new Screen({ output, live: true, coloured: true });
    screen.show(view);
    output.resize();
    screen.show(view);
    expect(output.written[1]).toContain('\u001b[2J');
  });

  test('writes one plain line every five seconds where no terminal is', () => {
    const output = record();
    const screen = new Screen({ output, live: false, coloured: false });
    for (let nowMs = 0; nowMs <= 10_000; nowMs += 250) screen.show({ ...view, nowMs });
    screen.close();
    expect(output.written).toHaveLength(3);
    expect(output.written.join('')).not.toContain('\u001b');
  });
});

test('the opening of a swarm shows how far it has come, in place or a line every five seconds', () => {
  const steps = (isTTY: boolean) => {
    const written: string[] = [];
    let nowMs = 0;
    const progress = openingProgress({ isTTY, write: (text) => written.push(text) }, 1000, () => nowMs);
    for (let done = 1; done <= 1000; done++, nowMs += 10) progress.step(done, 0);
    progress.step(1000, 500);
    progress.end();
    return written;
  };
  expect(steps(true)[0]).toBe('\r  11 accounts opened of 1,000\u001b[K');
  expect(steps(true).at(-1)).toBe('\r\u001b[K');
  expect(steps(false)).toEqual(['  501 accounts opened of 1,000\n', '  500 agents connected of 1,000\n']);
});

describe('the parts', () => {
  test('a chart has its rows and columns, whatever the values', () => {
    expect(chart([], 5, 2)).toEqual(['     ', '     ']);
    expect(chart([0, 4, 8, undefined, 8], 5, 1)).toEqual(['▁▄█ █']);
    expect(chart([1, 2], 2, 2, { low: 0, high: 2 })).toEqual([' █', '██']);
  });

  test('cutting counts no colours', () => {
    const text = painter(true)('green', 'green') + painter(true)('red', 'red');
    expect(widthOf(cut(text, 6))).toBe(6);
    expect(cut('plain', 3)).toBe('pla');
  });

  test('quantiles by nearest rank, and the Gini coefficient', () => {
    expect([0, 0.5, 0.99, 1].map((share) => quantile([1, 2, 3, 4], share))).toEqual([1, 2, 4, 4]);
    expect(quantile([], 0.5)).toBeUndefined();
    expect(gini([1, 1, 1])).toBeCloseTo(0);
    expect(gini([0, 0, 0, 1])).toBeCloseTo(0.75);
    expect(gini([])).toBe(0);
  });
});
