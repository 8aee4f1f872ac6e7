// A lease as its holder has it: it knows when it ends, prolongs itself if asked to, and never claims to be held when it is not.
import { formatMicro } from '@tender/credits';
import { type LeaseOutcome, type Refusal, refusal, type Winner } from '@tender/market';
import { newUlid } from '@tender/market/nats';
import type { Link } from './link.js';
import { type Told, told } from './told.js';

/**
 * Why a lease is no longer held: as the bank says it, where the bank was the first to know (`preempted`, `unstarted`,
 * `idle`). `refusal` is the last one of a renewal or a report, where one was tried.
 */
export interface LeaseEnd {
  readonly reason: LeaseOutcome;
  readonly refusal?: Refusal | undefined;
}

/** `dueAt`: when to speak again at the latest, by the market's clock. */
export type Heard = { readonly ok: true; readonly dueAt: number } | Refusal;

/** So long an ended lease asks the bank why. */
const REASON_MS = 2000;
/** The longest delay that a timer takes. */
const MAX_DELAY_MS = 2 ** 31 - 1;
/** A clock that was never compared with a broker's, or badly, is not trusted to be off by more than this. */
const MAX_UNCERTAINTY_MS = 1000;

export class Lease {
  readonly contract: string;
  readonly pool: string;
  readonly cfp: string;
  readonly participant: string;
  readonly intent: string;
  readonly units: number;
  readonly slots: readonly number[];
  /** For each slot its fencing token, to be shown to whatever guards the slot: it obeys the highest that it has seen. */
  readonly fences: readonly number[];
  /** Micro-credits per unit and term, as won. */
  readonly priceMicro: number;
  /** Aborted as soon as the lease is no longer held, for whatever reason: hand it to the work. */
  readonly signal: AbortSignal;
  /** Resolves once, when the lease is no longer held; never rejects. */
  readonly lost: Promise<LeaseEnd>;

  readonly #link: Link;
  readonly #termMs: number;
  readonly #abort = new AbortController();
  #end!: (end: LeaseEnd) => void;
  #ended = false;
  /** By the broker's clock. */
  #until: number;
  /** The same by this machine's wall clock: `performance.now()` may stand still while the machine is suspended. */
  #untilWall: number;
  #timer: NodeJS.Timeout | undefined;
  #limit: number | undefined;
  #renewing: Promise<Told<'renew'>> | undefined;
  /** The key of a renewal whose answer never came: it may have been done. */
  #openRenewal: { readonly key: string; readonly maxPriceMicro: string } | undefined;
  #refused: Refusal | undefined;
  #releasing: Promise<Told<'settle'>> | undefined;

  constructor(link: Link, pool: string, cfp: string, winner: Winner, terms = 1) {
    this.#link = link;
    this.pool = pool;
    this.cfp = cfp;
    this.contract = winner.contract;
    this.participant = winner.participant;
    this.intent = winner.intent;
    this.units = winner.units;
    this.slots = winner.slots;
    this.fences = winner.fences;
    this.priceMicro = Number(winner.priceMicro);
    this.#until = winner.until;
    this.#untilWall = link.clock.local(winner.until);
    this.#termMs = (winner.until - winner.startedAt) / terms;
    this.signal = this.#abort.signal;
    this.lost = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#schedule();
  }

  /** When it ends, as this machine's clock shows it (ms since the epoch). */
  get until(): number {
    return this.#link.clock.local(this.#until);
  }

  /** How long it is still held for certain, in ms; 0 when it is not. */
  get remainingMs(): number {
    if (this.#ended) return 0;
    const margin = Math.min(this.#link.clock.uncertaintyMs, MAX_UNCERTAINTY_MS);
    const left = Math.min(this.#link.clock.until(this.#until), this.#untilWall - Date.now());
    return Math.max(0, left - margin);
  }

  /** Asks the clocks, not a timer: a process, or a machine, that slept past the end finds out at once. */
  get held(): boolean {
    if (!this.#ended && this.remainingMs <= 0) this.#finish({ reason: 'expired', refusal: this.#refused });
    return !this.#ended;
  }

  /** Prolongs the lease by a term whenever it nears its end, as long as a unit costs at most `maxPriceMicro`. */
  autoRenew(options: { readonly maxPriceMicro: number }): this {
    formatMicro(options.maxPriceMicro);
    this.#limit = options.maxPriceMicro;
    this.#schedule();
    return this;
  }

  /**
   * Prolongs the lease by one term, paid at the price of the day, at most `maxPriceMicro` per unit. Renewals do not
   * overlap: a second call gets the first one's answer. The refusal `unavailable` leaves it open whether it was done.
   */
  renew(options: { readonly maxPriceMicro: number }): Promise<Told<'renew'>> {
    this.#renewing ??= this.#renew(formatMicro(options.maxPriceMicro)).finally(() => {
      this.#renewing = undefined;
      this.#schedule();
    });
    return this.#renewing;
  }

  async #renew(maxPriceMicro: string): Promise<Told<'renew'>> {
    if (!this.held) return refusal('expired', 'the lease is over');
    const request = this.#openRenewal ?? { key: newUlid(), maxPriceMicro };
    const asked = await this.#link.bank.ask(
      'renew',
      { ...request, contract: this.contract },
      { withinMs: this.remainingMs, conversation: this.cfp },
    );
    if (!asked.ok) {
      this.#refused = asked;
      this.#openRenewal = asked.detail === 'unavailable' ? request : undefined;
      if (asked.detail === 'expired' || asked.detail === 'unknown') this.#endedAtBank(asked);
      return asked;
    }
    this.#openRenewal = undefined;
    this.#refused = undefined;
    this.#until = Math.max(this.#until, asked.value.until);
    this.#untilWall = this.#link.clock.local(this.#until);
    return { ok: true, ...asked.value };
  }

