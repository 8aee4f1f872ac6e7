// A provider's side of a negotiation that a buyer opened: its moves sealed, its slots kept, its contract worked on.
import { MAX_MICRO } from '@tender/credits';
import {
  type HaggleContext,
  type Haggling,
  haggling,
  type Issues,
  issueValue,
  type Offer,
  outOfBounds,
  type Preferences,
  type Refusal,
  type TaskMessage,
  type TaskMessageOf,
  type TaskView,
} from '@tender/market';
import { newId, newUlid } from '@tender/market/nats';
import { type Appraiser, atPrice, type No, noFor, type Priced } from './appraiser.js';
import { atOnce } from './at-once.js';
import { decideBy, type HaggleChoice, pricePreferences } from './decide.js';
import type { Desk } from './desk.js';
import { HaggleRun, type MyMove, type MyTurn } from './haggle-run.js';
import type { Received } from './link.js';
import { OfferMaker } from './offer-maker.js';
import type { LostOffer, ProvideOptions } from './provide-options.js';
import type { Talk } from './talk.js';
import { priceText } from './task-order.js';
import { after } from './timer.js';
import { Voice } from './voice.js';
import type { Work } from './work.js';

export type Opening = TaskMessageOf<'propose'> & { readonly body: { readonly kind: 'opening' } };

/** What a provider's seat needs of its provider, in whatever kind of negotiation. */
export interface AroundSeat {
  readonly appraiser: Appraiser;
  readonly options: ProvideOptions;
  /** The contract is the provider's; `onSettled` when all is paid. */
  readonly work: (view: TaskView, voice: Voice, buyer: string, onSettled: () => void) => Work;
  readonly lost: (lost: LostOffer) => void;
  /** Nothing more is expected in this conversation. */
  readonly over: () => void;
}

export const VALID_FOR_MS = 60_000;
const ESCALATE_WITHIN_MS = 60_000;
/** How often to see whether the bank is still being asked what became of an offer. */
const ASKS_MS = 1000;

export class HaggleSeat implements Talk {
  readonly others: Set<string>;
  readonly seat: string;
  readonly buyer: string;
  readonly #desk: Desk;
  readonly #around: AroundSeat;
  readonly #opening: Opening['body'];
  readonly #buyer: string;
  readonly #voice: Voice;
  readonly #maker: OfferMaker;
  readonly #run: HaggleRun;
  #work: Work | undefined;
  #early: TaskMessage | undefined;
  #priced: Priced | undefined;
  #stopTimer = () => {};

  constructor(desk: Desk, from: string, opening: Opening['body'], around: AroundSeat, traceparent?: string) {
    const { link, id } = desk;
    const { frame, issues, bounds, protocol } = opening;
    this.#desk = desk;
    this.seat = id;
    this.buyer = frame.buyer;
    this.#around = around;
    this.#opening = opening;
    this.#buyer = from;
    this.#voice = new Voice(desk, frame.conversation, frame.task.resource, traceparent);
    this.#maker = new OfferMaker(desk, frame, newId(), around.options.hold);
    const context: HaggleContext = {
      ...{ side: 'provider', opener: 'buyer', frame, provider: id, ask: issues, bounds, protocol },
      nonce: newUlid(),
    };
    const seat = {
      other: from,
      decide: (turn: MyTurn) => this.#decide(turn),
      finished: (outcome: Haggling) => this.#finished(outcome),
      ofContract: (got: Received<TaskMessage>) => this.#ofContract(got.message),
      // A hold is kept as long as it is not given back.
      hold: { extend: () => undefined, release: (hold: string) => this.#maker.release(hold) },
      seal: (issues: Issues) => this.#sealNow(issues),
      escalateTo: around.options.escalateTo,
    };
    const start = { state: haggling(context, link.clock.now()), actions: [] };
    this.#run = new HaggleRun(desk, context, this.#voice, seat, start);
    this.others = this.#run.others;
  }

  begin(got: Received<TaskMessage>): void {
    this.#run.begin();
    this.#run.hear(got);
  }

  hear(got: Received<TaskMessage>): void {
    this.#run.hear(got);
  }

  /** No more moves; what is sealed may be closed on all the same. */
  withdraw(): void {
    this.#run.step({ kind: 'quit', detail: 'unavailable', message: 'the provider stops' });
  }

  close(): void {
    this.#stopTimer();
    this.#run.close();
    this.#work?.close();
    this.#maker.close();
  }

  #decide(turn: MyTurn): MyMove | undefined | Promise<MyMove> {
    if (turn.name === 'stuck') return this.#stuck();
    const theirs = turn.theirs.at(-1)!.issues;
    return atOnce(this.#judge(theirs), (judged) => {
      if (!judged.ok) return this.#refusing(turn, judged.no);
      return atOnce(this.#choose(turn, judged.priced), (choice) => this.#sealed(choice, judged.priced, theirs));
    });
  }

  async #refusing(turn: MyTurn, { counter, ...no }: No): Promise<MyMove> {
    // Beyond the bounds nobody may propose anything: the message says what would pass.
    const { issues: ask, bounds } = this.#opening;
    if (counter === undefined || outOfBounds(atPrice(counter, Number(ask.priceMicro)), ask, bounds).length > 0) {
      return { kind: 'reject', move: no };
    }
    // What would pass is offered with the refusal, so that the buyer can close on it at once.
    const countered = await this.#judge(counter);
    if (!countered.ok) return { kind: 'reject', move: no };
    const priced = atPrice(counter, this.#counterPrice(turn, countered.priced, counter));
    return this.#sealed({ kind: 'reject', move: { ...no, counter: priced } }, countered.priced, priced);
  }

