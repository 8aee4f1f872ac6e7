// The report in a real browser: it draws, it fits a phone, it asks the network for nothing.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reportHtml } from '../src/report.js';
import { resultSpec } from '../src/result.js';
import { verdictLines } from '../src/verdict.js';
import { sampleResult } from './sample-run.js';

const CHROMIUM = '/usr/bin/chromium';

test('a result survives its way through JSON', () => {
  const result = sampleResult();
  expect(resultSpec.parse(JSON.parse(JSON.stringify(result)))).toEqual(JSON.parse(JSON.stringify(result)));
});

test('the price ends with trading, and a tile has a figure by itself', () => {
  const result = sampleResult();
  const late = { ...result.samples.at(-1)!, atMs: result.run.seconds * 1000 + 250 };
  const page = reportHtml({ ...result, samples: [...result.samples, late] });
  const { data } = /id="data">\s*(?<data>.*?)\s*<\/script>/s.exec(page)!.groups!;
  expect(JSON.parse(data!)['plot-price'].series[0].y.at(-1)).toBeNull();
  expect(page).toMatch(/<dt>mean price<\/dt><dd>[\d.]+<\/dd><dd class="more">credits per slot and second<\/dd>/);
});

test('text from outside is text in the page', () => {
  const page = reportHtml(sampleResult());
  expect(page).not.toContain('</script><b>');
  expect(page).toContain('&lt;/script&gt;&lt;b&gt;');
  expect(page).not.toMatch(/slot: (title|body|data|uplot)/);
});

test('the verdict names every row of a trace, and the broken invariant', () => {
  const check = { ok: false, lines: [{ invariant: 'I4', ok: false, detail: 'slot 3 has two holders' }] };
  const text = verdictLines(sampleResult({ check }), false).join('\n');
  for (const word of ['400 of 420 rows', 'no-gpu-asked: 12', 'after-the-window: 7', 'broken', '✗ I4', 'two holders']) {
    expect(text).toContain(word);
  }
  expect(verdictLines(sampleResult({ check: { why: 'Redis is away', lines: [] } }), false).join('\n')).toContain(
    'Invariants not checked: Redis is away',
  );
});

test('where many bids came late, verdict and report say that the machine was too slow', () => {
  const { totals } = sampleResult();
  const run = (late: number) =>
    sampleResult({
      refusals: { 'bid: late': late, 'bid: outbid': 500, 'declined: region': 9 },
      totals: { ...totals, awards: 300 },
    });
  expect(verdictLines(run(100), false).join('\n')).not.toContain('too slow');
  expect(reportHtml(run(100))).not.toContain('too slow');
  const slow =
    'too slow for 20 agents on connections of their own: 200 of 1,000 bids (20 %) came late. Try --connections 8.';
  expect(verdictLines(run(200), false).join('\n')).toContain(slow);
  expect(reportHtml(run(200))).toContain(slow);
});

describe.skipIf(!existsSync(CHROMIUM))(`in Chromium (skipped where ${CHROMIUM} is not there)`, () => {
  let browser: Browser;
  const dir = mkdtempSync(join(tmpdir(), 'tender-report-'));
  const file = join(dir, 'report.html');

  beforeAll(async () => {
    writeFileSync(file, reportHtml(sampleResult()));
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await browser.close();
    rmSync(dir, { recursive: true });
  });

  test.each([
    ['a wide window, light', 1200, 'light'],
    ['a wide window, dark', 1200, 'dark'],
    ['a phone', 360, 'light'],
  ] as const)('%s', async (_, width, colorScheme) => {
    const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme });
    const wrong: string[] = [];
    page.on('pageerror', (error) => wrong.push(String(error)));
    page.on('request', (request) => {
      if (!request.url().startsWith('file:')) wrong.push(`asked for ${request.url()}`);
    });
    await page.goto(pathToFileURL(file).href);
    await page.waitForSelector('.u-legend');
    expect(wrong).toEqual([]);
    expect(await page.locator('canvas').count()).toBe(5);
    // Something was drawn on each of them.
    const inked = await page.evaluate(() =>
      [...document.querySelectorAll('canvas')].map((canvas) => {
        const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
        return data.some((value) => value !== 0);
      }),
    );
    expect(inked).toEqual([true, true, true, true, true]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    expect(await page.locator('figure details table').count()).toBe(5);
    // Legends have names only until somebody points at the plot.
    const values = page.locator('#plot-price .u-legend .u-value');
    expect([await values.nth(0).isVisible(), await values.nth(1).isVisible()]).toEqual([false, false]);
    expect(await page.locator('#plot-price .u-legend .u-label').nth(1).isVisible()).toBe(true);
    await page.locator('#plot-price .u-over').hover();
    expect([await values.nth(0).isVisible(), await values.nth(1).isVisible()]).toEqual([true, true]);
    expect(await values.nth(1).textContent()).toMatch(/^[\d.]+$/);
    // Nothing is hidden in a box of its own; a table that is too wide says so.
    const boxes = await page.evaluate(() =>
      [...document.querySelectorAll('.scroll')].map((box) => ({
        cut: box.scrollHeight > box.clientHeight + 1,
        silent: box.scrollWidth > box.clientWidth + 1 && !box.classList.contains('wide'),
      })),
    );
    expect(boxes.filter(({ cut, silent }) => cut || silent)).toEqual([]);
    await page.close();
  });
});
