// An agent that does tasks for others: it hears calls and openings, takes a seat in each, and works on what it wins.
import {
  type JsonObject,
  outputsFault,
  type Refusal,
  refusal,
  rejection,
  startFault,
  type TaskCall,
  type TaskMessage,
  type TaskView,
} from '@tender/market';
import { traceparentOf } from '@tender/market/nats';
import { Appraiser } from './appraiser.js';
import { Capacity } from './capacity.js';
import { type Desk, namedFor } from './desk.js';
import { type AroundSeat, HaggleSeat, type Opening } from './haggle-seat.js';
import type { Received } from './link.js';
import type { ProvideOptions, Providing } from './provide-options.js';
import type { Talk } from './talk.js';
import { TenderSeat } from './tender-seat.js';
import { Voice } from './voice.js';
import { Work } from './work.js';

/** So many negotiations at once; more are not answered. */
const MAX_SEATS = 50_000;
/** Of one sender, a host of many perhaps: nobody opens so many that another's find no place. */
const MAX_SEATS_OF_ONE = 2000;
/** However far the clocks are apart: no negotiation is answered that would last for longer. */
const MAX_LIFE_MS = 24 * 3_600_000;
/** Where slots are locked behind each offer, nobody keeps them from others for longer by talking. */
const MAX_HELD_LIFE_MS = 3_600_000;

type Seat = Talk & { readonly withdraw: () => void; readonly close: () => void };

export class Provider implements Providing {
  readonly #desk: Desk;
  readonly resource: string;
  readonly #options: ProvideOptions;
  readonly #appraiser: Appraiser;
  readonly #capacity: Capacity | undefined;
  readonly #seats = new Map<string, Seat>();
  readonly #seatsOf = new Map<string, number>();
  readonly #working = new Set<string>();
  readonly #stops: (() => void)[];

