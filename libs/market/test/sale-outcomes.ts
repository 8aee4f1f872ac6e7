// What a step came to for the wall, the caps, noise and deposits, where its answer does not say so itself.
import type { Awarded, MarketBook, MarketCommand } from '../src/index.js';

/** Which of these must occur in a run that is to prove something. */
export const saleOutcomes = [
  ...['bid barred missing-dependency', 'open-call missing-dependency', 'deposit ok', 'deposit replayed'],
  ...['deposit unknown', 'deposit not-permitted', 'deposit expired', 'deposit malformed', 'deposit stale'],
  ...['withdraw-deposit ok', 'withdraw-deposit late', 'withdraw-deposit unknown', 'withdraw-deposit not-permitted'],
  ...['withdraw-deposit expired', 'return-deposits ok', 'return-deposits stale', 'return-deposits expired'],
  ...['deposit late', 'deposit kept', 'deposit kept twice', 'deposit voided', 'deposit posted'],
  ...['lent', 'renew reserved-for-system', 'paid for noise'],
  ...['renewed with noise', 'bid beyond the cap'],
];

/** Called before a command is taken; what is returned, after it. */
export function watched(book: MarketBook, command: MarketCommand): (answer: object) => string[] {
  const lease = 'contract' in command ? book.contracts.get(command.contract) : undefined;
  const lent = lease?.lent !== undefined;
  return (answer) => {
    if (!('ok' in answer) || 'replayed' in answer) return [];
    const noisy = [...book.pools.values()].some(({ noiseMaxPermille }) => noiseMaxPermille > 1_000);
    if (command.kind === 'renew' && answer.ok) {
      return [...(lent ? ['lent no more'] : []), ...(noisy ? ['renewed with noise'] : [])];
    }
    if (command.kind !== 'award' && command.kind !== 'engage') return [];
    return [
      ...capped(command, answer),
      ...(command.kind === 'award' && answer.ok ? sold(book, answer as unknown as Awarded) : []),
    ];
  };
}

function capped(command: Extract<MarketCommand, { kind: 'award' | 'engage' }>, answer: object): string[] {
  const verdicts = 'verdicts' in answer ? (answer.verdicts as Awarded['verdicts']) : [];
  // The rules' own limit has the same detail.
  const beyond = verdicts.some(({ detail }, index) => {
    const limit = command.kind === 'engage' ? command.limitMicro : command.bids[index]?.limit;
    return detail === 'over-budget' && limit === undefined;
  });
  return beyond ? [`${command.kind === 'engage' ? 'offer' : 'bid'} beyond the cap`] : [];
}

function sold(book: MarketBook, { cfp, rule, clearingPriceMicro, winners }: Awarded): string[] {
  const kept = [...book.calls.get(cfp)!.deposits.values()];
  const dear = rule === 'uniform-price' && winners.some(({ priceMicro }) => priceMicro !== clearingPriceMicro);
  return [
    ...(kept.length > 0 ? ['deposit kept'] : []),
    ...(kept.some((leases) => leases > 1) ? ['deposit kept twice'] : []),
    ...(winners.some(({ contract }) => book.contracts.get(contract)?.lent) ? ['lent'] : []),
    ...(dear ? ['paid for noise'] : []),
  ];
}

/** How the deposits of a market ended. */
export function depositEnds(book: MarketBook): string[] {
  return [...book.ledger.transfers()].filter(({ id }) => id.includes('.d.')).map(({ state }) => `deposit ${state}`);
}
