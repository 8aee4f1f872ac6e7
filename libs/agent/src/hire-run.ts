// An announced call for a task as its buyer conducts it: the machine decides, this speaks, asks the bank and keeps the contracts.
import {
  type BankResult,
  boundsSpec,
  changeFor,
  contractStems,
  type Frame,
  type HireAction,
  type HireEvent,
  type HireState,
  type Hiring,
  hireStep,
  hireWakeAt,
  hiring,
  issuesSpec,
  type Offer,
  type Refusal,
  type RejectMove,
  refusal,
  rejectionOf,
  type Seen,
  type TaskCall,
  type TaskMessage,
  type TaskMessageOf,
  type TaskView,
} from '@tender/market';
import { newUlid } from '@tender/market/nats';
import { choiceOf, whyNot } from './choice.js';
import { type Desk, namedFor } from './desk.js';
import type { Choice, HireOptions, HireOutcome } from './hire-options.js';
import { Hired } from './hired.js';
import type { Received } from './link.js';
import { MachineRun } from './machine-run.js';
import { forbidden } from './own-rules.js';
import { sensible, wholeMs } from './sensible.js';
import type { Talk } from './talk.js';
import { changed } from './task-order.js';
import { Trail } from './trail.js';
import { Voice } from './voice.js';

/** Offers kept in one call: of a swarm enough, of nobody so many that another's find no place. */
const LIMITS = { total: 2048, perSender: 512, perParticipant: 4 };
const MAX_ENGAGEMENTS = 4;
const DEFAULT_ESCALATION_MS = 60_000;
/** The bank is asked again by the machine, under the same key. */
const ENGAGE_WITHIN_MS = 5000;

export class HireRun implements Talk {
  readonly others = new Set<string>();
  readonly announced = true;
  readonly seat: string;
  readonly buyer: string;
  readonly done: Promise<HireOutcome>;
  readonly conversation: string;
  readonly #desk: Desk;
  readonly #options: HireOptions;
  readonly #frame: Frame;
  readonly #voice: Voice;
  readonly #run: MachineRun<HireState, HireEvent, HireAction>;
  readonly #trail = new Trail();
  readonly #hired = new Map<string, Hired>();
  /** As subjects name each provider: itself, or the host that handed its offer in. */
  readonly #addresses = new Map<string, string>();
  #finish!: (outcome: HireOutcome) => void;
  #aborted = false;
  /** Why it was given up, where the machine alone would not know. */
  #why: Refusal | undefined;

