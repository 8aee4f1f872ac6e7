// The buyer of an announced call of a random world: it revises, settles, gives up, escalates, dies; and follows its contracts.
import {
  type BankResult,
  type HireAction,
  type HireEvent,
  type HireState,
  type Hiring,
  hireStep,
  hireWakeAt,
  hiring,
  MAX_SHOWN_OFFERS,
  outOfBounds,
  type ProposalView,
  type Refusal,
  refusal,
  revisedCall,
  type Seen,
  type TaskCall,
  type TaskView,
} from '../../src/index.js';
import type { Bank, EngageBody } from './bank.js';
import { Ordering } from './contract-sides.js';
import { buyersDeath, type Plan } from './draw.js';
import { Driver, type Letter, type World } from './world.js';

const LIMITS = { total: 64, perSender: 8, perParticipant: 2 };

export class Call {
  readonly plan: Plan;
  readonly driver: Driver<HireState, HireEvent, HireAction>;
  readonly orders = new Map<string, Ordering>();
  /** What the machine came to, and whether its process was there to see it. */
  outcome: Hiring | undefined;
  dead = false;
  readonly #world: World;
  readonly #bank: Bank;
  readonly #providers: readonly string[];
  #processes = 1;
  #lastCall: TaskCall;
  /** Offers that the buyer closed on by choice, beyond what it announced. */
  readonly #chosen = new Set<string>();

  constructor(world: World, bank: Bank, plan: Plan, providers: readonly string[]) {
    this.#world = world;
    this.#bank = bank;
    this.plan = plan;
    this.#lastCall = plan.call;
    this.#providers = providers;
    const { chance } = world;
    this.driver = new Driver<HireState, HireEvent, HireAction>(world, {
      name: `${plan.conversation} buyer`,
      start: hiring(plan.call, {
        ...{ closeAfterAnswers: chance.happens(0.3) ? 2 + chance.below(4) : Number.POSITIVE_INFINITY, limits: LIMITS },
        ...{ maxEngagements: 3, escalateTo: plan.escalates ? 'operators' : undefined, escalateWithinMs: 1000 },
        nonce: `nonce-${plan.conversation}`,
      }),
      ...{ step: hireStep, wakeAt: hireWakeAt, act: (action: HireAction) => this.#act(action) },
    });
    const death = buyersDeath(chance);
    if (death !== undefined) world.after(death.atMs, () => this.#die(death.backMs));
  }

  begin(): void {
    this.driver.begin();
    if (this.#world.chance.happens(0.03)) {
      this.#world.after(this.#world.chance.below(1500), () => void this.driver.step({ kind: 'abort' }));
    }
  }

  hear(letter: Letter): void {
    const { from } = letter;
    switch (letter.word) {
      case 'propose':
        if (letter.body.kind !== 'tender') throw new Error('an opening in an announced call');
        this.driver.step({ kind: 'tender', from, offer: letter.body.offer, round: letter.body.round });
        return;
      case 'refuse':
        this.driver.step({ kind: 'refused', from, move: letter.body });
        return;
      case 'withdraw':
        this.driver.step({ kind: 'withdrawn', from });
        return;
      default:
        this.#ofContract(letter);
    }
  }

  #ofContract(letter: Letter): void {
    const { body } = letter as { readonly body: { readonly contract?: string; readonly view?: TaskView } };
    this.orders.get(body.contract ?? body.view?.contract ?? '')?.hear(letter);
  }

  #act(action: HireAction): void {
    switch (action.kind) {
      case 'announce':
        for (const to of this.#providers) this.#tell(to, { word: 'cfp', body: action.call });
        return;
      case 'recall':
        this.#world.saw('recalled');
        for (const to of action.to) this.#tell(to, { word: 'cfp', body: action.call });
        return;
      case 'choose':
        return void this.#choose(action.seen);
      case 'engage':
        return void this.#engage(action);
      case 'inquire':
        return void this.#inquire(action.conversation);
      case 'poll':
        return void this.#poll(action.proposal);
      case 'escalate':
        return void this.#escalate(action);
      case 'inform':
        return void this.#tell(action.to, { word: 'inform', body: { kind: 'contract', view: action.view } });
      case 'inform-pending': {
        const { proposal, expiresAt } = action;
        for (const to of action.to) this.#tell(to, { word: 'inform', body: { kind: 'pending', proposal, expiresAt } });
        return;
      }
      case 'reject':
        return void this.#tell(action.to, { word: 'reject-proposal', body: action.move });
      case 'cancel':
        for (const to of action.to) this.#tell(to, { word: 'cancel', body: { kind: 'task', detail: action.detail } });
        return;
      case 'finish':
        return void this.#finished(action.outcome);
    }
  }

  #tell(to: string, letter: Pick<Letter, 'word' | 'body'>): void {
    const { conversation, buyer } = this.plan;
    this.#world.send(to, { ...letter, from: buyer, conversation } as Letter);
  }

