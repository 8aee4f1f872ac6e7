// The pure model against the ledger's contract, and what only a model can show: other instants, copies, speed.

import { ModelLedger } from '../src/index.js';
import { runLedgerContract } from '../src/testing/index.js';

runLedgerContract('model', async () => {
  let now = 0;
  const ledger = new ModelLedger(() => now);
  return {
    ledger,
    setClock: async (nowMs) => {
      now = nowMs;
    },
  };
});
