// tokens, return, offer-tokens, buy-tokens: rate tokens taken, given back and sold on.
import { parseMicro } from '@tender/credits';
import { bodyDigest, runScript } from '@tender/credits/redis';
import type { BankRequest, BankResult, HeldTokens } from '@tender/market';
import { marketScripts } from '@tender/market/redis';
import type { Asked, AskedInTime, Bank } from '../bank.js';
import { type Outcome, ok } from '../outcome.js';
import { bucket } from './buckets.js';
import { keyed } from './keyed.js';
import { notTaken } from './not-taken.js';
import { refused } from './refused.js';

/** An answer needs so much time on its way, or a fifth of the time that there is. */
const ANSWER_MS = 100;

async function tokens(bank: Bank, asked: AskedInTime<BankRequest<'tokens'>>): Promise<Outcome<BankResult<'tokens'>>> {
  const { sender, body } = asked;
  const { hold, bucket: id, amounts, atLeast, maxPriceMicro, ttlMs, waitMs, agent = sender } = body;
  // How long it would wait is no part of what it asks for: asked again for the rest of the time, it is the same.
  const digest = bodyDigest('tokens', { hold, bucket: id, amounts, atLeast, maxPriceMicro, ttlMs, agent });
  const maxPrice = parseMicro(maxPriceMicro)!;
  const wish = { by: sender, hold, digest, agent, amounts, atLeast, maxPrice, ttlMs };
  const reply = await bank.tokens.take(id, wish, patienceOf(asked, waitMs, Date.now()));
  return reply.ok ? held(reply) : notTaken(reply);
}

/** What is left of `waitMs`, so that the answer is there by `replyBy`. A clock that cannot be right is not believed. */
function patienceOf({ sentAt, replyBy }: AskedInTime<unknown>, waitMs: number, now: number): number {
  const given = replyBy - sentAt;
  const gone = now - sentAt;
  const spent = gone >= 0 && gone <= given ? gone : 0;
  return Math.min(waitMs, given - Math.min(ANSWER_MS, given / 5)) - spent;
}

async function giveBack(bank: Bank, asked: Asked<BankRequest<'return'>>): Promise<Outcome<BankResult<'return'>>> {
  const { sender, body } = asked;
  // Who gives back what it still waits for does not want it any more.
  bank.tokens.forget(sender, body.hold);
  const { hold, used, upstream } = body;
  const reply = await bank.returns.ask({
    ...keyed('return', sender, body),
    hold,
    used,
    ...(upstream === undefined ? {} : { upstream }),
  });
  if (!reply.ok) {
    // It may have asked another broker, too, and wait there.
    if (reply.detail === 'unknown') bank.tokens.tellForgotten(sender, hold);
    return refused(bank, reply);
  }
  bank.tokens.stir(reply.bucket);
  if (upstream?.status === 429 && reply.replayed !== true) bank.metrics.limited.inc({ bucket: reply.bucket });
  const { returned, paidMicro, refundedMicro } = reply;
  return ok({ hold, returned, paidMicro, refundedMicro }, { scope: reply.bucket, budget: paidMicro });
}

async function offer(
  bank: Bank,
  asked: Asked<BankRequest<'offer-tokens'>>,
): Promise<Outcome<BankResult<'offer-tokens'>>> {
  const { sender, body } = asked;
  const { hold, to, amounts, priceMicro } = body;
  const reply = await runScript(bank.redis, marketScripts.offerTokens, bank.meta, {
    ...keyed('offer-tokens', sender, body),
    hold,
    to,
    amounts,
    price: parseMicro(priceMicro)!,
  });
  return reply.ok ? ok({ hold, to, priceMicro: reply.priceMicro }, { budget: priceMicro }) : refused(bank, reply);
}

async function buy(
  bank: Bank,
  { sender, body }: Asked<BankRequest<'buy-tokens'>>,
): Promise<Outcome<BankResult<'buy-tokens'>>> {
  const { hold, of, amounts, maxPriceMicro, agent = sender } = body;
  const asked = {
    by: sender,
    hold,
    digest: bodyDigest('buy-tokens', { ...body, agent }),
    agent,
    of,
    amounts,
    maxPrice: parseMicro(maxPriceMicro)!,
  };
  const reply = await bank.policies.during(async () =>
    runScript(bank.redis, marketScripts.buyTokens, bank.meta, { ...asked, ...(await rulingOn(bank, agent, of)) }),
  );
  return reply.ok ? held(reply) : notTaken(reply);
}

/** Whether the rules let buyer and seller deal with each other; the script says where there is no such hold. */
async function rulingOn({ policies, reader }: Bank, payer: string, of: string) {
  const { version } = policies;
  if (!policies.isAboutParties) return { policy: version };
  const sold = await reader.hold(of);
  if (sold === undefined) return { policy: version, seller: '' };
  const { agent: seller, bucket: resource } = sold;
  return { seller, ...policies.ruleOnParties({ payer, payee: seller, resource }) };
}

function held(reply: HeldTokens): Outcome<HeldTokens> {
  const { hold, amounts, unitsMicro, amountMicro, ratePermille, noisePermille, expiresAt, ended } = reply;
  const told = { hold, bucket: reply.bucket, amounts, unitsMicro, amountMicro, ratePermille, noisePermille, expiresAt };
  return ok(ended === undefined ? told : { ...told, ended }, {
    scope: reply.bucket,
    budget: amountMicro,
    expires: expiresAt,
  });
}

export const tokenEndpoints = {
  tokens,
  return: giveBack,
  'offer-tokens': offer,
  'buy-tokens': buy,
  bucket,
};