  /** By iterated Contract Net, mostly. */
  #choose(seen: Seen): void {
    const { chance } = this.#world;
    const { call, counters, offers, refusals } = seen;
    const mood = chance.below(20);
    if (mood === 0) return;
    this.#world.after(chance.below(100), () => {
      if (mood === 1) return void this.driver.step({ kind: 'abort' });
      if (mood === 2) return void this.driver.step({ kind: 'revise', ask: call.ask, bounds: call.bounds });
      if (mood < 6 && counters.length > 0) {
        const intents = counters.map(({ intent }) => intent);
        for (const intent of intents) this.#chosen.add(intent);
        return void this.driver.step({ kind: 'settle', intents });
      }
      if (mood < 12 && offers.length > 0) return void this.driver.step({ kind: 'settle' });
      const round = {
        ...{ call, counters: counters.map(({ offer }) => offer.issues), limits: this.plan.limits },
        refusals: refusals.map(({ move }) => move.detail),
      };
      const next = revisedCall(round, this.#world.nowMs);
      if (next.kind === 'stop') this.driver.step({ kind: 'abort' });
      else this.driver.step({ kind: 'revise', ask: next.ask, bounds: next.bounds });
    });
  }

  #engage({ key, call, offers }: Extract<HireAction, { kind: 'engage' }>): void {
    this.#lastCall = call;
    const { frame, ask, rule, weights, fill, bounds } = call;
    if (offers.length === 0 || offers.length > MAX_SHOWN_OFFERS) throw new Error(`${offers.length} offers are shown`);
    for (const { issues, seal } of offers) {
      const outside = outOfBounds(issues, ask, bounds);
      if (outside.length > 0 && !this.#chosen.has(seal.intent))
        throw new Error(`${outside} of ${seal.intent}: outside`);
    }
    const body: EngageBody = {
      key,
      frame,
      ask,
      rule,
      fill,
      offers: [...offers],
      ...(weights === undefined ? {} : { weights }),
    };
    const { buyer } = this.plan;
    this.#bank.ask(
      () => this.driver.alive,
      () => this.#bank.engage(buyer, body),
      (answer) => this.#engaged(answer),
    );
  }

  #engaged(answer: BankResult<'engage'> | Refusal | undefined): void {
    if (answer === undefined) {
      this.driver.step({ kind: 'declined', refusal: refusal('unavailable', 'no answer') });
    } else if ('ok' in answer) {
      this.#world.saw(`engage refused: ${answer.detail}`);
      this.driver.step({ kind: 'declined', refusal: answer });
    } else if (answer.kind === 'pending') {
      this.driver.step({ kind: 'filed', proposal: answer.proposal, expiresAt: answer.expiresAt });
    } else {
      this.driver.step({ kind: 'engaged', contracts: answer.contracts, verdicts: answer.verdicts });
    }
  }

  #contractsOf(conversation: string): TaskView[] {
    const { buyer } = this.plan;
    const views: TaskView[] = [];
    for (let n = 1; ; n++) {
      const view = this.#bank.task(buyer, { contract: `${conversation}-t${n}` });
      if ('ok' in view) return views;
      views.push(view);
    }
  }

  #inquire(conversation: string): void {
    this.#bank.ask(
      () => this.driver.alive,
      () => this.#contractsOf(conversation),
      (contracts) => {
        if (contracts === undefined) this.#engaged(undefined);
        else if (contracts.length > 0) this.driver.step({ kind: 'engaged', contracts, verdicts: [] });
        else this.driver.step({ kind: 'declined', refusal: refusal('unknown', 'no contract') });
      },
    );
  }

  #poll(proposal: string): void {
    this.#bank.ask(
      () => this.driver.alive,
      () => this.#bank.proposal(proposal),
      (answer: ProposalView | Refusal | undefined) => {
        if (answer !== undefined && !('ok' in answer)) this.driver.step({ kind: 'decided', view: answer });
      },
    );
  }

  #escalate({ key, message, withinMs, call, offers }: Extract<HireAction, { kind: 'escalate' }>): void {
    this.#world.saw('escalated');
    const { frame, ask, rule, weights, fill } = call;
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
    this.#bank.ask(
      () => this.driver.alive,
      () => this.#bank.escalate(this.plan.buyer, body),
      (answer) => {
        if (answer === undefined) this.driver.step({ kind: 'declined', refusal: refusal('unavailable', 'no answer') });
        else if ('ok' in answer) this.driver.step({ kind: 'declined', refusal: answer });
        else this.driver.step({ kind: 'filed', ...answer });
      },
    );
  }

  #finished(outcome: Hiring): void {
    if (this.outcome !== undefined) throw new Error('a call finishes twice');
    this.outcome = outcome;
    if (!outcome.ok) return void this.#world.saw(`${this.plan.form}: ${outcome.detail}`);
    this.#world.saw(`${this.plan.form}: hired`);
    const { round } = this.#lastCall;
    this.#world.saw(round === 1 ? 'hired in round 1' : 'hired in a later round');
    const { ask, bounds } = this.plan.call;
    for (const view of outcome.contracts) {
      if (outOfBounds(view.issues, ask, bounds).length > 0) this.#world.saw('a counter-offer taken up');
      this.#order(view);
    }
  }

  #order(view: TaskView): void {
    const around = { world: this.#world, bank: this.#bank, process: this.#processes };
    this.orders.set(view.contract, new Ordering(around, this.plan.buyer, view));
  }

  #die(backMs: number | undefined): void {
    this.dead = true;
    this.#bank.sawDeath('buyer', this.plan.conversation);
    this.driver.kill();
    for (const order of this.orders.values()) order.driver.kill();
    if (backMs !== undefined) this.#world.after(backMs, () => this.#comeBack(0));
  }

  /** The process that takes over asks the bank what there is, for a while. */
  #comeBack(tries: number): void {
    if (tries === 0) this.#processes += 1;
    this.#bank.ask(
      () => true,
      () => this.#contractsOf(this.plan.conversation),
      (contracts) => {
        if (contracts !== undefined && contracts.length > 0) {
          this.#world.saw('buyer came back to contracts');
          for (const view of contracts) this.#order(view);
        } else if (tries < 5) this.#world.after(500, () => this.#comeBack(tries + 1));
      },
    );
  }
}
