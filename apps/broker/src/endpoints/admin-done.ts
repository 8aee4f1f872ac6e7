// What an operator's request asks and comes to: the shape of every admin operation, wherever it is done.
import type { AdminOperation, adminRequests, adminResult } from '@tender/market';
import type { z } from 'zod';
import type { Bank } from '../bank.js';
import type { Outcome } from '../outcome.js';

export type AdminDone = Outcome<z.infer<typeof adminResult>>;
export type AdminRequested<O extends AdminOperation> = z.output<(typeof adminRequests)[O]>;
/** Who asks has been checked. */
export type AdminPerform<O extends AdminOperation> = (
  bank: Bank,
  by: string,
  request: AdminRequested<O>,
) => Promise<AdminDone>;
