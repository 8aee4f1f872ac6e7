// A buyer's negotiation with one provider: opening, concessions by the protocol, the contract, and why there is none.
import { formatMicro, MAX_MICRO } from '@tender/credits';
import {
  boundsSpec,
  type Detail,
  type Frame,
  frameSpec,
  type HaggleContext,
  type Haggling,
  haggling,
  type Issues,
  issuesSpec,
  type Policy,
  type Preferences,
  type Protocol,
  protocolSpec,
  type Refusal,
  refusal,
  type TaskMessage,
} from '@tender/market';
import { newUlid } from '@tender/market/nats';
import { atOnce } from './at-once.js';
import { type Decide, decideBy, type HaggleChoice, pricePreferences } from './decide.js';
import type { Desk } from './desk.js';
import { HaggleRun, type MyMove, type MyTurn } from './haggle-run.js';
import type { HireOutcome } from './hire-options.js';
import { Hired } from './hired.js';
import type { Received } from './link.js';
import { forbidden } from './own-rules.js';
import { sensible, wholeMs } from './sensible.js';
import { frameOf, issuesOf, type OrderOptions, priceText } from './task-order.js';
import { Voice } from './voice.js';

export interface NegotiateOptions extends OrderOptions {
  /** Default `monotonic-concession`: both only ever concede, by Zeuthen's rule. */
  readonly protocol?: Exclude<Protocol['kind'], 'contract-net'>;
  /** `fast` (default): few rounds, large steps. `optimal`: the smallest sufficient concession. */
  readonly mode?: Protocol['mode'];
  /** The most that the buyer pays; no move goes beyond it. Default: the most that `bounds` has, else what it asks. */
  readonly limitMicro?: number | string;
  /** Default 12. */
  readonly maxRounds?: number;
  /** Each answer is due so long after what it answers; default 2000 ms. */
  readonly roundMs?: number;
  /** All of it; default 30,000 ms. */
  readonly withinMs?: number;
  readonly minImprovementPermille?: number;
  readonly discountPermille?: Protocol['discountPermille'];
  /** What a deal is worth to the buyer; default: the price alone, from what it asks to its limit. */
  readonly preferences?: Preferences;
  /** For `alternating-offers`: the least that the provider takes, which both know. */
  readonly theirLimitMicro?: number | string;
  /** Makes each move after the opening, in place of the protocol's strategy. */
  readonly decide?: Decide;
  /** The host that speaks for the provider, where it has one. */
  readonly host?: string;
  readonly policy?: Policy;
  readonly escalateTo?: 'operators' | (string & {});
  /** Default 60,000. */
  readonly escalateWithinMs?: number;
  readonly signal?: AbortSignal;
  readonly traceparent?: string;
  readonly onPending?: (proposal: string, expiresAt: number) => void;
}

const DEFAULT_ESCALATION_MS = 60_000;

function protocolOf(options: NegotiateOptions, nowMs: number): Protocol {
  const { protocol = 'monotonic-concession', mode = 'fast', maxRounds = 12, minImprovementPermille = 0 } = options;
  const roundMs = wholeMs('roundMs', options.roundMs ?? 2000);
  const endsAt = nowMs + wholeMs('withinMs', options.withinMs ?? 30_000);
  const { discountPermille } = options;
  return sensible('', protocolSpec, {
    ...{ kind: protocol, mode, maxRounds, roundMs, endsAt, minImprovementPermille },
    ...(discountPermille === undefined ? {} : { discountPermille }),
  });
}

/** One negotiation. */
export class NegotiateRun {
  readonly done: Promise<HireOutcome>;
  readonly conversation: string;
  readonly #desk: Desk;
  readonly #options: NegotiateOptions;
  readonly #address: string;
  readonly #frame: Frame;
  readonly #ask: Issues;
  readonly #limitMicro: string;
  readonly #escalateWithinMs: number;
  readonly #provider: string;
  readonly #voice: Voice;
  readonly #run: HaggleRun;
  #hired: Hired | undefined;
  #finish!: (outcome: HireOutcome) => void;
  #why: Refusal | undefined;
  #aborted = false;