  constructor(desk: Desk, call: TaskCall, options: HireOptions) {
    const { link } = desk;
    this.#desk = desk;
    this.seat = desk.id;
    this.buyer = desk.id;
    this.#options = options;
    this.#frame = call.frame;
    this.conversation = call.frame.conversation;
    this.#voice = new Voice(desk, this.conversation, call.frame.task.resource, options.traceparent);
    this.done = new Promise((resolve) => {
      this.#finish = resolve;
    });
    const { closeAfterAnswers = Number.POSITIVE_INFINITY, escalateTo } = options;
    const escalateWithinMs = wholeMs('escalateWithinMs', options.escalateWithinMs ?? DEFAULT_ESCALATION_MS);
    this.#run = new MachineRun<HireState, HireEvent, HireAction>(link, {
      start: hiring(call, {
        closeAfterAnswers,
        limits: LIMITS,
        maxEngagements: MAX_ENGAGEMENTS,
        nonce: newUlid(),
        escalateTo,
        escalateWithinMs,
      }),
      step: hireStep,
      wakeAt: hireWakeAt,
      act: (action) => this.#act(action),
    });
  }

  /** Announces; resolves when the call is over. Never rejects. */
  begin(): Promise<HireOutcome> {
    const { onOpen, signal } = this.#options;
    const { switchboard, link } = this.#desk;
    switchboard.takeBids();
    switchboard.talk.begin(this.conversation, this);
    if (onOpen !== undefined) link.guard('onOpen', () => onOpen(this.conversation));
    const abort = () => this.abort();
    signal?.addEventListener('abort', abort, { once: true });
    void this.done.then(() => signal?.removeEventListener('abort', abort));
    this.#run.begin();
    if (signal?.aborted) abort();
    return this.done;
  }

  /** Nobody wants it any more; a contract that comes about all the same is left at once. */
  abort(why: Refusal = refusal('expired', 'the call was aborted by its buyer')): void {
    this.#aborted = true;
    this.#why ??= why;
    this.#run.step({ kind: 'abort' });
    this.#resolve(this.#why);
  }

  /** As above, and the contracts are followed no more. */
  close(why: Refusal): void {
    this.abort(why);
    this.#run.close();
    for (const hired of this.#hired.values()) hired.close();
  }

  hear(got: Received<TaskMessage>): void {
    const { from, by, message } = got;
    const { link } = this.#desk;
    this.#trail.note(link.clock.now(), by ?? from, message.performative, message.body);
    switch (message.performative) {
      case 'propose':
        if (message.body.kind === 'tender') this.#tendered(got, message.body.offer, message.body.round);
        else link.ignore('not-your-turn');
        return;
      case 'refuse':
        this.#run.step({ kind: 'refused', from, move: message.body });
        return;
      case 'withdraw':
        this.#run.step({ kind: 'withdrawn', from });
        return;
      case 'accept-proposal':
      case 'reject-proposal':
        this.#ruled(from, message);
        return;
      default:
        this.#ofContract(got);
    }
  }

  #ofContract(got: Received<TaskMessage>): void {
    const { body } = got.message as { body: { contract?: string; view?: TaskView } };
    const contract = body.contract ?? body.view?.contract;
    const hired = contract === undefined ? undefined : this.#hired.get(contract);
    if (hired !== undefined) hired.hear(got);
    else if (contract !== undefined) this.#desk.link.ignore('unknown');
    else if (this.#hired.size === 0) this.#desk.link.ignore('not-your-turn');
    else for (const one of this.#hired.values()) one.hear(got);
  }

  /** An offer that the agent's own rules forbid is refused before anybody weighs it. */
  #tendered({ from, by }: Received<unknown>, offer: Offer, round: number): void {
    const { participant } = offer.seal;
    const { id, link } = this.#desk;
    if (by !== undefined && by !== participant) {
      link.ignore('not-permitted');
      return;
    }
    const deal = { frame: this.#frame, issues: offer.issues, payee: participant };
    const no = forbidden(this.#options.policy, id, deal);
    if (no === undefined) {
      this.#addresses.set(participant, from);
      this.#run.step({ kind: 'tender', from, offer, round });
      return;
    }
    const move = { ...rejectionOf(round, no), intent: offer.seal.intent };
    this.#tell(from, 'reject-proposal', move);
    this.#run.step({ kind: 'refused', from, move: { ...move, final: false } });
  }

  /** The agent that was asked to decide says how far to go, or no. */
  #ruled(from: string, message: TaskMessageOf<'accept-proposal' | 'reject-proposal'>): void {
    const { state } = this.#run;
    const { escalateTo } = this.#options;
    if (state.name !== 'escalated' || from !== escalateTo) {
      this.#desk.link.ignore(from === escalateTo ? 'late' : 'not-permitted');
      return;
    }
    if (message.performative === 'reject-proposal') {
      this.abort(refusal('denied', `${from} decided against it: ${message.body.message}`));
      return;
    }
    const { issues } = message.body;
    const good = state.shown.filter(({ offer }) => !changeFor('buyer', issues, offer.issues).worse);
    if (good.length === 0) this.abort(refusal('no-capacity', `${from} would take what nobody offers`));
    else this.#run.step({ kind: 'settle', intents: good.map(({ intent }) => intent) });
  }

  #tell: Voice['tell'] = (to, word, body, said) => {
    this.#trail.note(this.#desk.link.clock.now(), this.#desk.id, word, body);
    this.#voice.tell(to, word, body, said);
  };

  #act(action: HireAction): void {
    switch (action.kind) {
      case 'announce':
        this.#trail.note(this.#desk.link.clock.now(), this.#desk.id, 'cfp', action.call);
        return void this.#voice.announce(action.call);
      case 'recall':
        for (const to of action.to) this.#tell(to, 'cfp', action.call, { replyBy: action.call.closesAt });
        return;
      case 'choose':
        return void this.#choose(action.seen, action.until);
      case 'engage':
        return void this.#engage(action);
      case 'inquire':
        return void this.#inquire(action.conversation);
      case 'poll':
        return void this.#poll(action.proposal);
      case 'escalate':
        return void this.#escalate(action);
      case 'inform':
        // The contract's own machine tells its provider, and again where nobody answers.
        this.#addresses.set(action.view.provider, action.to);
        return;
      case 'inform-pending': {
        const { proposal, expiresAt } = action;
        const { onPending } = this.#options;
        for (const to of action.to) this.#tell(to, 'inform', { kind: 'pending', proposal, expiresAt });
        if (onPending !== undefined) this.#desk.link.guard('onPending', () => onPending(proposal, expiresAt));
        return;
      }
      case 'reject':
        return void this.#tell(action.to, 'reject-proposal', this.#dated(action));
      case 'cancel':
        for (const to of action.to) this.#tell(to, 'cancel', { kind: 'task', detail: action.detail });
        return;
      case 'finish':
        return void this.#finished(action.outcome);
    }
  }

  /** As it is sent: when it may pass is said in ms from now. */
  #dated({ move, retryAt }: Extract<HireAction, { kind: 'reject' }>): RejectMove {
    if (retryAt === undefined) return move;
    return { ...move, retryAfterMs: Math.max(0, Math.ceil(this.#desk.link.clock.until(retryAt))) };
  }

  async #choose(seen: Seen, until: number): Promise<void> {
    const byItself = () => choiceOf(seen, this.#options.limits, this.#desk.link.clock.now());
    const { choose = byItself } = this.#options;
    let choice: Choice;
    try {
      choice = await choose(seen, until);
      if (choice.kind === 'revise') {
        sensible('ask', issuesSpec, changed(seen.call.ask, choice.ask));
        sensible('bounds', boundsSpec, choice.bounds ?? seen.call.bounds);
      }
    } catch (error) {
      this.#desk.link.callbackFailed('choose', error);
      choice = byItself();
    }
    switch (choice.kind) {
      case 'revise': {
        const { bounds = seen.call.bounds } = choice;
        this.#run.step({ kind: 'revise', ask: changed(seen.call.ask, choice.ask), bounds });
        return;
      }
      case 'settle':
        this.#run.step({ kind: 'settle', intents: choice.intents });
        return;
      case 'give-up':
        this.#why ??= whyNot(seen);
        this.#run.step({ kind: 'abort' });
    }
  }

  async #engage({ key, call, offers }: Extract<HireAction, { kind: 'engage' }>): Promise<void> {
    const { frame, ask, rule, weights, fill } = call;
    const body = { key, frame, ask, rule, fill, offers: [...offers], ...(weights === undefined ? {} : { weights }) };
    const headers = this.#voice.headers({ status: 261, round: call.round, budget: ask.priceMicro });
    const asked = await this.#desk.link.bank.ask('engage', body, { ...this.#asking(), headers });
    this.#run.step(asked.ok ? engagedBy(asked.value) : { kind: 'declined', refusal: asked });
  }

  #asking() {
    return { conversation: this.conversation, withinMs: ENGAGE_WITHIN_MS };
  }

  /** The answer to an engagement was lost: what there is of this conversation at the bank. */
  async #inquire(conversation: string): Promise<void> {
    const contracts: TaskView[] = [];
    let [stem, other] = contractStems(conversation, this.#desk.id) as readonly [string, string | undefined];
    for (;;) {
      const about = { contract: `${stem}${contracts.length + 1}`, ...namedFor(this.#desk.id, this.#desk.link) };
      const asked = await this.#desk.link.bank.ask('task', about, this.#asking());
      if (asked.ok) contracts.push(asked.value);
      else if (contracts.length > 0 && asked.detail !== 'unavailable') break;
      else if (asked.detail === 'not-permitted' && other !== undefined) [stem, other] = [other, undefined];
      else return void this.#run.step({ kind: 'declined', refusal: asked });
    }
    this.#run.step({ kind: 'engaged', contracts, verdicts: [] });
  }

  async #poll(proposal: string): Promise<void> {
    const asked = await this.#desk.link.bank.ask('proposal', { proposal }, this.#asking());
    // No answer: the machine asks again.
    if (asked.ok) this.#run.step({ kind: 'decided', view: asked.value });
  }

  async #escalate(action: Extract<HireAction, { kind: 'escalate' }>): Promise<void> {
    const { to, key, rejections, message, withinMs, call, offers } = action;
    const { frame, ask, rule, weights, fill } = call;
    if (to !== 'operators') {
      this.others.add(to);
      const theirs = offers[0]?.issues;
      this.#tell(to, 'escalate', {
        frame,
        rejections,
        message,
        ours: ask,
        ...(theirs === undefined ? {} : { theirs }),
      });
      return;
    }
    const engage = {
      key: `${key}.e`,
      frame,
      ask,
      rule,
      fill,
      offers: [...offers],
      ...(weights === undefined ? {} : { weights }),
    };
    const body = { key, frame, message, withinMs, ...(offers.length === 0 ? {} : { engage }) };
    const asked = await this.#desk.link.bank.ask('escalate', body, this.#asking());
    this.#run.step(asked.ok ? { kind: 'filed', ...asked.value } : { kind: 'declined', refusal: asked });
  }

  #finished(outcome: Hiring): void {
    this.#run.close();
    if (!outcome.ok) {
      this.#desk.switchboard.talk.end(this.conversation, this);
      return void this.#resolve(this.#why ?? outcome);
    }
    let left = outcome.contracts.length;
    const around = {
      addressOf: (provider: string) => this.#addresses.get(provider) ?? provider,
      onSettled: () => {
        if (--left === 0) this.#desk.switchboard.talk.end(this.conversation, this);
      },
    };
    const { link } = this.#desk;
    const tasks = outcome.contracts.map((view) => {
      const hired = new Hired(link, this.#voice, view, around);
      this.#hired.set(view.contract, hired);
      return hired.begin();
    });
    if (this.#aborted) for (const hired of tasks) void hired.decommit();
    const { conversation } = this;
    this.#finish({ ok: true, conversation, tasks, verdicts: outcome.verdicts, trail: this.#trail.moves });
  }

  #resolve(why: Refusal): void {
    this.#finish({ ...why, conversation: this.conversation, trail: this.#trail.moves });
  }
}

/** The answer of the bank to an engagement, as the machine hears it. */
function engagedBy(result: BankResult<'engage'>): HireEvent {
  if (result.kind === 'pending') return { kind: 'filed', proposal: result.proposal, expiresAt: result.expiresAt };
  return { kind: 'engaged', contracts: result.contracts, verdicts: result.verdicts };
}
