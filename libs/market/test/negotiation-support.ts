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
