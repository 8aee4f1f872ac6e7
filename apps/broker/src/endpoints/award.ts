// award: the winning cheques of a call are checked, judged by the market's rules, ranked and committed.
import { parseMicro } from '@tender/credits';
import {
  type BankRequest,
  type BankResult,
  type Cheque,
  policyRefusal,
  type Refusal,
  rankBids,
  refusal,
  type ShownBid,
  type ShownVerdict,
} from '@tender/market';
import type { AwardReply, CallRecord } from '@tender/market/redis';
import type { Asked, Bank } from '../bank.js';
import { type Outcome, ok } from '../outcome.js';
import { JUDGEMENTS, NO_VERSION, policyMoved } from '../policy-book.js';
import { unlockElsewhere } from './calls.js';
import { keyed } from './keyed.js';
import { refused } from './refused.js';

type Body = BankRequest<'award'>;

export async function award(bank: Bank, asked: Asked<Body>): Promise<Outcome<BankResult<'award'>>> {
  const { sender, body } = asked;
  // A nkey's seal costs two hundred microseconds to check: first whether there is a call that it could be for.
  if (body.bids.some((cheque) => cheque.seal === 'ed25519')) {
    const call = await bank.reader.call(body.cfp);
    if (call === undefined) return refusal('unknown', `there is no call ${body.cfp}`);
    if (call.initiator !== sender) return refusal('not-permitted', `the call is ${call.initiator}'s`);
  }
  const sealed: ShownBid[] = [];
  const forged: ShownVerdict[] = [];
  for (const cheque of body.bids) {
    if (bank.seals.holds(body.cfp, body.digest, cheque)) sealed.push(bidOf(cheque));
    else forged.push(barred(cheque, 'bad-signature'));
  }
  if (sealed.length === 0)
    return refusal('bad-signature', 'no cheque that was shown carries a good seal for this call');
  for (let attempt = 1; ; attempt += 1) {
    const judged = await judge(bank, body, sealed);
    const others = [...forged, ...judged.verdicts];
    const { refusal: no } = judged;
    const reply = await bank.awards.award({
      ...keyed('award', sender, body),
      cfp: body.cfp,
      termsDigest: body.digest,
      bids: rankBids(body.digest, no === undefined ? judged.bids : sealed),
      // Rules that came after it change nothing of what is committed: asked again, it is answered as before.
      policy: no === undefined ? judged.version : NO_VERSION,
    });
    if (no !== undefined && !reply.ok) return { ...no, verdicts: others };
    if (!policyMoved(reply) || attempt >= JUDGEMENTS) return answered(bank, reply, others);
    await bank.policies.load();
  }
}

interface Judged {
  readonly version: number;
  readonly bids: readonly ShownBid[];
  readonly verdicts: readonly ShownVerdict[];
  /** Where no bid is left. */
  readonly refusal?: Refusal;
}

/** Takes out what the market's rules refuse. Nobody is asked for approval: a window is shorter than a person's look. */
async function judge({ policies, reader }: Bank, body: Body, sealed: readonly ShownBid[]): Promise<Judged> {
  const call = policies.isSilent(true) ? undefined : await reader.call(body.cfp);
  const { version } = policies;
  // Where there is no such call the script says so.
  if (call === undefined) return { version, bids: sealed, verdicts: [] };
  const bids: ShownBid[] = [];
  const verdicts: ShownVerdict[] = [];
  let first: Refusal | undefined;
  for (const bid of sealed) {
    const verdict = policies.judge(factsOf(call, bid), true);
    if (verdict.ok) {
      bids.push(verdict.limitMicro === undefined ? bid : { ...bid, limit: verdict.limitMicro });
    } else {
      const no = policyRefusal(verdict);
      first ??= no;
      verdicts.push(barred(bid, no.detail));
    }
  }
  return { version, bids, verdicts, ...(bids.length === 0 && first !== undefined ? { refusal: first } : {}) };
}

function factsOf(call: CallRecord, { participant, units, price }: ShownBid) {
  const { pool, initiator, durationMs } = call;
  return { payer: participant, payee: initiator, resource: pool, amountMicro: price * units, units, durationMs };
}

function barred({ participant, intent }: Pick<ShownBid, 'participant' | 'intent'>, detail: Refusal['detail']) {
  return { participant, intent, outcome: 'barred' as const, detail };
}

async function answered(
  bank: Bank,
  reply: AwardReply,
  others: readonly ShownVerdict[],
): Promise<Outcome<BankResult<'award'>>> {
  if (!reply.ok) {
    const no = refused(bank, reply);
    return reply.verdicts ? { ...no, verdicts: [...reply.verdicts, ...others] } : no;
  }
  await unlockElsewhere(bank, reply.cfp);
  const { cfp, clearingPriceMicro, winners, verdicts } = reply;
  const first = winners[0]!;
  const judged = new Set(verdicts.map(({ participant, intent }) => `${participant}|${intent}`));
  const more = others.filter(({ participant, intent }) => !judged.has(`${participant}|${intent}`));
  return ok(
    { cfp, clearingPriceMicro, winners, verdicts: more.length === 0 ? verdicts : [...verdicts, ...more] },
    { scope: reply.pool, budget: clearingPriceMicro, expires: first.until, fence: Math.max(...first.fences) },
  );
}

/** A cheque as the script takes it: it holds until its own limit or its session's, whichever comes first. */
function bidOf(cheque: Cheque): ShownBid {
  const bid = {
    participant: cheque.participant,
    intent: cheque.intent,
    units: cheque.units,
    price: parseMicro(cheque.priceMicro)!,
    ...(cheque.tokens === undefined ? {} : { tokens: cheque.tokens }),
  };
  return cheque.seal === 'mac'
    ? { ...bid, until_ms: Math.min(cheque.until, cheque.sessionUntil) }
    : { ...bid, until_ms: cheque.until, nkey: cheque.nkey };
}