  #judge(issues: Issues) {
    const { frame, protocol, issues: ask, bounds } = this.#opening;
    return this.#around.appraiser.judge({ frame, protocol, ask, bounds }, issues);
  }

  /** What it asked before; at first what it wishes, or what the buyer offers. Never less than the least. */
  #counterPrice(turn: MyTurn, { leastMicro, wishMicro }: Priced, counter: Issues): number {
    const before = turn.ours.at(-1)?.issues;
    const wish = wishMicro ?? issueValue(counter, 'priceMicro');
    return Math.max(leastMicro, before === undefined ? wish : issueValue(before, 'priceMicro'));
  }

  #choose(turn: MyTurn, priced: Priced): HaggleChoice | Promise<HaggleChoice> {
    const { decide, preferences, theirLimitMicro } = this.#around.options;
    const { nowMs } = priced.request;
    if (decide !== undefined) return decide(turn, nowMs);
    const known = theirLimitMicro?.(priced.request);
    return decideBy(
      {
        preferences: preferences?.(priced.request) ?? this.#preferences(priced),
        limitMicro: priceText(priced.leastMicro),
        theirLimitMicro: known === undefined ? undefined : priceText(known),
      },
      turn,
      nowMs,
    );
  }

  /** The price alone, from the least to what it wishes, which is the most that the buyer talks about. */
  #preferences({ leastMicro, wishMicro }: Priced): Preferences {
    const { bounds, issues } = this.#opening;
    const most = Number(bounds.priceMicro?.max ?? MAX_MICRO);
    const wish = wishMicro ?? (most < MAX_MICRO ? most : issueValue(issues, 'priceMicro'));
    return pricePreferences('provider', leastMicro, Math.max(leastMicro, wish));
  }

  #stuck(): MyMove | undefined {
    // The buyer may have somebody to ask; else the clock ends it.
    if (this.#around.options.escalateTo === undefined) return undefined;
    const message = 'three rejections, and no agreement';
    return { kind: 'escalate', message, withinMs: ESCALATE_WITHIN_MS };
  }

  /** What is said with its seal; a deal that the agent's own rules forbid is refused with the rule. */
  #sealed(choice: HaggleChoice, priced: Priced, theirs: Issues): MyMove | Promise<MyMove> {
    if (choice.kind === 'quit') return choice;
    const issues = choice.kind === 'reject' ? choice.move.counter : choice.kind === 'propose' ? choice.issues : theirs;
    if (issues === undefined) return choice;
    this.#priced = priced;
    return atOnce(this.#offer(issues, priced), (offer): MyMove => {
      if ('ok' in offer) {
        if (choice.kind === 'reject') return choice;
        return { kind: 'reject', move: { ...noFor(offer), final: true } };
      }
      return choice.kind === 'reject' ? { ...choice, move: { ...choice.move, offer } } : { ...choice, offer };
    });
  }

  #offer(issues: Issues, priced: Priced): Offer | Refusal | Promise<Offer | Refusal> {
    const { appraiser, options } = this.#around;
    const { frame, protocol } = this.#opening;
    const no = appraiser.forbidden(frame, issues, priced.costMicro);
    if (no !== undefined) return no;
    const until = Math.max(protocol.endsAt, priced.request.nowMs + (options.validForMs ?? VALID_FOR_MS));
    return this.#maker.make(issues, priced.draft, until);
  }

  /** As an arbiter advised; undefined where it cannot be sealed on the spot. */
  #sealNow(issues: Issues): Offer | undefined {
    const made = this.#priced && this.#offer(issues, this.#priced);
    return made === undefined || made instanceof Promise || 'ok' in made ? undefined : made;
  }

  /** Perhaps twice: the bank may bear out a contract after the end. */
  #finished(outcome: Haggling): void {
    if (outcome.ok) return void this.#begin(outcome.view);
    const { state } = this.#run;
    const { frame } = this.#opening;
    const offer = state.ours.at(-1)?.offer;
    this.#maker.close();
    this.#around.lost({ conversation: frame.conversation, buyer: frame.buyer, offer, detail: outcome.detail });
    this.#leaveLater();
  }

  /** Whoever closes on an offer although it is over finds its provider as long as the seal lives. */
  #leaveLater(): void {
    const { state } = this.#run;
    const left = this.#desk.link.clock.until(state.offersUntil);
    const asks = state.name === 'ended' && state.askAt !== undefined;
    if (left <= 0 && !asks) {
      this.#run.close();
      this.#around.over();
    } else {
      this.#stopTimer = after(Math.max(left, ASKS_MS), () => this.#leaveLater());
    }
  }

  #begin(view: TaskView): void {
    this.#stopTimer();
    this.#maker.used();
    this.#work = this.#around.work(view, this.#voice, this.#buyer, () => {
      this.#run.close();
      this.#around.over();
    });
    if (this.#early !== undefined) this.#work.hear(this.#early);
    this.#early = undefined;
  }

  #ofContract(message: TaskMessage): void {
    if (this.#work !== undefined) this.#work.hear(message);
    else this.#early = message;
  }
}
