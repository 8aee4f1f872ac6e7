// A provider's offers: sealed for exactly what they promise, with slots locked behind them where it sells a pool's.
import { Deals, type Frame, type Issues, type Offer, type Refusal, refusal } from '@tender/market';
import type { Desk } from './desk.js';
import { Hold } from './hold.js';
import type { Offered } from './sealer.js';

/** Slots of a pool that this agent sells, locked as long as an offer stands. */
export interface HoldSlots {
  readonly pool: string;
  /** The lock's time limit; it is moved on by itself. Default 5000 ms. */
  readonly ttlMs?: number;
}

/** What an offer says beside its issues. */
export type Draft = Omit<Offered, 'intent' | 'until' | 'hold'>;

const DEFAULT_TTL_MS = 5000;

/** The offers of one negotiation: one intent, so that the bank closes on one of them at most. */
export class OfferMaker {
  readonly intent: string;
  readonly #desk: Desk;
  readonly #deals: Deals;
  readonly #slots: HoldSlots | undefined;
  #hold: Hold | undefined;
  /** Rises with whatever makes a lock that is still being asked for useless. */
  #turn = 0;

  constructor(desk: Desk, frame: Frame, intent: string, slots?: HoldSlots) {
    this.#desk = desk;
    this.#deals = new Deals(frame);
    this.intent = intent;
    this.#slots = slots;
  }

  /** The call whose slots are locked behind the last offer. */
  get hold(): Hold | undefined {
    return this.#hold;
  }

  /** At once where a session runs, and no slots are to be locked first. */
  make(issues: Issues, draft: Draft, until: number): Offer | Promise<Offer | Refusal> {
    if (this.#backs(issues) && this.#desk.sealer.isReadyUntil(0)) {
      const offer = this.#seal(issues, draft, until);
      if (offer !== undefined) return offer;
    }
    return this.#prepare(issues, draft, until);
  }

  /** The bank takes as many slots as units, for work that takes no longer than they were locked for. */
  #backs({ units, durationMs }: Issues): boolean {
    const hold = this.#hold;
    if (this.#slots === undefined) return true;
    return hold !== undefined && hold.slots.length === units && durationMs <= hold.durationMs;
  }

  async #prepare(issues: Issues, draft: Draft, until: number): Promise<Offer | Refusal> {
    const { sealer, link } = this.#desk;
    const refused = sealer.isReadyUntil(0) ? undefined : await sealer.login();
    if (refused !== undefined) return refused;
    if (this.#slots !== undefined && !this.#backs(issues)) {
      const { pool, ttlMs = DEFAULT_TTL_MS } = this.#slots;
      const turn = ++this.#turn;
      const opened = await Hold.open(link, { pool, ttlMs, units: issues.units, durationMs: issues.durationMs });
      if (!opened.ok) return opened;
      if (turn !== this.#turn) {
        // Nobody keeps it any more: it would be moved on for ever.
        void opened.hold.release();
        return refusal('expired', 'the offer was given up while its slots were being locked');
      }
      const before = this.#hold;
      this.#hold = opened.hold;
      // The offer that named the slots before does without them from now on: the bank would refuse it.
      void before?.release();
    }
    return this.#seal(issues, draft, until) ?? refusal('unavailable', 'no session runs to seal under');
  }

  #seal(issues: Issues, draft: Draft, until: number): Offer | undefined {
    const hold = this.#hold?.cfp;
    const offered = { ...draft, intent: this.intent, until, ...(hold === undefined ? {} : { hold }) };
    return this.#desk.sealer.sealOffer(this.#deals, issues, offered);
  }

  /** The slots are needed no more, or a contract has them. */
  release(hold: string): void {
    if (this.#hold?.cfp === hold) this.close();
  }

  close(): void {
    this.#turn += 1;
    void this.#hold?.release();
    this.#hold = undefined;
  }

  /** A contract has taken the slots over. */
  used(): void {
    this.#turn += 1;
    this.#hold?.used();
    this.#hold = undefined;
  }
}
