// A call for proposals as its initiator makes it: the initiator's machine decides, this carries out.
import { formatMicro } from '@tender/credits';
import {
  type AuctionRule,
  type Cheque,
  type InitiatorAction,
  type InitiatorEvent,
  type InitiatorState,
  initiatorStep,
  type Loser,
  meanings,
  opening,
  type ProposeMessage,
  type Refusal,
  type RefuseMessage,
  type Sale,
  type SealKind,
  subjects,
  toldLoser,
  type WithdrawMessage,
} from '@tender/market';
import { newId, newUlid, type StepFacts, stepHeaders } from '@tender/market/nats';
import type { MsgHdrs } from 'nats';
import type { Link } from './link.js';

/** What is offered, and how. Durations in ms, prices in micro-credits per unit for the whole duration. */
export interface CallOptions {
  readonly pool: string;
  /** Identical slots on offer; 1 when absent. */
  readonly units?: number;
  /** Fewer will do where `units` are not free; all of them when absent. */
  readonly atLeast?: number;
  /** Default 'uniform-price'. */
  readonly rule?: AuctionRule;
  /** How long a winner holds its slots. */
  readonly durationMs: number;
  /** How long bids are taken. */
  readonly windowMs: number;
  /** The negotiation lock's time limit; default: the window and 3 s more. */
  readonly ttlMs?: number;
  /** Default: the pool's reserve price. */
  readonly reservePriceMicro?: number;
  /** What each bidder lays down before it bids; who wins and does not begin within the pool's grace forfeits it. */
  readonly depositMicro?: number;
  /** Default: both, as far as the pool takes them; a pool that takes one needs it named. */
  readonly seals?: readonly SealKind[];
  /** Closes early when so many bids and refusals are in. */
  readonly closeAfterBids?: number;
  /** Bids shown to the bank beyond the price-setting one, for winners that it bars; default 3. */
  readonly standbys?: number;
  /** Particular slots instead of any free ones. */
  readonly slots?: readonly number[];
  /** Ends the call and gives the lock back; too late once the award is asked for. */
  readonly signal?: AbortSignal;
  /** W3C trace context; travels in the headers of every step, and bidders pass it on. */
  readonly traceparent?: string;
  /** Called when the bank has opened the call, before it is announced. */
  readonly onOpen?: (cfp: string) => void;
}

export type CallOutcome = Sale | Refusal;

/** Bids kept in one call: of one host's thousands enough, of nobody so many that another's find no place. */
const LIMITS = { total: 16_384, perSender: 5120, perParticipant: 16 };
/** Awards asked for in one call, where none of the bids shown can win. */
const MAX_AWARDS = 4;
/** The award is asked for with at least so much of the lock left; else the lock is extended first. */
const AWARD_MARGIN_MS = 150;
const DEFAULT_TTL_MARGIN_MS = 3000;

export class CallRun {
  readonly cfp = newId();
  readonly done: Promise<CallOutcome>;
  readonly #link: Link;
  readonly #options: CallOptions;
  readonly #ttlMs: number;
  readonly #forget: () => void;
  #state: InitiatorState;
  #finish!: (outcome: CallOutcome) => void;
  #timer: NodeJS.Timeout | undefined;
  #awardBy = 0;
  #released: Promise<unknown> | undefined;

  /** `forget` is called when late bids need no answer any more. */
  constructor(link: Link, options: CallOptions, forget: () => void) {
    const { closeAfterBids = Number.POSITIVE_INFINITY, standbys = 3, windowMs } = options;
    this.#link = link;
    this.#options = options;
    this.#ttlMs = Math.max(options.ttlMs ?? windowMs + DEFAULT_TTL_MARGIN_MS, 50);
    this.#forget = forget;
    this.#state = opening({ closeAfterBids, standbys, limits: LIMITS, maxAwards: MAX_AWARDS });
    this.done = new Promise((resolve) => {
      this.#finish = resolve;
    });
    const { signal } = options;
    if (signal !== undefined) {
      const abort = () => this.#step({ kind: 'abort' });
      signal.addEventListener('abort', abort, { once: true });
      void this.done.then(() => signal.removeEventListener('abort', abort));
    }
    void this.#open();
    if (signal?.aborted) this.#step({ kind: 'abort' });
  }

  async #open(): Promise<void> {
    const { pool, units = 1, atLeast, rule = 'uniform-price', durationMs, windowMs, slots, seals } = this.#options;
    const { reservePriceMicro: reserve, depositMicro: deposit } = this.#options;
    const asked = await this.#link.bank.ask(
      'lock',
      {
        key: newUlid(),
        cfp: this.cfp,
        pool,
        units,
        rule,
        durationMs,
        windowMs,
        ttlMs: this.#ttlMs,
        seals: seals === undefined ? ['mac', 'ed25519'] : [...seals],
        ...(atLeast !== undefined && { atLeast }),
        ...(reserve !== undefined && { reservePriceMicro: formatMicro(reserve) }),
        ...(deposit !== undefined && { depositMicro: formatMicro(deposit) }),
        ...(slots !== undefined && { slots: [...slots] }),
      },
      { conversation: this.cfp, withinMs: Math.max(5000, this.#ttlMs) },
    );
    if (!asked.ok) {
      // Nobody knows whether the lock was taken: it must not lie idle for its whole time.
      if (asked.detail === 'unavailable') this.#release();
      return this.#step({ kind: 'not-opened', refusal: asked });
    }
    const { terms, openedAt, closesAt, awardBy } = asked.value;
    this.#awardBy = awardBy;
    this.#step({ kind: 'opened', call: { terms, openedAt, closesAt, awardBy } });
  }

