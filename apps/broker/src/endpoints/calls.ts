// lock, extend, release: a call for proposals from its opening to the last moment before its award.
import { runScript } from '@tender/credits/redis';
import { type BankRequest, type BankResult, refusal, type Terms, termsDigest } from '@tender/market';
import { type HeldLock, marketScripts, type OfferReply, type OpenCallReply } from '@tender/market/redis';
import type { Asked, Bank } from '../bank.js';
import { type Outcome, ok } from '../outcome.js';
import { keyed } from './keyed.js';
import { refused } from './refused.js';

/** How often another choice of slots is tried where other negotiations were faster. */
const ATTEMPTS = 8;

export async function lock(bank: Bank, asked: Asked<BankRequest<'lock'>>): Promise<Outcome<BankResult<'lock'>>> {
  const { sender, body } = asked;
  if (body.ttlMs <= body.windowMs) {
    return refusal('malformed', `ttlMs: the lock outlives the bid window of ${body.windowMs} ms`);
  }
  const offer = await offerOf(bank, body);
  if (offer.seller === undefined) return refusal('unknown', `there is no pool ${body.pool}`);
  if (offer.seller !== sender) return refusal('not-permitted', `the pool is sold by ${offer.seller}`);
  const reservePriceMicro = body.reservePriceMicro ?? offer.reservePriceMicro!;

  // Asked again after an answer that was lost: the script knows, and no slot is locked anew.
  if (offer.known) {
    return opened(bank, asked, await register(bank, asked, reservePriceMicro, { value: '', slots: [], expiresAt: 0 }));
  }
  const least = body.slots?.length ?? Math.min(body.atLeast ?? body.units, body.units);
  for (let attempt = 1; ; attempt += 1) {
    const slots = body.slots ?? (attempt === 1 ? offer : await offerOf(bank, body)).slots;
    if (slots.length < least) {
      return refusal('no-capacity', `${slots.length} slots are free and not under negotiation, ${least} are asked`);
    }
    // Particular slots are these or none; among any free ones there may be others.
    const last = body.slots !== undefined || attempt === ATTEMPTS;
    const taken = await bank.lock.acquire(body.pool, slots, body.ttlMs);
    if (taken.ok) {
      const reply = await register(bank, asked, reservePriceMicro, taken.lock);
      // A replay is the answer of another attempt that took slots of its own: these would be nobody's.
      if (!reply.ok || reply.replayed) await bank.lock.release(body.pool, taken.lock);
      if (!isRace(reply) || last) return opened(bank, asked, reply);
    } else if (taken.why === 'unavailable') {
      return refusal('unavailable', 'the lock has no quorum: ask again');
    } else if (last) {
      return refusal('no-capacity', 'other negotiations have these slots: ask again');
    }
  }
}

/** Between the look at a slot and its lock another call was opened, awarded and closed on it: there may be others. */
function isRace(reply: OpenCallReply): boolean {
  return !reply.ok && (reply.detail === 'no-capacity' || reply.detail === 'lock-lost');
}

function offerOf(bank: Bank, { cfp, pool, units }: BankRequest<'lock'>): Promise<OfferReply> {
  return runScript(bank.redis, marketScripts.offer, bank.meta, { cfp, pool, units });
}

function termsOf(bank: Bank, asked: Asked<BankRequest<'lock'>>, units: number, reservePriceMicro: string): Terms {
  const { body } = asked;
  return {
    cfp: body.cfp,
    market: bank.market,
    pool: body.pool,
    initiator: asked.sender,
    direction: 'sell',
    units,
    rule: body.rule,
    reservePriceMicro,
    durationMs: body.durationMs,
    windowMs: body.windowMs,
    seals: body.seals,
    ...asksFor(body),
  };
}

/** A call that asks for no deposit has no such term: its digest is what it was before there were any. */
function asksFor({ depositMicro }: BankRequest<'lock'>): { readonly depositMicro?: string } {
  return depositMicro === undefined ? {} : { depositMicro };
}

function register(
  bank: Bank,
  asked: Asked<BankRequest<'lock'>>,
  reservePriceMicro: string,
  held: HeldLock,
): Promise<OpenCallReply> {
  const { sender, body } = asked;
  return runScript(bank.redis, marketScripts.openCall, bank.meta, {
    ...keyed('lock', sender, body),
    cfp: body.cfp,
    pool: body.pool,
    slots: held.slots,
    lockValue: held.value,
    rule: body.rule,
    reservePriceMicro,
    durationMs: body.durationMs,
    windowMs: body.windowMs,
    ttlMs: body.ttlMs,
    seals: body.seals,
    termsDigest: termsDigest(termsOf(bank, asked, held.slots.length, reservePriceMicro)),
    ...asksFor(body),
  });
}

async function opened(
  bank: Bank,
  asked: Asked<BankRequest<'lock'>>,
  reply: OpenCallReply,
): Promise<Outcome<BankResult<'lock'>>> {
  if (!reply.ok) return refused(bank, reply);
  const terms = termsOf(bank, asked, reply.slots.length, reply.reservePriceMicro);
  const { openedAt, closesAt, awardBy, slots, fences } = reply;
  return ok({ terms, openedAt, closesAt, awardBy, slots, fences, lockUntil: awardBy });
}

export async function extend(bank: Bank, asked: Asked<BankRequest<'extend'>>): Promise<Outcome<BankResult<'extend'>>> {
  const { sender, body } = asked;
  const call = await bank.reader.call(body.cfp);
  // The lock first: a record that outlives its lock would promise what the award then refuses. Never for less than it
  // has: extending is no way to let go, and a late repetition must not take back what was given since.
  if (call?.state === 'open' && call.initiator === sender) {
    const ttlMs = Math.max(body.ttlMs, call.awardBy - (await bank.reader.clock()));
    const outcome = await bank.lock.extend(call.pool, call.slots, call.lockValue, ttlMs);
    if (!outcome.ok && outcome.why === 'unavailable') {
      return refusal('unavailable', 'the lock has no quorum: ask again');
    }
  }
  const reply = await runScript(bank.redis, marketScripts.extendCall, bank.meta, {
    ...keyed('extend', sender, body),
    cfp: body.cfp,
    ttlMs: body.ttlMs,
  });
  return reply.ok ? ok({ cfp: reply.cfp, awardBy: reply.awardBy }) : refused(bank, reply);
}

export async function release(
  bank: Bank,
  asked: Asked<BankRequest<'release'>>,
): Promise<Outcome<BankResult<'release'>>> {
  const { sender, body } = asked;
  const reply = await runScript(bank.redis, marketScripts.closeCall, bank.meta, {
    kind: 'release',
    ...keyed('release', sender, body),
    cfp: body.cfp,
  });
  if (!reply.ok) return refused(bank, reply);
  if (!reply.replayed) bank.events.depositsEnded(reply);
  await unlockElsewhere(bank, body.cfp);
  return ok({ cfp: reply.cfp });
}

/**
 * The scripts drop an ended call's lock on the ledger's Redis; here the other instances hear of it, before anybody is
 * told: the slot's next call would find them against it. What cannot be reached lets the lock run out.
 */
export async function unlockElsewhere(bank: Bank, cfp: string): Promise<void> {
  const call = bank.lock.hasOtherInstances ? await bank.reader.call(cfp) : undefined;
  if (call === undefined) return;
  await bank.lock.release(call.pool, { value: call.lockValue, slots: call.slots, expiresAt: call.awardBy });
}
