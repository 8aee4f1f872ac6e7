// One side of a negotiation between two agents: the machine keeps the rules, `decide` makes the moves, this carries them.
import {
  changeFor,
  type HaggleAction,
  type HaggleContext,
  type HaggleEvent,
  type HaggleState,
  type Haggling,
  haggleStep,
  haggleWakeAt,
  type Ignored,
  type Issues,
  type Offer,
  refusal,
  type Step,
  type TaskMessage,
} from '@tender/market';
import { atOnce } from './at-once.js';
import { ContractBank } from './contract-bank.js';
import type { Desk } from './desk.js';
import type { Received } from './link.js';
import { MachineRun } from './machine-run.js';
import type { Talk } from './talk.js';
import { Trail } from './trail.js';
import type { Voice, Word } from './voice.js';

export type MyTurn = Extract<HaggleState, { readonly name: 'mine' | 'stuck' }>;
export type MyMove = Extract<HaggleEvent, { readonly kind: 'propose' | 'accept' | 'reject' | 'escalate' | 'quit' }>;

/** What a negotiation needs of the side that it is for. */
export interface AroundHaggle {
  /** The other side, as subjects name it. */
  readonly other: string;
  /** The next move; undefined leaves it to the clock. */
  readonly decide: (state: MyTurn) => MyMove | undefined | Promise<MyMove | undefined>;
  readonly finished: (outcome: Haggling) => void;
  /** What goes on once there is a contract; what comes before it is known here, too. */
  readonly ofContract: (got: Received<TaskMessage>) => void;
  /** A provider's seal for exactly these issues; a buyer has none. */
  readonly seal?: ((issues: Issues) => Offer | undefined) | undefined;
  readonly hold?: {
    readonly extend: (hold: string, until: number) => void;
    readonly release: (hold: string) => void;
  };
  /** Where to escalate to. */
  readonly escalateTo?: string | undefined;
  readonly onPending?: ((proposal: string, expiresAt: number) => void) | undefined;
}

type Question = Extract<HaggleAction, { readonly kind: 'inquire' }>;

/** The bank is asked again by the machine, under the same key. */
const WITHIN_MS = 5000;

export class HaggleRun implements Talk {
  readonly others: Set<string>;
  readonly seat: string;
  readonly buyer: string;
  readonly trail = new Trail();
  readonly #desk: Desk;
  readonly #context: HaggleContext;
  readonly #voice: Voice;
  readonly #around: AroundHaggle;
  readonly #bank: ContractBank;
  readonly #run: MachineRun<HaggleState, HaggleEvent, HaggleAction>;
  /** The message that is answered just now. */
  #heard: Received<TaskMessage> | undefined;
  /** The state for which a move is being thought about: a slow thinker does not answer twice. */
  #thinkingOf: HaggleState | undefined;
  #question: Question | undefined;

