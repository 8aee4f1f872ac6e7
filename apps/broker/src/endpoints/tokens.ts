// tokens, return, offer-tokens, buy-tokens, bucket: rate tokens taken, given back, sold on and asked about.
import { type BankRequest, type BankResult, refusal } from '@tender/market';
import type { Asked, Bank } from '../bank.js';
import type { Outcome } from '../outcome.js';

const soon = () => Promise.resolve(refusal('unavailable', 'not served yet'));

export const tokenEndpoints = {
  tokens: (_bank: Bank, _asked: Asked<BankRequest<'tokens'>>): Promise<Outcome<BankResult<'tokens'>>> => soon(),
  return: (_bank: Bank, _asked: Asked<BankRequest<'return'>>): Promise<Outcome<BankResult<'return'>>> => soon(),
  'offer-tokens': (
    _bank: Bank,
    _asked: Asked<BankRequest<'offer-tokens'>>,
  ): Promise<Outcome<BankResult<'offer-tokens'>>> => soon(),
  'buy-tokens': (_bank: Bank, _asked: Asked<BankRequest<'buy-tokens'>>): Promise<Outcome<BankResult<'buy-tokens'>>> =>
    soon(),
  bucket: (_bank: Bank, _asked: Asked<BankRequest<'bucket'>>): Promise<Outcome<BankResult<'bucket'>>> => soon(),
};
