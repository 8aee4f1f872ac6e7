// Calls, bids and cheques for the tests of the machines; no clock: T is when everything opens.
import {
  type BankResult,
  type BookLimits,
  type Call,
  type Cheque,
  type Detail,
  type InitiatorAction,
  type InitiatorEvent,
  type InitiatorState,
  initiatorStep,
  type Refusal,
  refusal,
  type ShownVerdict,
  type Winner,
} from '@tender/market';

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

export function limitsOf(total: number, more: Partial<BookLimits> = {}): BookLimits {
  return { total, perSender: total, perParticipant: total, ...more };
}

export const options = { closeAfterBids: Number.POSITIVE_INFINITY, standbys: 1, limits: limitsOf(100), maxAwards: 4 };

export function run(state: InitiatorState, events: readonly InitiatorEvent[], nowMs = T + 1) {
  const actions: InitiatorAction[] = [];
  const ignored: string[] = [];
  let current = state;
  for (const event of events) {
    const step = initiatorStep(current, event, nowMs);
    current = step.state;
    for (const action of step.actions) {
      if (action.kind === 'ignored') ignored.push(`${action.event}: ${action.detail}`);
      else actions.push(action);
    }
  }
  return { state: current, actions, ignored };
}

export const propose = (sender: string, ...cheques: Cheque[]): InitiatorEvent => ({ kind: 'propose', sender, cheques });
export const result: BankResult<'award'> = {
  cfp: 'call-1',
  clearingPriceMicro: '20',
  winners: [winnerOf('ann', 20)],
  verdicts: [{ participant: 'ann', intent: 'ann-intent', outcome: 'won' }],
};

export function verdict(participant: string, detail: Detail, intent = `${participant}-intent`): ShownVerdict {
  return { participant, intent, outcome: detail === 'reserved-for-system' ? 'lost' : 'barred', detail };
}

/** The bank's answer where none of the shown bids can win. */
export function barring(...barred: readonly (readonly [participant: string, detail: Detail, intent?: string])[]) {
  const verdicts = barred.map(([participant, detail, intent]) => verdict(participant, detail, intent));
  const why: Refusal = { ...refusal(barred[0]![1], 'none can win'), verdicts };
  return { kind: 'not-awarded', refusal: why } satisfies InitiatorEvent;
}

export function shownIn(state: InitiatorState): readonly { readonly participant: string; readonly intent: string }[] {
  if (state.name !== 'awarding') throw new Error(state.name);
  return state.selection.shown;
}
