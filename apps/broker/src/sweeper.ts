// The sweeper ends what is over: leases, tasks, calls, proposals, pending transfers, tokens in hand. Any broker may run
// it; each script checks anew that the time has come, so that several at once do no harm.
import { ledgerScripts, runScript } from '@tender/credits/redis';
import { marketScripts } from '@tender/market/redis';
import type { Bank } from './bank.js';
import { overdueProposal } from './endpoints/approvals.js';
import { reported } from './endpoints/report.js';

const AT_ONCE = 256;

export class Sweeper {
  readonly #bank: Bank;
  readonly #everyMs: number;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(bank: Bank, everyMs: number) {
    this.#bank = bank;
    this.#everyMs = everyMs;
  }

  start(): void {
    this.#timer = setTimeout(() => void this.#turn(), this.#everyMs);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #turn(): Promise<void> {
    let swept = 0;
    try {
      swept = await this.sweep();
    } catch (error) {
      this.#bank.log.warn({ error: String(error) }, 'sweep put off: Redis is away');
    }
    if (this.#stopped) return;
    // A full round means that more is due: go on at once.
    this.#timer = setTimeout(() => void this.#turn(), swept === AT_ONCE ? 0 : this.#everyMs);
  }

  /** Ends what is due, AT_ONCE at most; returns how many were. */
  async sweep(): Promise<number> {
    const due = await this.#bank.reader.due(AT_ONCE);
    await Promise.all(due.map((member) => this.#end(member)));
    return due.length;
  }

  async #end(member: string): Promise<void> {
    const { redis, meta, events } = this.#bank;
    const colon = member.indexOf(':');
    const id = member.slice(colon + 1);
    switch (member.slice(0, colon)) {
      case 'lease': {
        const reply = await runScript(redis, marketScripts.settle, meta, { kind: 'expire', contract: id });
        if (reply.ok) events.settled(reply);
        return;
      }
      case 'task': {
        const reply = await runScript(redis, marketScripts.report, meta, { kind: 'overdue', contract: id });
        if (reply.ok) await reported(this.#bank, reply);
        return;
      }
      case 'proposal':
        return overdueProposal(this.#bank, id);
      case 'cfp': {
        const reply = await runScript(redis, marketScripts.closeCall, meta, { kind: 'lapse', cfp: id });
        if (reply.ok) events.depositsEnded(reply);
        return;
      }
      case 'deposit': {
        const reply = await runScript(redis, marketScripts.returnDeposits, meta, { cfp: id });
        if (reply.ok) events.depositsEnded(reply);
        return;
      }
      case 'hold': {
        await runScript(redis, marketScripts.expireHold, meta, { hold: id });
        return;
      }
      case 'xfer': {
        await runScript(redis, ledgerScripts.endTransfer, meta, { kind: 'expire', id });
        return;
      }
      default:
        this.#bank.log.error({ member }, 'a deadline of an unknown kind');
    }
  }
}