  constructor(
    desk: Desk,
    context: HaggleContext,
    voice: Voice,
    around: AroundHaggle,
    start: Step<HaggleState, HaggleAction | Ignored>,
  ) {
    this.#desk = desk;
    this.#context = context;
    this.#voice = voice;
    this.#around = around;
    this.others = new Set([around.other]);
    this.seat = desk.id;
    this.buyer = context.frame.buyer;
    this.#bank = new ContractBank(desk.link, voice.conversation, desk.id);
    this.#run = new MachineRun<HaggleState, HaggleEvent, HaggleAction>(desk.link, {
      start,
      step: haggleStep,
      wakeAt: haggleWakeAt,
      act: (action) => this.#act(action),
      stepped: () => this.#think(),
    });
  }

  get state(): HaggleState {
    return this.#run.state;
  }

  begin(): void {
    this.#run.begin();
  }

  step(event: HaggleEvent): void {
    this.#run.step(event);
  }

  close(): void {
    this.#run.close();
  }

  hear(got: Received<TaskMessage>): void {
    const { from, by, message } = got;
    const { side, frame, provider } = this.#context;
    // A neighbour of the other side has no say in it.
    if (by !== undefined && by !== (side === 'buyer' ? provider : frame.buyer)) {
      this.#desk.link.ignore('not-permitted');
      return;
    }
    this.trail.note(this.#desk.link.clock.now(), by ?? from, message.performative, message.body);
    if (this.#run.state.name === 'agreed') return void this.#around.ofContract(got);
    this.#heard = got;
    const event = from === this.#around.other ? eventOf(message) : this.#rulingOf(message);
    if (event !== undefined) this.step(event);
    else this.#desk.link.ignore('not-your-turn');
    this.#heard = undefined;
    if (message.performative === 'task-start') this.#around.ofContract(got);
  }

  /** What an arbiter says: how far to go, or not. */
  #rulingOf(message: TaskMessage): HaggleEvent | undefined {
    const { state } = this.#run;
    if (state.name !== 'escalated') return undefined;
    if (message.performative === 'reject-proposal') {
      return { kind: 'quit', detail: 'denied', message: message.body.message.slice(0, 512) };
    }
    const theirs = state.theirs.at(-1)?.issues;
    if (message.performative !== 'accept-proposal' || theirs === undefined) return undefined;
    if (changeFor(this.#context.side, message.body.issues, theirs).worse) return { kind: 'quit', detail: 'denied' };
    return { kind: 'accept', offer: this.#around.seal?.(theirs) };
  }

  /** Moves where it is this side's turn; once for each state, however long it takes. */
  #think(): void {
    const { state } = this.#run;
    if ((state.name !== 'mine' && state.name !== 'stuck') || state === this.#thinkingOf) return;
    this.#thinkingOf = state;
    void atOnce(this.#decided(state), (move) => this.#move(state, move));
  }

  #decided(state: MyTurn): MyMove | undefined | Promise<MyMove | undefined> {
    const failed = (error: unknown): MyMove => {
      this.#desk.link.callbackFailed('decide', error);
      return { kind: 'quit', detail: 'unavailable' };
    };
    try {
      const decided = this.#around.decide(state);
      return decided instanceof Promise ? decided.catch(failed) : decided;
    } catch (error) {
      return failed(error);
    }
  }

  #move(state: MyTurn, move: MyMove | undefined): void {
    // The turn may be over by now.
    if (move === undefined || this.#run.state !== state) return;
    const ignored = this.#run.step(move).find(({ kind }) => kind === 'ignored') as Ignored | undefined;
    if (ignored === undefined) return;
    const message = `its own ${move.kind} is against the rules: ${ignored.detail}`;
    this.#desk.link.log.warn({ conversation: this.#voice.conversation }, message);
    this.step({ kind: 'quit', detail: ignored.detail, message });
  }

  #act(action: HaggleAction): void {
    switch (action.kind) {
      case 'send':
        return void this.#send(action);
      case 'answer':
        return void this.#answer(action);
      case 'engage':
        return void this.#engage(action.key, action.offer);
      case 'inquire':
        return void this.#inquire(action);
      case 'poll':
        return void this.#poll(action);
      case 'extend':
        return void this.#around.hold?.extend(action.hold, action.until);
      case 'release':
        return void this.#around.hold?.release(action.hold);
      case 'escalate':
        return void this.#escalate(action);
      case 'finish':
        return void this.#around.finished(action.outcome);
    }
  }

  #send(action: Extract<HaggleAction, { kind: 'send' }>): void {
    const { performative, body, replyBy } = action;
    // Whoever follows the contract tells its provider, and again where nobody answers.
    if (performative === 'inform' && body.kind === 'contract') return;
    this.trail.note(this.#desk.link.clock.now(), this.#desk.id, performative, body);
    const inReplyTo = this.#heard?.message.id;
    this.#voice.tell(this.#around.other, performative as Word, body as never, { replyBy, inReplyTo });
  }

  #answer({ status, detail, message }: Extract<HaggleAction, { kind: 'answer' }>): void {
    const { other } = this.#around;
    const inReplyTo = this.#heard?.message.id;
    this.#voice.tell(other, 'failure', { kind: 'task', status, detail, message }, { inReplyTo });
  }

  #asking() {
    return { conversation: this.#voice.conversation, withinMs: WITHIN_MS };
  }

  async #engage(key: string, offer: Offer): Promise<void> {
    const { frame } = this.#context;
    const body = {
      ...{ key, frame, ask: offer.issues, rule: 'lowest-price' as const, offers: [offer] },
      fill: { kind: 'one' as const, by: 'units' as const },
    };
    const headers = this.#voice.headers({ status: 261, budget: offer.issues.priceMicro });
    const asked = await this.#desk.link.bank.ask('engage', body, { ...this.#asking(), headers });
    if (!asked.ok) return this.step({ kind: 'refused', refusal: asked });
    if (asked.value.kind === 'contracts') return this.step({ kind: 'engaged', view: asked.value.contracts[0]! });
    const { proposal, expiresAt } = asked.value;
    this.#around.onPending?.(proposal, expiresAt);
    this.step({ kind: 'filed', proposal, expiresAt });
  }

  /** One question at a time: of several that come up meanwhile the last one is asked, where it is still open. */
  async #inquire(action: Question): Promise<void> {
    const isAsked = this.#question !== undefined;
    this.#question = action;
    if (isAsked) return;
    for (let asked: Question | undefined; this.#question !== asked; ) {
      asked = this.#question as Question;
      const word = await this.#bank.inquire({ intent: asked.intent });
      if (word.kind === 'seen') {
        this.#question = undefined;
        return this.step({ kind: 'held', view: word.view });
      }
      if (word.kind === 'refused') this.step({ kind: 'absent', askedAt: asked.askedAt });
    }
    this.#question = undefined;
  }

  async #poll({ proposal, askedAt }: Extract<HaggleAction, { kind: 'poll' }>): Promise<void> {
    const asked = await this.#desk.link.bank.ask('proposal', { proposal }, this.#asking());
    if (!asked.ok) return;
    const { state, contracts, message } = asked.value;
    const view = contracts?.[0];
    if (view !== undefined) return this.step({ kind: 'engaged', view });
    const no = { denied: 'denied', expired: 'expired', failed: 'stale' } as const;
    if (state in no) {
      const refused = refusal(no[state as keyof typeof no], message);
      return this.step({ kind: 'refused', refusal: refused });
    }
    // Approved is decided: what comes of it is still to come.
    if (state === 'pending') this.step({ kind: 'absent', askedAt });
  }

  async #escalate(action: Extract<HaggleAction, { kind: 'escalate' }>): Promise<void> {
    const { key, body, withinMs, offer } = action;
    const { escalateTo } = this.#around;
    if (escalateTo !== undefined && escalateTo !== 'operators') {
      this.others.add(escalateTo);
      this.trail.note(this.#desk.link.clock.now(), this.#desk.id, 'escalate', body);
      this.#voice.tell(escalateTo, 'escalate', body);
      return;
    }
    const { frame, message } = body;
    const rule = 'lowest-price' as const;
    const fill = { kind: 'one', by: 'units' } as const;
    const engage = offer && { key: `${key}.e`, frame, ask: offer.issues, rule, fill, offers: [offer] };
    const asked = await this.#desk.link.bank.ask(
      'escalate',
      { key, frame, message, withinMs, ...(engage === undefined ? {} : { engage }) },
      this.#asking(),
    );
    this.step(asked.ok ? { kind: 'filed', ...asked.value } : { kind: 'refused', refusal: asked });
  }
}

/** What the other side says, as the machine hears it; undefined for what has no place in a negotiation. */
function eventOf(message: TaskMessage): HaggleEvent | undefined {
  const { replyBy } = message;
  switch (message.performative) {
    case 'propose': {
      const { issues, offer, round, risk } = message.body;
      return { kind: 'opening', issues, offer, round, risk, replyBy };
    }
    case 'counter-propose': {
      const { issues, offer, round, risk } = message.body;
      return { kind: 'counter', issues, offer, round, risk, replyBy };
    }
    case 'accept-proposal': {
      const { issues, offer, round } = message.body;
      return { kind: 'accepted', issues, offer, round };
    }
    case 'reject-proposal':
    case 'refuse':
      return { kind: 'rejected', move: message.body, replyBy };
    case 'cancel':
    case 'withdraw':
      return { kind: 'cancelled', detail: message.body.detail };
    case 'inform': {
      const { body } = message;
      if (body.kind === 'contract') return { kind: 'contract', contract: body.view.contract };
      return { kind: 'waits', proposal: body.proposal, expiresAt: body.expiresAt };
    }
    case 'task-start':
      return { kind: 'contract', contract: message.body.contract };
    default:
      return undefined;
  }
}
