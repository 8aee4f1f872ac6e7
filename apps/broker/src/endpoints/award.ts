// award: the winning cheques of a call are checked, ranked and committed.
import { parseMicro } from '@tender/credits';
import { bodyDigest } from '@tender/credits/redis';
import { type BankRequest, type BankResult, type Cheque, rankBids, refusal } from '@tender/market';
import type { RankedBid } from '@tender/market/redis';
import type { Asked, Bank } from '../bank.js';
import { type Outcome, ok } from '../outcome.js';
import { refused, unlockElsewhere } from './calls.js';

export async function award(bank: Bank, asked: Asked<BankRequest<'award'>>): Promise<Outcome<BankResult<'award'>>> {
  const { sender, body } = asked;
  // A nkey's seal costs two hundred microseconds to check: first whether there is a call that it could be for.
  if (body.bids.some((cheque) => cheque.seal === 'ed25519')) {
    const call = await bank.reader.call(body.cfp);
    if (call === undefined) return refusal('unknown', `there is no call ${body.cfp}`);
    if (call.initiator !== sender) return refusal('not-permitted', `the call is ${call.initiator}'s`);
  }
  const sealed: RankedBid[] = [];
  const forged: BankResult<'award'>['verdicts'] = [];
  for (const cheque of body.bids) {
    if (bank.seals.holds(body.cfp, body.digest, cheque)) sealed.push(bidOf(cheque));
    else {
      const { participant, intent } = cheque;
      forged.push({ participant, intent, outcome: 'barred', detail: 'bad-signature' });
    }
  }
  if (sealed.length === 0)
    return refusal('bad-signature', 'no cheque that was shown carries a good seal for this call');
  const reply = await bank.awards.award({
    by: sender,
    key: body.key,
    digest: bodyDigest('award', body),
    cfp: body.cfp,
    termsDigest: body.digest,
    bids: rankBids(body.digest, sealed),
  });
  if (!reply.ok) {
    const refusal = refused(bank, reply);
    return reply.verdicts ? { ...refusal, verdicts: [...reply.verdicts, ...forged] } : refusal;
  }
  await unlockElsewhere(bank, body.cfp);
  const { cfp, clearingPriceMicro, winners, verdicts } = reply;
  const first = winners[0]!;
  return ok(
    { cfp, clearingPriceMicro, winners, verdicts: forged.length === 0 ? verdicts : [...verdicts, ...forged] },
    { scope: reply.pool, budget: clearingPriceMicro, expires: first.until, fence: Math.max(...first.fences) },
  );
}

/** A cheque as the script takes it: it holds until its own limit or its session's, whichever comes first. */
function bidOf(cheque: Cheque): RankedBid {
  const bid = {
    participant: cheque.participant,
    intent: cheque.intent,
    units: cheque.units,
    price: parseMicro(cheque.priceMicro)!,
  };
  return cheque.seal === 'mac'
    ? { ...bid, until_ms: Math.min(cheque.until, cheque.sessionUntil) }
    : { ...bid, until_ms: cheque.until, nkey: cheque.nkey };
}
