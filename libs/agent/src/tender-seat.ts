// A provider's seat in one announced call: the machine decides, this speaks, seals, asks the bank and begins the work.
import {
  considering,
  type Issues,
  issueValue,
  type Offer,
  outOfBounds,
  type Refusal,
  rejection,
  type TaskBody,
  type TaskCall,
  type TaskMessage,
  type TaskView,
  type TenderAction,
  type TenderEvent,
  type TenderState,
  tenderStep,
  tenderWakeAt,
} from '@tender/market';
import { newId } from '@tender/market/nats';
import { atPrice, type No, noFor, type Priced } from './appraiser.js';
import { ContractBank } from './contract-bank.js';
import type { Desk } from './desk.js';
import { type AroundSeat, VALID_FOR_MS } from './haggle-seat.js';
import type { Received } from './link.js';
import { MachineRun } from './machine-run.js';
import { OfferMaker } from './offer-maker.js';
import type { Talk } from './talk.js';
import { Voice } from './voice.js';
import type { Work } from './work.js';

export class TenderSeat implements Talk {
  readonly others: Set<string>;
  readonly seat: string;
  readonly buyer: string;
  readonly conversation: string;
  readonly #desk: Desk;
  readonly #around: AroundSeat;
  readonly #maker: OfferMaker;
  readonly #voice: Voice;
  readonly #buyer: string;
  readonly #bank: ContractBank;
  readonly #run: MachineRun<TenderState, TenderEvent, TenderAction>;
  #work: Work | undefined;
  /** Came before the bank had borne the contract out. */
  #early: TaskMessage | undefined;
  readonly #call: TaskCall;
  #answered = false;

