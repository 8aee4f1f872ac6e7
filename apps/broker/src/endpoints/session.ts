// session: an agent proves its nkey and gets the key under which it seals its cheques.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import {
  type BankRequest,
  type BankResult,
  ephemeralText,
  refusal,
  sessionText,
  textSignatureHolds,
  wrapSessionKey,
} from '@tender/market';
import type { Asked, Bank } from '../bank.js';
import { type Outcome, ok } from '../outcome.js';
import { accountSpokenFor } from './speaks-for.js';

/** How far a login's time may lie from the market's clock: a recorded login is of no use later. */
const LOGIN_WINDOW_MS = 60_000;

export async function session(
  bank: Bank,
  asked: Asked<BankRequest<'session'>>,
): Promise<Outcome<BankResult<'session'>>> {
  const { body } = asked;
  const found = await accountSpokenFor(bank, asked.sender, body.agent);
  if (!found.ok) return found;
  const account = found.result;
  const clock = await bank.reader.clock();
  if (Math.abs(clock - body.at) > LOGIN_WINDOW_MS) {
    return refusal('stale', `the login is signed at ${body.at}, the market's clock is at ${clock}: sign it anew`);
  }
  const key = bank.seals.publicKey(body.nkey);
  const text = sessionText(bank.market, account.id, body.nonce, body.at, body.ephemeral);
  if (account.nkey !== body.nkey || key === undefined || !textSignatureHolds(text, body.signature, key)) {
    return refusal('bad-signature', "sign the login with the account's nkey");
  }
  const id = randomBytes(8).toString('hex');
  const until = clock + bank.sessionMs;
  const { privateKey } = generateKeyPairSync('x25519');
  const about = { market: bank.market, agent: account.id, session: id, until };
  const sealedKey = wrapSessionKey(privateKey, body.ephemeral, about, bank.seals.keyOf(account.id, id, until));
  if (sealedKey === undefined) return refusal('malformed', 'ephemeral: is no X25519 public key');
  return ok({ agent: account.id, session: id, until, ephemeral: ephemeralText(privateKey), sealedKey, clock });
}