  constructor(desk: Desk, resource: string, options: ProvideOptions) {
    const { board, talk } = desk.switchboard;
    this.#desk = desk;
    this.resource = resource;
    this.#options = options;
    const { capability, counters } = options;
    if (capability === undefined && options.appraise === undefined) {
      throw new TypeError('a provider has a capability, or appraises tasks by itself');
    }
    this.#capacity = capability && new Capacity(capability, counters, desk.link.clock.now());
    this.#appraiser = new Appraiser(desk, options, this.#capacity, () => ({
      running: this.#working.size,
      offered: this.#seats.size - this.#working.size,
    }));
    this.#stops = [
      board.hearTasks(resource, (got) => this.#called(got)),
      talk.onOpening((got) => this.#opened(got as Received<Opening>)),
    ];
    // A seal is needed as soon as the first call comes.
    if (!desk.sealer.isReadyUntil(0)) void desk.sealer.login();
  }

  get ready(): Promise<void> {
    return this.#desk.switchboard.board.ready();
  }

  get running(): number {
    return this.#working.size;
  }

  stop(options: { readonly withdraw?: boolean } = {}): void {
    for (const stop of this.#stops) stop();
    if (options.withdraw === true) for (const seat of [...this.#seats.values()]) seat.withdraw();
  }

  close(): void {
    this.stop();
    for (const seat of this.#seats.values()) seat.close();
    this.#seats.clear();
  }

  /** An announced call; a later round of one in which there is a seat goes there. */
  #called(got: Received<TaskMessage>): void {
    const { from, message, msg } = got;
    const { link } = this.#desk;
    if (message.performative !== 'cfp' || this.#isOwn(got)) return;
    const call = message.body;
    const seat = this.#seats.get(message.conversation);
    if (seat !== undefined) {
      if (seat.others.has(from)) seat.hear(got);
      else link.ignore('not-permitted');
      return;
    }
    if (!this.#fits(call, message.conversation, from)) return;
    const around = this.#around(message.conversation, from);
    const taken = new TenderSeat(this.#desk, from, call, around, traceparentOf(msg.headers));
    if (this.#take(message.conversation, from, taken)) taken.begin();
  }

  /** What this agent itself asks; and what a neighbour asks in another's name is nobody's. */
  #isOwn({ from, by, message }: Received<TaskMessage>): boolean {
    const { id, link } = this.#desk;
    if (from !== link.sender) return false;
    const { frame } = message.body as Partial<TaskCall>;
    if (by !== undefined && by !== frame?.buyer) link.ignore('not-permitted');
    return by === undefined || by === id || by !== frame?.buyer;
  }

  #fits({ frame, closesAt, protocol }: TaskCall, conversation: string, from: string): boolean {
    const { link } = this.#desk;
    const now = link.clock.now();
    const named =
      frame.market === link.market && frame.conversation === conversation && frame.task.resource === this.resource;
    if (!named) link.ignore('not-permitted');
    else if (now >= closesAt) link.ignore('late');
    else if (protocol.endsAt > now + this.#longestMs()) link.ignore('deadline-infeasible');
    else if (this.#isFull(from)) link.ignore('no-capacity');
    else return true;
    return false;
  }

  /** A buyer that asks this agent alone. False where it is somebody else's to answer. */
  #opened(got: Received<Opening>): boolean {
    const { from, message, msg } = got;
    const { body, conversation, id } = message;
    const { link } = this.#desk;
    if (body.kind !== 'opening' || body.provider !== this.#desk.id || this.#isOwn(got)) return false;
    const { frame, protocol } = body;
    if (frame.task.resource !== this.resource) return false;
    const now = link.clock.now();
    const named = frame.market === link.market && frame.conversation === conversation;
    const detail = !named
      ? 'malformed'
      : now >= protocol.endsAt
        ? 'late'
        : protocol.endsAt > now + this.#longestMs()
          ? 'deadline-infeasible'
          : this.#isFull(from)
            ? 'no-capacity'
            : undefined;
    if (detail !== undefined) {
      const voice = new Voice(this.#desk, conversation, this.resource);
      const { message: why } = refusal(detail, 'the negotiation cannot be opened so');
      voice.tell(from, 'refuse', rejection(body.round, detail, why, { final: true }), { inReplyTo: id });
      return true;
    }
    const seat = new HaggleSeat(this.#desk, from, body, this.#around(conversation, from), traceparentOf(msg.headers));
    if (this.#take(conversation, from, seat)) seat.begin(got);
    return true;
  }

  #longestMs(): number {
    return this.#options.hold === undefined ? MAX_LIFE_MS : MAX_HELD_LIFE_MS;
  }

  #isFull(from: string): boolean {
    return this.#seats.size >= MAX_SEATS || (this.#seatsOf.get(from) ?? 0) >= MAX_SEATS_OF_ONE;
  }

  async resume(contract: string): Promise<{ readonly ok: true } | Refusal> {
    const { link, id } = this.#desk;
    const asked = await link.bank.ask('task', { contract, ...namedFor(this.#desk.id, link) });
    if (!asked.ok) return asked;
    const { provider, frame, state, hosts } = asked.value;
    if (provider !== id) return refusal('not-permitted', `the contract is ${provider}'s`);
    if (state === 'settled') return refusal('expired', 'the contract is settled');
    const taken = this.takeUp(asked.value, hosts?.buyer ?? frame.buyer);
    return taken ? { ok: true } : refusal('duplicate', 'it is worked on here');
  }

  /** Work that is this agent's by the bank's word; `from` is its buyer. */
  takeUp(view: TaskView, from: string, message?: TaskMessage): boolean {
    const { conversation } = view.frame;
    const voice = new Voice(this.#desk, conversation, this.resource);
    let work: Work | undefined;
    const seat: Seat = {
      others: new Set([from]),
      seat: this.#desk.id,
      buyer: view.frame.buyer,
      hear: (later) => work?.hear(later.message),
      withdraw: () => undefined,
      close: () => work?.close(),
    };
    if (!this.#take(conversation, from, seat)) return false;
    work = this.#work(view, voice, from, () => this.#leave(conversation, from));
    if (message !== undefined) work.hear(message);
    return true;
  }

  /** False where the agent is in it already. */
  #take(conversation: string, from: string, seat: Seat): boolean {
    if (!this.#desk.switchboard.talk.begin(conversation, seat)) {
      this.#desk.link.ignore('duplicate');
      return false;
    }
    this.#seats.set(conversation, seat);
    this.#seatsOf.set(from, (this.#seatsOf.get(from) ?? 0) + 1);
    return true;
  }

  #leave(conversation: string, from: string): void {
    const seat = this.#seats.get(conversation);
    if (seat === undefined) return;
    this.#seats.delete(conversation);
    const left = (this.#seatsOf.get(from) ?? 1) - 1;
    if (left > 0) this.#seatsOf.set(from, left);
    else this.#seatsOf.delete(from);
    this.#desk.switchboard.talk.end(conversation, seat);
  }

  #around(conversation: string, from: string): AroundSeat {
    const { link } = this.#desk;
    const { onLost } = this.#options;
    return {
      appraiser: this.#appraiser,
      options: this.#options,
      work: (view, voice, buyer, onSettled) => this.#work(view, voice, buyer, onSettled),
      lost: (lost) => onLost && link.guard('onLost', () => onLost(lost)),
      over: () => this.#leave(conversation, from),
    };
  }

  #work(view: TaskView, voice: Voice, buyer: string, settled: () => void): Work {
    const { link } = this.#desk;
    const { run, onContract, onSettled } = this.#options;
    const { task } = view.frame;
    this.#working.add(view.contract);
    this.#capacity?.take(view, link.clock.now());
    if (onContract !== undefined) link.guard('onContract', () => onContract(view));
    return new Work(link, voice, view, {
      run,
      unfit: (seen, inputs) => this.#unfit(seen, inputs),
      misfit: (outputs) => outputsFault(task, outputs)?.message,
      costMicro: () => this.#capacity?.costMicro(task, view.issues),
      onDelivered: () => {
        this.#working.delete(view.contract);
        this.#capacity?.free(view.contract);
      },
      onSettled: (end) => {
        settled();
        if (onSettled !== undefined) link.guard('onSettled', () => onSettled(end));
      },
      buyer,
    });
  }

  /** Why the work must not begin: schema, rules, resources, inputs, and whatever the agent itself has to say. */
  #unfit(view: TaskView, inputs: JsonObject): string | undefined | Promise<string | undefined> {
    const now = this.#desk.link.clock.now();
    const { inputs: schema, refuseWork } = this.#options;
    const fault = startFault(
      view,
      inputs,
      {
        inputs: schema,
        means: this.#capacity?.meansFor(view, now),
        policy: ({ frame, issues }) => this.#appraiser.forbidden(frame, issues, 0),
      },
      now,
    );
    return fault === undefined ? refuseWork?.(view) : `${fault.detail}: ${fault.message}`;
  }
}
