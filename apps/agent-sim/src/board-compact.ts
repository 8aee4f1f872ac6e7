// The board for a small terminal: the same figures without charts; a line that does not fit gives way to a shorter one.
import { awardTexts } from './board-awards.js';
import type { BoardSize, BoardView } from './board-view.js';
import { showClock, showCount, showMs, showPrice, showShare } from './figures.js';
import { bar, firstFitting, painter } from './paint.js';
import { priorities } from './priority.js';
import { quantile, type Tally } from './tally.js';

export function drawCompactBoard(view: BoardView, size: BoardSize): string[] {
  const { tally } = view;
  const columns = size.columns - 1;
  const paint = painter(size.coloured);
  const figure = (name: string, ...texts: string[]) =>
    firstFitting(
      [13, 0].flatMap((width) =>
        texts.map((text) => `${paint(name.padEnd(Math.max(width, name.length + 1)), 'bold')}${text}`),
      ),
      columns,
    );
  const clock = `${showClock(view.nowMs)} / ${showClock(view.endMs)}`;
  const [pool = ''] = view.title.split(' · ');
  const name = paint('TENDER', 'bold', 'cyan');
  const share = Math.min(1, view.nowMs / view.endMs);
  const done = { share, text: '━', colours: ['cyan'] as const };
  const used = `${tally.leased} of ${tally.slots} slots`;
  const percent = showShare(tally.leased / tally.slots);
  const { lowestPrice, highestPrice, samples } = tally;
  const price = showPrice(samples.at(-1)?.price);
  const calls = lowestPrice === undefined ? '' : `, calls ${showPrice(lowestPrice)} to ${showPrice(highestPrice)}`;
  const met = `${showCount(tally.metJobs.size)} done`;
  const waiting = `${showCount(tally.waiting)} waiting`;
  const lines = [
    ...firstFitting([`${name} ${pool}  ${clock}`, `${name} ${clock}`, clock], columns),
    bar(columns, [done, { share: 1 - share, text: '─', colours: ['dim'] }], paint),
    ...(view.note === undefined ? [] : firstFitting([paint(view.note, 'yellow')], columns)),
    ...figure('price', `${price} a slot and second${calls}`, `${price}${calls}`, price),
    ...figure(
      'utilisation',
      ...(view.reserve > 0 ? [`${used}, ${percent}; ${view.reserve} reserved`] : []),
      `${used}, ${percent}`,
      percent,
    ),
    ...figure(
      'awards',
      `${showCount(tally.awards)}, ${showCount(samples.at(-1)?.awardsPerSecond ?? 0)} a second`,
      showCount(tally.awards),
    ),
    ...figure('unmet demand', `${waiting}, ${showCount(tally.unmetTotal)} given up`, waiting),
    ...figure(
      'jobs',
      `${met} of ${showCount(tally.arrived)} arrived, ${showCount(view.jobs - tally.arrived)} to come`,
      `${met} of ${showCount(tally.arrived)} arrived`,
      met,
    ),
    ...waitTexts(tally).flatMap((texts) => firstFitting(texts, columns)),
    ...tally.lastAwards.flatMap((award) => firstFitting(awardTexts(award, paint), columns)),
  ];
  return lines.slice(0, size.rows).map((line) => ` ${line}`);
}

function waitTexts(tally: Tally): string[][] {
  return priorities
    .map(({ name }, priority) => {
      const sorted = tally.waits
        .filter((wait) => wait.priority === priority)
        .map((wait) => wait.waitMs)
        .sort((a, b) => a - b);
      const [p50, p99] = [showMs(quantile(sorted, 0.5)), showMs(quantile(sorted, 0.99))];
      const called = `wait ${name}`.padEnd(23);
      return sorted.length === 0 ? [] : [`${called} p50 ${p50}, p99 ${p99}`, `${called} ${p50}`];
    })
    .reverse();
}
