// One simulated agent: its jobs, its purse, what it bids for them and what it does with the leases that it wins.
import { type BidDecision, bid, type CallView, type Decision, type Lease, type LostBid, refuse } from '@tender/agent';
import type { Job } from './job.js';
import { type Need, type Strategy, worthPerTerm } from './strategies.js';
import type { Tally } from './tally.js';

/** What an agent needs of the run around it. */
export interface RunAround {
  readonly tally: Tally;
  /** Stands in every intent, so that two runs on one market share none. */
  readonly run: string;
  /** Ms of the run. */
  nowMs(): number;
  /** The last clearing price, micro-credits per slot and second. */
  price(): number | undefined;
}

interface Task {
  readonly job: Job;
  state: 'waiting' | 'running' | 'over';
  /** Leases that it had: a lease that was lost makes a new intent. */
  attempt: number;
  remainingMs: number;
}

/** How long before a term's end it is prolonged, at most. */
const RENEW_LEAD_MS = 500;
/** How long after its window a call is awarded, about. */
const AWARD_MS = 30;
/** A lease that ends so shortly after the job is done is not worth a renewal. */
const MARGIN_MS = 5;

export class SimAgent {
  readonly #tasks = new Set<Task>();
  readonly #running = new Set<Promise<void>>();
  #closing = false;

  constructor(
    readonly id: string,
    readonly strategy: Strategy,
    private readonly around: RunAround,
    private availableMicro: number,
  ) {}

  /** Leases whose jobs are under way. */
  get running(): number {
    return this.#running.size;
  }

  arrive(job: Job): void {
    this.#tasks.add({ job, state: 'waiting', attempt: 0, remainingMs: job.durationMs });
    this.around.tally.jobArrived();
  }

  /** A fact of the bank about a lease of this agent: what was set aside and not used comes back. */
  refunded(amountMicro: number): void {
    this.availableMicro += amountMicro;
  }

  /** Answers a call: one bid per waiting job under the job's own intent, within the purse. */
  evaluate(call: CallView): Decision {
    // A lease starts when the call has been awarded: what counts is whether the job can be done from then on.
    const nowMs = this.around.nowMs() + Math.max(0, call.closesAt - Date.now()) + AWARD_MS;
    const bids: BidDecision[] = [];
    let availableMicro = this.availableMicro;
    let declined: Decision;
    for (const task of this.#tasks) {
      if (task.state !== 'waiting') continue;
      const decided = this.strategy(needOf(task), call, { availableMicro, spotMicro: this.#spot(call) }, nowMs);
      if (decided === undefined) continue;
      if (decided.kind === 'refuse') {
        this.around.tally.refused(`declined: ${decided.detail}`);
        declined = refuse(decided.detail);
        continue;
      }
      availableMicro -= decided.priceMicro * decided.units;
      bids.push(bid({ units: decided.units, price: decided.priceMicro, intent: this.#intent(task) }));
    }
    return bids.length > 0 ? bids : declined;
  }

  lost(outcome: LostBid): void {
    this.around.tally.refused(`bid: ${outcome.detail}`);
  }

  /** Takes a lease: works on its job, or gives it back at once where the job needs it no more. */
  won(lease: Lease): void {
    this.availableMicro -= lease.priceMicro * lease.units;
    const task = [...this.#tasks].find((one) => this.#intent(one) === lease.intent);
    if (task === undefined || task.state !== 'waiting') {
      this.around.tally.refused('lease: not needed any more');
      void lease.release();
      return;
    }
    const { tally } = this.around;
    if (task.attempt === 0) tally.jobStarted(task.job, this.around.nowMs());
    task.attempt++;
    task.state = 'running';
    const work = this.#work(task, lease).finally(() => this.#running.delete(work));
    this.#running.add(work);
  }

  /** Gives up the jobs that cannot be done by their deadlines any more. */
  giveUpLate(nowMs: number): void {
    for (const task of this.#tasks) {
      if (task.state === 'waiting' && nowMs + task.remainingMs > task.job.deadlineMs) this.#giveUp(task, 'deadline');
    }
  }

  /** No more bids: what still waits is unmet. Resolves when the running jobs are over. */
  async finish(): Promise<void> {
    this.#closing = true;
    for (const task of this.#tasks) if (task.state === 'waiting') this.#giveUp(task, 'end-of-run');
    await Promise.all(this.#running);
  }

  #giveUp(task: Task, reason: 'deadline' | 'end-of-run'): void {
    task.state = 'over';
    this.#tasks.delete(task);
    this.around.tally.jobUnmet(reason, task.attempt > 0);
  }

  #intent(task: Task): string {
    return `${this.around.run}-${task.job.id}-${task.attempt}`;
  }

  #spot(call: CallView): number | undefined {
    const price = this.around.price();
    return price === undefined ? undefined : (price * call.durationMs) / 1000;
  }

  async #work(task: Task, lease: Lease): Promise<void> {
    const startedMs = this.around.nowMs();
    const termMs = lease.remainingMs;
    const doneMs = startedMs + task.remainingMs;
    while (lease.held && this.around.nowMs() < doneMs) {
      const leftMs = doneMs - this.around.nowMs();
      if (leftMs <= lease.remainingMs - MARGIN_MS) await pause(leftMs, lease);
      else await this.#prolong(task, lease, termMs, leftMs);
    }
    const nowMs = this.around.nowMs();
    if (nowMs >= doneMs) {
      this.#tasks.delete(task);
      task.state = 'over';
      this.around.tally.jobDone(task.job, nowMs);
      await lease.release();
      return;
    }
    // Lost before the job was done: what was done stays done, and the rest is bid for anew.
    task.remainingMs = Math.max(1, doneMs - nowMs);
    task.state = 'waiting';
    this.around.tally.cutShort++;
    if (lease.held) void lease.release();
    if (this.#closing) this.#giveUp(task, 'end-of-run');
  }

  async #prolong(task: Task, lease: Lease, termMs: number, leftMs: number): Promise<void> {
    const leadMs = Math.min(RENEW_LEAD_MS, termMs / 2);
    if (lease.remainingMs > leadMs) return pause(lease.remainingMs - leadMs, lease);
    const need = { ...needOf(task), remainingMs: leftMs };
    const worth = Math.min(worthPerTerm(need, termMs), Math.floor(this.availableMicro / lease.units));
    if (worth < 1) return pause(lease.remainingMs, lease);
    const renewed = await lease.renew({ maxPriceMicro: worth });
    if (renewed.ok) {
      this.around.tally.renewals++;
      this.availableMicro -= Number(renewed.amountMicro);
      return;
    }
    this.around.tally.refused(`renewal: ${renewed.detail}`);
    // Too dear now is likely too dear in 50 ms as well, but the price of the day moves with every call.
    await pause(Math.min(50, lease.remainingMs), lease);
  }
}

function needOf(task: Task): Need {
  const { units, valueMicro, arrivesAtMs, deadlineMs, priority } = task.job;
  return { units, valueMicro, arrivesAtMs, deadlineMs, priority, remainingMs: task.remainingMs };
}

/** Waits, but no longer than the lease is held. */
async function pause(ms: number, lease: Lease): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const time = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.max(1, Math.ceil(ms)));
  });
  await Promise.race([time, lease.lost]);
  clearTimeout(timer);
}
