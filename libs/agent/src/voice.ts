// One side of a conversation about a task, speaking: each step states itself in its headers, whoever it goes to.
import { type Performative, subjects, type TaskBody, type TaskMessage } from '@tender/market';
import { type StepFacts, stepHeaders } from '@tender/market/nats';
import type { MsgHdrs } from 'nats';
import type { Desk } from './desk.js';
import type { Link } from './link.js';

export type Word = TaskMessage['performative'];

/** What a step's headers say beyond what its body does. */
export interface Said {
  /** Until when an answer is awaited, by the broker's clock. */
  readonly replyBy?: number | undefined;
  readonly inReplyTo?: string | undefined;
  readonly expires?: number | undefined;
  readonly fence?: number | undefined;
}

/** AGTP's status of each step that does not carry one of its own. */
const statuses: Readonly<Record<Word, number>> = {
  cfp: 261,
  propose: 261,
  'counter-propose': 261,
  'accept-proposal': 263,
  'reject-proposal': 463,
  refuse: 463,
  withdraw: 410,
  cancel: 410,
  inform: 263,
  escalate: 261,
  'task-start': 202,
  'task-progress': 202,
  'task-done': 200,
  failure: 503,
};

type AnyBody = Partial<{
  kind: string;
  status: number;
  detail: StepFacts['detail'];
  round: number;
  issues: { priceMicro: string };
  counter: { priceMicro: string };
  ask: { priceMicro: string };
  offer: { seal: { until: number } };
  closesAt: number;
  expiresAt: number;
  view: { issues: { priceMicro: string }; dueAt: number; fences: readonly number[] };
}>;

function factsOf(word: Word, body: AnyBody, { replyBy, expires = replyBy, fence }: Said) {
  const pending = word === 'inform' && body.kind === 'pending';
  const { view } = body;
  return {
    status: body.status ?? (pending ? 261 : statuses[word]),
    detail: body.detail,
    round: body.round,
    budget: (body.issues ?? body.counter ?? body.ask ?? view?.issues)?.priceMicro,
    expires: expires ?? body.closesAt ?? body.expiresAt ?? view?.dueAt ?? body.offer?.seal.until,
    fence: fence ?? (view === undefined || view.fences.length === 0 ? undefined : Math.max(...view.fences)),
  };
}

/** Who speaks, and over which line. */
type Speaker = Pick<Desk, 'id' | 'link'>;

export class Voice {
  readonly conversation: string;
  readonly #link: Link;
  readonly #id: string;
  readonly #resource: string;
  readonly #traceparent: string | undefined;

  constructor({ id, link }: Speaker, conversation: string, resource: string, traceparent?: string) {
    this.conversation = conversation;
    this.#link = link;
    this.#id = id;
    this.#resource = resource;
    this.#traceparent = traceparent;
  }

  /** To another's talk subject. */
  tell<W extends Word>(to: string, word: W, body: TaskBody<W>, said: Said = {}): void {
    this.#send(subjects.talk(this.#link.market, to, this.#link.sender), word, body, said, this.#isHere(to));
  }

  /** An answer to an announced call, to whoever announced it. */
  bid<W extends Word>(to: string, word: W, body: TaskBody<W>, said: Said = {}): void {
    const subject = subjects.bid(this.#link.market, to, this.conversation, this.#link.sender);
    this.#send(subject, word, body, said, this.#isHere(to));
  }

  /** To all who provide the resource. */
  announce(body: TaskBody<'cfp'>): void {
    const subject = subjects.cfp(this.#link.market, this.#resource, this.#link.sender);
    // Others behind the same host hear it too; an agent on its own hears itself.
    this.#send(subject, 'cfp', body, { replyBy: body.closesAt }, this.#id !== this.#link.sender);
  }

  /** What a step of this conversation states about itself. */
  headers(facts: Omit<StepFacts, 'conversation' | 'scope' | 'traceparent'>): MsgHdrs {
    const { status, detail, round, budget, expires, fence } = facts;
    return stepHeaders({
      ...{ status, detail, round, budget, expires, fence, reason: facts.reason },
      ...{ conversation: this.conversation, scope: this.#resource, traceparent: this.#traceparent },
    });
  }

  #isHere(to: string): boolean {
    return to === this.#link.sender;
  }

  #send(subject: string, word: Word, body: object, said: Said, comesBack: boolean): void {
    const { replyBy, inReplyTo } = said;
    const headers = this.headers(factsOf(word, body as AnyBody, said));
    const by = comesBack ? this.#id : undefined;
    this.#link.send(subject, word satisfies Performative, this.conversation, body, { replyBy, inReplyTo, headers, by });
  }
}