  constructor(desk: Desk, buyer: string, call: TaskCall, around: AroundSeat, traceparent?: string) {
    const { link, id } = desk;
    this.#desk = desk;
    this.seat = id;
    this.buyer = call.frame.buyer;
    this.#around = around;
    this.#buyer = buyer;
    this.#call = call;
    this.others = new Set([buyer]);
    this.conversation = call.frame.conversation;
    this.#voice = new Voice(desk, this.conversation, call.frame.task.resource, traceparent);
    this.#bank = new ContractBank(link, this.conversation, id);
    this.#maker = new OfferMaker(desk, call.frame, newId(), around.options.hold);
    this.#run = new MachineRun<TenderState, TenderEvent, TenderAction>(link, {
      start: considering(call, buyer),
      step: tenderStep,
      wakeAt: tenderWakeAt,
      act: (action) => this.#act(action),
      stepped: ({ name }) => name === 'over' && this.#over(),
    });
  }

  begin(): void {
    this.#run.begin();
  }

  hear({ message }: Received<TaskMessage>): void {
    if (this.#work !== undefined) {
      this.#work.hear(message);
      return;
    }
    switch (message.performative) {
      case 'cfp':
        this.#run.step({ kind: 'cfp', call: message.body });
        break;
      case 'inform':
        if (message.body.kind === 'pending') this.#run.step({ kind: 'pending', expiresAt: message.body.expiresAt });
        else this.#run.step({ kind: 'contract', contract: message.body.view.contract });
        break;
      case 'task-start':
        this.#early = message;
        this.#run.step({ kind: 'contract', contract: message.body.contract });
        break;
      case 'reject-proposal':
        this.#run.step({ kind: 'reject', move: message.body });
        break;
      case 'cancel':
        this.#run.step({ kind: 'cancel', detail: message.body.detail });
        break;
      default:
        this.#desk.link.ignore('not-your-turn');
    }
  }

  /** The provider stops: what is sealed may be engaged all the same, and is then worked on. */
  withdraw(): void {
    this.#run.step({ kind: 'withdraw' });
  }

  close(): void {
    this.#run.close();
    this.#work?.close();
    this.#maker.close();
  }

  #over(): void {
    this.#maker.close();
    this.#around.over();
  }

  #act(action: TenderAction): void {
    switch (action.kind) {
      case 'consider':
        return void this.#consider(action.call, action.standing);
      case 'tender': {
        const { offer, round } = action;
        return void this.#answer('propose', { kind: 'tender', round, issues: offer.issues, offer });
      }
      case 'refuse':
        return void this.#answer('refuse', action.move);
      case 'withdraw':
        return void this.#voice.tell(action.to, 'withdraw', { kind: 'task', detail: action.detail });
      case 'inquire':
        return void this.#inquire(action.intent);
      case 'release':
        return void this.#maker.release(action.hold);
      case 'work':
        return void this.#begin(action.view);
      case 'lost':
        return void this.#lost(action);
    }
  }

  /** The first answer goes to where the call is answered, later ones to whoever revised it. */
  #answer<W extends 'propose' | 'refuse'>(word: W, body: TaskBody<W>): void {
    if (this.#answered) this.#voice.tell(this.#buyer, word, body);
    else this.#voice.bid(this.#buyer, word, body);
    this.#answered = true;
  }

  async #consider(call: TaskCall, standing: Offer | undefined): Promise<void> {
    const answer = await this.#answerTo(call, standing);
    // A later round may have begun meanwhile.
    if (this.#run.state.name === 'considering' && this.#run.state.call === call) this.#run.step(answer);
  }

  async #answerTo(call: TaskCall, standing: Offer | undefined): Promise<TenderEvent> {
    const { round } = call;
    const judge = (issues: Issues) => this.#around.appraiser.judge(call, issues);
    const refuse = (no: No): TenderEvent => ({ kind: 'refuse', move: { ...no, round } });
    const judged = await judge(call.ask);
    if (judged.ok) {
      const issues = atPrice(call.ask, priceFor(call, judged.priced, standing));
      const { round: _, ...no } = rejection(round, 'below-reserve-price', `priceMicro: ${issues.priceMicro} at least`);
      return this.#offering(call, issues, judged.priced, { ...no, status: 463, final: false });
    }
    const { counter, ...no } = judged.no;
    const countered = counter && (await judge(counter));
    if (counter === undefined || !countered?.ok) return refuse(no);
    const issues = atPrice(counter, Math.max(countered.priced.leastMicro, issueValue(counter, 'priceMicro')));
    return this.#offering(call, issues, countered.priced, no);
  }

  /** An offer where the buyer talks about it, else a refusal that carries it: a revised call may take it in. */
  async #offering(call: TaskCall, issues: Issues, priced: Priced, no: No): Promise<TenderEvent> {
    const offer = await this.#offer(issues, priced);
    const { round } = call;
    if ('ok' in offer) return { kind: 'refuse', move: { ...noFor(offer), round } };
    if (outOfBounds(issues, call.ask, call.bounds).length === 0) return { kind: 'offer', offer };
    return { kind: 'refuse', move: { ...no, round, counter: issues, offer } };
  }

  #offer(issues: Issues, priced: Priced): Offer | Refusal | Promise<Offer | Refusal> {
    const { appraiser, options } = this.#around;
    const { frame, protocol } = this.#call;
    const no = appraiser.forbidden(frame, issues, priced.costMicro);
    if (no !== undefined) return no;
    const until = Math.max(protocol.endsAt, priced.request.nowMs + (options.validForMs ?? VALID_FOR_MS));
    return this.#maker.make(issues, priced.draft, until);
  }

  #lost({ detail, message, retryAfterMs }: Extract<TenderAction, { kind: 'lost' }>): void {
    const { conversation, buyer } = this.#call.frame;
    const { link } = this.#desk;
    const when = retryAfterMs === undefined ? {} : { retryAfterMs, retryAt: link.clock.now() + retryAfterMs };
    this.#around.lost({ conversation, buyer, offer: offerOf(this.#run.state), detail, message, ...when });
  }

  async #inquire(intent: string): Promise<void> {
    const word = await this.#bank.inquire({ intent });
    if (word.kind === 'seen') this.#run.step({ kind: 'held', view: word.view });
    else this.#run.step({ kind: word.kind === 'unanswered' ? 'unanswered' : 'absent' });
  }

  #begin(view: TaskView): void {
    this.#run.close();
    this.#maker.used();
    this.#work = this.#around.work(view, this.#voice, this.#buyer, () => this.#around.over());
    if (this.#early !== undefined) this.#work.hear(this.#early);
    this.#early = undefined;
  }
}

function offerOf(state: TenderState): Offer | undefined {
  return 'offer' in state ? state.offer : undefined;
}

/**
 * What the provider wishes, as long as the buyer would talk about it; in a further round what the buyer asks. Never less
 * than it takes at least, nor more than it offered before.
 */
function priceFor({ ask, bounds, round }: TaskCall, { leastMicro, wishMicro }: Priced, standing?: Offer): number {
  const asked = issueValue(ask, 'priceMicro');
  const wish = round === 1 ? (wishMicro ?? asked) : asked;
  const most = Number(bounds.priceMicro?.max ?? asked);
  const before = standing === undefined ? Number.POSITIVE_INFINITY : issueValue(standing.issues, 'priceMicro');
  return Math.max(leastMicro, Math.min(wish, most, before));
}
