// The calls of one sender that sell slots: each bid goes to the call that it names.
import { cfpOf, type Refusal, refusal } from '@tender/market';
import { type CallOptions, type CallOutcome, CallRun } from './call.js';
import type { Link, Received } from './link.js';
import type { Switchboard } from './switchboard.js';
import { after } from './timer.js';
import type { AuctionBid } from './wire-reader.js';

/** How long closing waits for the bank; a lock that is not given back ends by its time limit. */
const CLOSE_WITHIN_MS = 3000;

export class Caller {
  readonly #link: Link;
  readonly #switchboard: Switchboard;
  readonly #runs = new Map<string, CallRun>();

  constructor(switchboard: Switchboard) {
    this.#link = switchboard.link;
    this.#switchboard = switchboard;
    switchboard.onAuctionBid = (got) => this.#heard(got);
  }

  /** Calls for proposals and sells to the best bids; resolves when the award is known. Never rejects. */
  call(options: CallOptions): Promise<CallOutcome> {
    const link = this.#link;
    if (link.closed) return Promise.resolve(refusal('unavailable', 'the agent is closed'));
    this.#switchboard.takeBids();
    const run = new CallRun(link, options, () => this.#runs.delete(run.cfp));
    this.#runs.set(run.cfp, run);
    return run.done;
  }

  async extend(cfp: string, ttlMs: number): Promise<{ readonly ok: true; readonly awardBy: number } | Refusal> {
    const extended = await this.#link.extend(cfp, ttlMs);
    if (extended.ok) this.#runs.get(cfp)?.extended(extended.awardBy);
    return extended;
  }

  /** Aborts what is still open and gives the locks back, those too whose opening is under way; waits for it a little. */
  async close(): Promise<void> {
    const closing = Promise.all([...this.#runs.values()].map((run) => run.close()));
    let stop = () => {};
    const patience = new Promise<void>((resume) => {
      stop = after(CLOSE_WITHIN_MS, resume);
    });
    await Promise.race([closing, patience]);
    stop();
  }

  #heard({ from, message, msg }: Received<AuctionBid>): void {
    const { cfp } = message.body;
    if (cfpOf(msg.subject) !== cfp || message.conversation !== cfp) {
      this.#link.ignore('not-permitted');
      return;
    }
    const run = this.#runs.get(cfp);
    if (run === undefined) {
      this.#link.ignore('unknown');
      return;
    }
    switch (message.performative) {
      case 'propose':
        run.propose(from, message.body);
        return;
      case 'refuse':
        run.decline(from, message.body);
        return;
      case 'withdraw':
        run.withdraw(from, message.body);
        return;
    }
  }
}
