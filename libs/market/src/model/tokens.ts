// Rate tokens in the model: one door for its commands, so that the market's book need not know each.
import { openBucket } from './bucket.js';
import type { Answer } from './command.js';
import type { MarketState } from './market-state.js';
import type { TokenCommand } from './tokens-command.js';
import { buyTokens, offerTokens } from './tokens-resale.js';
import { expireHold, returnTokens } from './tokens-return.js';
import { takeTokens } from './tokens-take.js';

export function applyTokens(market: MarketState, command: TokenCommand, nowMs: number): Answer<object> {
  switch (command.kind) {
    case 'open-bucket':
      return openBucket(market, command.bucket, nowMs);
    case 'take-tokens':
      return takeTokens(market, command, nowMs);
    case 'return-tokens':
      return returnTokens(market, command, nowMs);
    case 'offer-tokens':
      return offerTokens(market, command, nowMs);
    case 'buy-tokens':
      return buyTokens(market, command, nowMs);
    case 'expire-hold':
      return expireHold(market, command.hold, nowMs);
  }
}
