// Calls, bids and cheques for the tests of the machines; no clock: T is when everything opens.
import { type Call, type Cheque, refusal, type Winner } from '@tender/market';

export const T = 1_000_000;
export const CLOSES = T + 100;
export const AWARD_BY = T + 1000;

export function callOf(more: Partial<Call['terms']> = {}): Call {
  return {
    terms: {
      cfp: 'call-1',
      market: 'm',
      pool: 'gpu.a',
      initiator: 'seller',
      direction: 'sell',
      units: 2,
      rule: 'uniform-price',
      reservePriceMicro: '10',
      durationMs: 1000,
      windowMs: 100,
      seals: ['mac'],
      ...more,
    },
    openedAt: T,
    closesAt: CLOSES,
    awardBy: AWARD_BY,
  };
}

export function chequeOf(participant: string, price: number, more: Partial<Cheque> = {}): Cheque {
  return {
    participant,
    units: 1,
    priceMicro: String(price),
    intent: `${participant}-intent`,
    until: AWARD_BY,
    seal: 'mac',
    session: 's',
    sessionUntil: AWARD_BY + 1,
    signature: 'A'.repeat(43),
    ...more,
  } as Cheque;
}

export function winnerOf(participant: string, price: number, n = 1): Winner {
  return {
    contract: `call-1-${n}`,
    participant,
    intent: `${participant}-intent`,
    units: 1,
    slots: [n],
    fences: [n],
    priceMicro: String(price),
    amountMicro: String(price),
    startedAt: T + 200,
    until: T + 1200,
  };
}

export const lockLost = refusal('lock-lost', 'gone');

/** A transition table as NEGOTIATION.md shows it; cells as the tests have them. */
export function markdownOf(
  table: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>,
): string {
  const events = Object.keys(Object.values(table)[0]!);
  const cell = (value: string | readonly string[]): string => {
    const [before, after] = typeof value === 'string' ? [value, value] : value;
    const shown = (text: string) => (text.includes(':') ? `**${text.replace(':', '**')}` : text);
    return before === after ? shown(before!) : `${shown(before!)}; in the end ${shown(after!)}`;
  };
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    row(['', ...Object.keys(table)]),
    row(Array.from({ length: Object.keys(table).length + 1 }, () => '---')),
    ...events.map((event) => row([event, ...Object.values(table).map((cells) => cell(cells[event]!))])),
  ].join('\n');
}
