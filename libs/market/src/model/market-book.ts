// The pure model of a market: commands in, answers out, no I/O and no clock; the scripts must answer the same.
import { award } from './award.js';
import { closeCall, extendCall, openCall } from './call.js';
import { type Answer, type Done, type MarketCommand, refused } from './command.js';
import { deposit, overdueDeposits, withdrawDeposit } from './deposit.js';
import { engage } from './engage.js';
import { hear, renew, settle } from './lease.js';
import { MarketState } from './market-state.js';
import { openPool } from './pool.js';
import { closeProposal, decideProposal, fileProposal, setPolicy } from './proposal.js';
import { report } from './task.js';
import { applyTokens } from './tokens.js';

interface Saved {
  readonly digest: string;
  readonly answer: Answer<object>;
}

export class MarketBook extends MarketState {
  readonly #saved = new Map<string, Saved>();

  /**
   * Takes one command at `nowMs` (ms since the epoch, never running back). The same key and body gives the saved
   * answer, another body under it `duplicate`; only what changed something is saved.
   */
  apply<C extends MarketCommand>(command: C, nowMs: number): Answer<Done[C['kind']]> {
    // What a return was told is kept with its hold.
    if (!('key' in command) || command.kind === 'return-tokens')
      return this.#told(command, nowMs) as Answer<Done[C['kind']]>;
    const name = `${command.by}|${command.key}`;
    const saved = this.#saved.get(name);
    if (saved !== undefined) {
      if (saved.digest !== command.digest) return refused('duplicate');
      return { ...saved.answer, replayed: true } as Answer<Done[C['kind']]>;
    }
    const answer = this.#told(command, nowMs);
    if (answer.ok) this.#saved.set(name, { digest: command.digest, answer });
    return answer as Answer<Done[C['kind']]>;
  }

  /** The answer, with the deposits that went back or to the pool. */
  #told(command: MarketCommand, nowMs: number): Answer<object> {
    this.endedDeposits = [];
    const answer = this.#decide(command, nowMs);
    return answer.ok && this.endedDeposits.length > 0 ? { ...answer, deposits: this.endedDeposits } : answer;
  }

  #decide(command: MarketCommand, nowMs: number): Answer<object> {
    switch (command.kind) {
      case 'open-pool':
        return openPool(this, command.pool);
      case 'open-call':
        return openCall(this, command, nowMs);
      case 'extend-call':
        return extendCall(this, command, nowMs);
      case 'release-call':
      case 'lapse-call':
        return closeCall(this, command, nowMs);
      case 'award':
        return award(this, command, nowMs);
      case 'deposit':
        return deposit(this, command, nowMs);
      case 'withdraw-deposit':
        return withdrawDeposit(this, command, nowMs);
      case 'return-deposits':
        return overdueDeposits(this, command, nowMs);
      case 'renew':
        return renew(this, command, nowMs);
      case 'settle':
        return settle(this, { ...command, as: 'release' }, nowMs);
      case 'preempt-lease':
        return settle(this, { ...command, as: 'preempt' }, nowMs);
      case 'expire-lease':
        return settle(this, { ...command, as: 'expire' }, nowMs);
      case 'hear':
        return hear(this, command, nowMs);
      case 'engage':
        return engage(this, command, nowMs);
      case 'report':
      case 'overdue-task':
        return report(this, command, nowMs);
      case 'set-policy':
        return setPolicy(this, command.text, nowMs);
      case 'file-proposal':
        return fileProposal(this, command, nowMs);
      case 'decide-proposal':
        return decideProposal(this, command, nowMs);
      case 'expire-proposal':
        return decideProposal(this, { ...command, verdict: 'expire' }, nowMs);
      case 'close-proposal':
        return closeProposal(this, command, nowMs);
      case 'open-bucket':
      case 'take-tokens':
      case 'return-tokens':
      case 'offer-tokens':
      case 'buy-tokens':
      case 'expire-hold':
        return applyTokens(this, command, nowMs);
    }
  }
}
