// The board's last lines: who won how much in which call, at what price, and whose bid set it.
import { showClock, showPrice } from './figures.js';
import { firstFitting, type Paint } from './paint.js';
import type { AwardLine, Tally } from './tally.js';

export function awardLines(tally: Tally, count: number, columns: number, paint: Paint): string[] {
  const by = tally.seller === undefined ? '' : paint(`, sold by ${shortName(tally.seller)}`, 'dim');
  const lines = tally.lastAwards
    .slice(0, Math.max(1, count))
    .flatMap((award) => firstFitting(awardTexts(award, paint), columns - 2).map((text) => `  ${text}`));
  return [paint('last awards', 'bold') + by, ...lines];
}

/** Longest first. */
export function awardTexts(award: AwardLine, paint: Paint): string[] {
  const { winners, units } = award;
  const who = winners.length === 1 ? shortName(winners[0]!) : `${winners.length} agents`;
  const won = `${paint(who, 'green')} won ${units} ${units === 1 ? 'slot' : 'slots'} at ${paint(showPrice(award.price), 'yellow')}`;
  const timed = `${paint(showClock(award.atMs), 'dim')}  ${won}`;
  return [`${timed}, ${outbidText(award, paint)}`, timed, won];
}

function outbidText({ winners, outbid }: AwardLine, paint: Paint): string {
  if (outbid === undefined) return paint('unopposed', 'dim');
  if (!winners.includes(outbid)) return `outbid ${shortName(outbid)}`;
  return winners.length === 1 ? 'outbid its own other bid' : `outbid another bid of ${shortName(outbid)}`;
}

/** Accounts of a run are `<agent>-<run>`; on one board the run goes without saying. */
function shortName(account: string): string {
  return account.replace(/^(agent-\d+)-.*$/, '$1');
}
