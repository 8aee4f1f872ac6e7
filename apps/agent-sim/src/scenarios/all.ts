// All scenarios, in the order in which they are listed and played.
import { bothDirections } from './both-directions.js';
import { budgets } from './budgets.js';
import { coalition } from './coalition.js';
import { concession } from './concession.js';
import { constraints } from './constraints.js';
import { human } from './human.js';
import { rateTokens } from './rate-tokens.js';
import type { Scenario } from './scenario.js';
import { signalling } from './signalling.js';
import { threeParty } from './three-party.js';
import { tradeSpace } from './trade-space.js';

export const scenarios: readonly Scenario[] = [
  concession,
  constraints,
  tradeSpace,
  signalling,
  coalition,
  human,
  threeParty,
  bothDirections,
  rateTokens,
  budgets,
];
