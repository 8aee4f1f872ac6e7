// All scenarios, in the order in which they are listed and played.
import type { Scenario } from './scenario.js';

export const scenarios: readonly Scenario[] = [];