  /** Throws RangeError where the options make no sense. */
  constructor(desk: Desk, provider: string, options: NegotiateOptions) {
    const { link, id } = desk;
    const now = link.clock.now();
    // The price is open: what it may come to, the buyer keeps to itself.
    const open = { priceMicro: { min: '1', max: formatMicro(MAX_MICRO) }, ...options.bounds };
    const bounds = sensible('bounds', boundsSpec, open);
    this.#desk = desk;
    this.#options = options;
    this.#provider = provider;
    this.#address = options.host ?? (desk.switchboard.agents.has(provider) ? link.sender : provider);
    this.#frame = sensible('', frameSpec, frameOf(options, { market: link.market, buyer: id }));
    this.#ask = sensible('ask', issuesSpec, issuesOf(options.ask, now));
    this.#escalateWithinMs = wholeMs('escalateWithinMs', options.escalateWithinMs ?? DEFAULT_ESCALATION_MS);
    this.#limitMicro = priceText(options.limitMicro ?? options.bounds?.priceMicro?.max ?? this.#ask.priceMicro);
    this.conversation = this.#frame.conversation;
    this.#voice = new Voice(desk, this.conversation, this.#frame.task.resource, options.traceparent);
    this.done = new Promise((resolve) => {
      this.#finish = resolve;
    });
    const context: HaggleContext = {
      ...{ side: 'buyer', opener: 'buyer', frame: this.#frame, provider, ask: this.#ask, bounds },
      ...{ protocol: protocolOf(options, now), limitMicro: this.#limitMicro, nonce: newUlid() },
    };
    const around = {
      other: this.#address,
      decide: (turn: MyTurn) => this.#decide(turn),
      finished: (outcome: Haggling) => this.#finished(outcome),
      ofContract: (got: Received<TaskMessage>) => this.#hired?.hear(got),
      escalateTo: options.escalateTo,
      onPending: (proposal: string, expiresAt: number) => this.#pending(proposal, expiresAt),
    };
    this.#run = new HaggleRun(desk, context, this.#voice, around, { state: haggling(context, now), actions: [] });
  }

  /** Opens; resolves when it is over. Never rejects. */
  begin(): Promise<HireOutcome> {
    const { signal } = this.#options;
    this.#desk.switchboard.talk.begin(this.conversation, this.#run);
    const abort = () => this.abort();
    signal?.addEventListener('abort', abort, { once: true });
    void this.done.then(() => signal?.removeEventListener('abort', abort));
    if (signal?.aborted) abort();
    else this.#run.begin();
    return this.done;
  }

  /** Nobody wants it any more; a contract that comes about all the same is left at once. */
  abort(why: Refusal = refusal('expired', 'the negotiation was aborted by its buyer')): void {
    this.#aborted = true;
    this.#why ??= why;
    this.#run.step({ kind: 'quit', detail: 'expired' });
    this.#resolve(this.#why);
  }

  /** As above, and the contract is followed no more. */
  close(why: Refusal): void {
    this.abort(why);
    this.#run.close();
    this.#hired?.close();
  }

  #decide(turn: MyTurn): MyMove | Promise<MyMove> {
    if (turn.name === 'stuck') return this.#stuck();
    return atOnce(this.#move(turn), (move) => this.#allowed(turn, move));
  }

  #move(turn: MyTurn): HaggleChoice | Promise<HaggleChoice> {
    if (turn.ours.length === 0) return { kind: 'propose', issues: this.#ask };
    const { decide, preferences, theirLimitMicro } = this.#options;
    if (decide !== undefined) return decide(turn, this.#desk.link.clock.now());
    return decideBy(
      {
        preferences: preferences ?? pricePreferences('buyer', this.#limitMicro, this.#ask.priceMicro),
        limitMicro: this.#limitMicro,
        theirLimitMicro: theirLimitMicro === undefined ? undefined : priceText(theirLimitMicro),
      },
      turn,
      this.#desk.link.clock.now(),
    );
  }

  /** A move that the agent's own rules forbid ends it, before the other side hears of it. */
  #allowed(turn: MyTurn, move: MyMove): MyMove {
    const issues = move.kind === 'propose' ? move.issues : move.kind === 'accept' && turn.theirs.at(-1)?.issues;
    if (!issues) return move;
    const deal = { frame: this.#frame, issues, payee: this.#provider };
    const no = forbidden(this.#options.policy, this.#desk.id, deal);
    if (no === undefined) return move;
    this.#why ??= no;
    return { kind: 'quit', detail: no.detail, message: no.message };
  }

  #stuck(): MyMove {
    if (this.#options.escalateTo === undefined) return { kind: 'quit', detail: 'round-limit' };
    return { kind: 'escalate', message: 'three rejections, and no agreement', withinMs: this.#escalateWithinMs };
  }

  #pending(proposal: string, expiresAt: number): void {
    const { onPending } = this.#options;
    if (onPending !== undefined) this.#desk.link.guard('onPending', () => onPending(proposal, expiresAt));
  }

  /** Perhaps twice: the bank may bear out a contract after the end. */
  #finished(outcome: Haggling): void {
    const { talk } = this.#desk.switchboard;
    if (!outcome.ok) {
      talk.end(this.conversation, this.#run, outcome.detail === 'late' ? 'late' : 'expired');
      return void this.#resolve(this.#why ?? refusal(outcome.detail, this.#reason(outcome.detail)));
    }
    const around = {
      addressOf: () => this.#address,
      onSettled: () => talk.end(this.conversation, this.#run),
    };
    this.#hired = new Hired(this.#desk.link, this.#voice, outcome.view, around).begin();
    if (this.#aborted && this.#hired.view.state !== 'settled') void this.#hired.decommit();
    const { conversation } = this;
    this.#finish({ ok: true, conversation, tasks: [this.#hired], verdicts: [], trail: this.#run.trail.moves });
  }

  /** The last word of either side that says why, where there was one. */
  #reason(detail: Detail): string {
    const last = this.#run.trail.moves.findLast(({ message }) => message !== undefined && message !== '');
    const said = last === undefined ? '' : `; the last word, ${last.by}'s: ${last.message}`;
    return `no agreement with ${this.#provider} (${detail})${said}`;
  }

  #resolve(why: Refusal): void {
    this.#finish({ ...why, conversation: this.conversation, trail: this.#run.trail.moves });
  }
}