  /** More time for the award, while the call is open; moves the lock's limit too. */
  extended(awardBy: number): void {
    this.#awardBy = Math.max(this.#awardBy, awardBy);
  }

  propose(from: string, body: ProposeMessage['body']): void {
    const cheques: Cheque[] = [];
    const losers: Loser[] = [];
    for (const cheque of body.cheques) {
      const { participant, intent } = cheque;
      const detail = this.#link.distrust.of(from, participant);
      if (detail === undefined) cheques.push(cheque);
      else losers.push({ participant, intent, detail });
    }
    if (losers.length > 0) this.#act({ kind: 'reject', sender: from, losers });
    if (cheques.length > 0) this.#step({ kind: 'propose', sender: from, cheques });
  }

  decline(from: string, body: RefuseMessage['body']): void {
    this.#step({ kind: 'decline', sender: from, participants: body.participants });
  }

  withdraw(from: string, body: WithdrawMessage['body']): void {
    this.#step({ kind: 'withdraw', sender: from, participants: body.participants });
  }

  /** Ends the call; resolves when nothing of it is left at the bank, as far as the bank answers. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#step({ kind: 'abort' });
    await this.done;
    await this.#released;
  }

  #headers(facts: Omit<StepFacts, 'conversation' | 'scope'>): MsgHdrs {
    const { pool, traceparent } = this.#options;
    return stepHeaders({ ...facts, conversation: this.cfp, scope: pool, traceparent });
  }

  #step(event: InitiatorEvent): void {
    const { state, actions } = initiatorStep(this.#state, event, this.#link.clock.now());
    this.#state = state;
    for (const action of actions) {
      if (action.kind === 'ignored') this.#link.ignore(action.detail);
      else this.#act(action);
    }
  }

  #act(action: InitiatorAction): void {
    switch (action.kind) {
      case 'announce':
        this.#announce(action);
        return;
      case 'award':
        return void this.#award(action);
      case 'release':
        this.#release();
        return;
      case 'accept': {
        const fence = Math.max(...action.winners.flatMap((winner) => winner.fences));
        const headers = this.#headers({ status: 263, round: 1, fence });
        const body = { cfp: this.cfp, winners: action.winners };
        this.#link.tell(action.sender, 'accept-proposal', this.cfp, body, { headers });
        return;
      }
      case 'reject': {
        const { sender, losers, clearingPriceMicro } = action;
        const now = this.#link.clock.now();
        const detail = losers[0]!.detail;
        const { status } = meanings[detail];
        const headers = this.#headers({ status, detail, round: 1 });
        this.#link.tell(
          sender,
          'reject-proposal',
          this.cfp,
          { cfp: this.cfp, losers: losers.map((one) => toldLoser(one, now)), clearingPriceMicro },
          { headers },
        );
        return;
      }
      case 'cancel': {
        const { detail } = action;
        const headers = this.#headers({ status: 410, detail });
        const subject = subjects.cfp(this.#link.market, this.#options.pool, this.#link.sender);
        this.#link.send(subject, 'cancel', this.cfp, { cfp: this.cfp, detail }, { headers });
        return;
      }
      case 'distrust':
        this.#link.distrust.add(action.whom);
        return;
      case 'finish':
        this.#finished(action.outcome);
        return;
    }
  }

  #announce({ call }: Extract<InitiatorAction, { kind: 'announce' }>): void {
    const link = this.#link;
    const { closesAt, terms } = call;
    const { onOpen } = this.#options;
    if (onOpen !== undefined) link.guard('onOpen', () => onOpen(this.cfp));
    const headers = this.#headers({ status: 261, round: 1, expires: closesAt });
    const subject = subjects.cfp(link.market, terms.pool, link.sender);
    link.send(subject, 'cfp', this.cfp, call, { replyBy: closesAt, headers });
    this.#timer = setTimeout(() => this.#step({ kind: 'close' }), Math.max(0, link.clock.until(closesAt)));
  }

  async #award({ cfp, digest, cheques }: Extract<InitiatorAction, { kind: 'award' }>): Promise<void> {
    clearTimeout(this.#timer);
    const link = this.#link;
    if (link.clock.until(this.#awardBy) < AWARD_MARGIN_MS) {
      const extended = await link.extend(cfp, this.#ttlMs);
      if (extended.ok) this.#awardBy = extended.awardBy;
    }
    const headers = this.#headers({ status: 261, round: 1, expires: this.#awardBy });
    const asked = await link.bank.ask(
      'award',
      { key: newUlid(), cfp, digest, bids: [...cheques] },
      { conversation: cfp, withinMs: Math.max(link.clock.until(this.#awardBy), 0) + 2000, headers },
    );
    if (!asked.ok) return this.#step({ kind: 'not-awarded', refusal: asked });
    this.#step({ kind: 'awarded', result: asked.value });
  }

  #release(): void {
    const body = { key: newUlid(), cfp: this.cfp };
    this.#released = this.#link.bank.ask('release', body, { conversation: this.cfp, withinMs: this.#ttlMs });
  }

  #finished(outcome: CallOutcome): void {
    clearTimeout(this.#timer);
    this.#finish(outcome);
    // Late bids are answered for a moment more.
    this.#timer = setTimeout(this.#forget, 1000);
    this.#timer.unref();
  }
}