  /** Says that the work runs: where the pool gives a time of grace (`unstarted` after it), or asks for progress. */
  run(): Promise<Heard> {
    return this.#report({ step: 'run' });
  }

  /** Says that the work still runs, before the time that the last answer named: else the lease ends as `idle`. */
  progress(percent = 0): Promise<Heard> {
    return this.#report({ step: 'progress', percent });
  }

  async #report(
    said: { readonly step: 'run' } | { readonly step: 'progress'; readonly percent: number },
  ): Promise<Heard> {
    if (!this.held) return refusal('expired', 'the lease is over');
    const body = { key: newUlid(), contract: this.contract, ...said };
    const asked = await this.#link.bank.ask('report', body, { withinMs: this.remainingMs, conversation: this.cfp });
    if (asked.ok) return { ok: true, dueAt: asked.value.dueAt };
    if (asked.detail === 'expired' || asked.detail === 'unknown') this.#endedAtBank(asked);
    return asked;
  }

  /** The bank has ended the lease: nobody may use its slots any more, and then one may ask how it ended. */
  #endedAtBank(refused: Refusal): void {
    const reason = this.#link.bank
      .ask('contract', { contract: this.contract }, { withinMs: REASON_MS, conversation: this.cfp })
      .then((asked) => (asked.ok ? asked.value.outcome : undefined) ?? 'expired');
    this.#finish({ reason: 'expired', refusal: refused }, reason);
  }

  /**
   * Gives the slots back and pays for the time used; from this moment on the lease is not held. Repeated calls get
   * the same answer; retried until the bank answers, 30 s at most.
   */
  release(): Promise<Told<'settle'>> {
    this.#releasing ??= this.#release();
    return this.#releasing;
  }

  async #release(): Promise<Told<'settle'>> {
    if (!this.held && this.#openRenewal === undefined) {
      return refusal('expired', 'the lease is over: the bank settles it by itself');
    }
    this.#finish({ reason: 'released' });
    return this.#settle();
  }

  async #settle(): Promise<Told<'settle'>> {
    const body = { key: newUlid(), contract: this.contract };
    return told(await this.#link.bank.ask('settle', body, { withinMs: 30_000, conversation: this.cfp }));
  }

  /** `byBank`: the reason, where the bank is asked for it. */
  #finish(end: LeaseEnd, byBank?: Promise<LeaseOutcome>): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    if (byBank === undefined) this.#end(end);
    else void byBank.then((reason) => this.#end({ ...end, reason }));
    this.#abort.abort(new Error(`the lease ${this.contract} is ${end.reason}`));
    if (end.reason === 'expired' && this.#openRenewal !== undefined) {
      // A renewal may have gone through unheard; nobody uses the slots any more, so nobody should pay for them.
      this.#releasing ??= this.#settle();
    }
  }

  /** So long before its end it is prolonged. */
  get #leadMs(): number {
    return Math.min(this.#termMs / 2, Math.max(this.#termMs / 5, 1000), 60_000);
  }

  /** One timer, for whatever comes next: a renewal or the end. It does not keep the process alive. */
  #schedule(): void {
    clearTimeout(this.#timer);
    if (!this.held) return;
    const left = this.remainingMs;
    let delay = left;
    if (this.#limit !== undefined && this.#renewing === undefined && this.#refused?.final !== true) {
      const lead = this.#leadMs;
      const again = this.#refused === undefined ? 0 : (this.#refused.retryAfterMs ?? lead / 4);
      delay = Math.min(left, Math.max(left - lead, again));
    }
    this.#timer = setTimeout(() => this.#wake(), Math.min(Math.ceil(delay), MAX_DELAY_MS));
    this.#timer.unref();
  }

  #wake(): void {
    if (!this.held) return;
    const due = this.remainingMs <= this.#leadMs + 1;
    if (this.#limit !== undefined && due && this.#refused?.final !== true && this.#renewing === undefined) {
      void this.renew({ maxPriceMicro: this.#limit });
    }
    this.#schedule();
  }
}
