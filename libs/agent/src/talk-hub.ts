// One ear for all that is said to a sender: each message goes to its conversation, and what has none is told so, rarely.
import { type Detail, meanings, refusal, subjects, type TaskMessage, type TaskMessageOf } from '@tender/market';
import { stepHeaders } from '@tender/market/nats';
import type { Subscription } from 'nats';
import type { Link, Received } from './link.js';
import { Rarely } from './rarely.js';
import type { Talk } from './talk.js';
import { TalkGroup } from './talk-group.js';
import { type AuctionTalk, isAboutTask, readTalk } from './wire-reader.js';

/** Takes what opens a conversation; false where it is not addressed to anybody here. */
export type Newcomer<P extends TaskMessage['performative']> = (got: Received<TaskMessageOf<P>>) => boolean;

interface Ended {
  readonly others: ReadonlySet<string>;
  readonly detail: Detail;
  readonly announced: boolean;
}

/** So many ended conversations are remembered, and twice so many messages at most. */
const REMEMBERED = 4096;
const REMEMBERED_MESSAGES = 8192;
/** Whatever becomes of these, they are not answered: two who misunderstand each other fall silent. */
const unanswered: ReadonlySet<string> = new Set(['failure', 'refuse', 'reject-proposal', 'not-understood']);

export class TalkHub {
  readonly #link: Link;
  readonly #subscription: Subscription;
  readonly #talks = new Map<string, TalkGroup>();
  readonly #ended = new Map<string, Ended>();
  readonly #rarely = new Rarely();
  readonly #openers = new Set<Newcomer<'propose'>>();
  readonly #starters = new Set<Newcomer<'task-start'>>();
  readonly #deciders = new Set<Newcomer<'escalate'>>();
  #seen = new Set<string>();
  #seenBefore = new Set<string>();

  /** Takes what is not about tasks. */
  onAuction: (got: Received<AuctionTalk>) => void = () => undefined;

  constructor(link: Link) {
    this.#link = link;
    this.#subscription = link.subscribe(subjects.talks(link.market, link.sender), readTalk, (got) => {
      if (isAboutTask(got.message)) this.#heard(got as Received<TaskMessage>);
      else this.onAuction(got as Received<AuctionTalk>);
    });
  }

  /** Conversations under way. */
  get size(): number {
    return this.#talks.size;
  }

  /** False where a conversation of this name is over, or is under way with this agent in it. */
  begin(conversation: string, talk: Talk): boolean {
    const known = this.#talks.get(conversation);
    if (known !== undefined) return known.add(talk);
    if (this.#ended.has(conversation)) return false;
    const group = new TalkGroup();
    this.#talks.set(conversation, group);
    return group.add(talk);
  }

  /** Nothing more is expected of this one; what comes when all have left is answered with this detail. */
  end(conversation: string, talk: Talk, detail: 'expired' | 'late' = 'expired'): void {
    const known = this.#talks.get(conversation);
    if (known?.leave(talk) !== true || known.size > 0) return;
    this.#talks.delete(conversation);
    if (this.#ended.size >= REMEMBERED) this.#ended.delete(this.#ended.keys().next().value!);
    this.#ended.set(conversation, { others: known.others, detail, announced: talk.announced === true });
  }

  /** Whoever takes up work that was begun before this process was. */
  onStart(take: Newcomer<'task-start'>): () => void {
    this.#starters.add(take);
    return () => this.#starters.delete(take);
  }

  /** Whoever wants to be asked for a negotiation; gives back how to stop. */
  onOpening(take: Newcomer<'propose'>): () => void {
    this.#openers.add(take);
    return () => this.#openers.delete(take);
  }

  /** Whoever decides for others that got stuck. */
  onEscalation(take: Newcomer<'escalate'>): () => void {
    this.#deciders.add(take);
    return () => this.#deciders.delete(take);
  }

  /** What came on the bid subject: the answers to an announced call. */
  heardBid(got: Received<TaskMessage>): void {
    const { conversation } = got.message;
    const talk = this.#talks.get(conversation);
    talk?.answeredBy(got.from);
    if (talk === undefined && this.#ended.get(conversation)?.announced === true) this.#afterTheEnd(got, 'late');
    else this.#heard(got);
  }

  close(): void {
    if (!this.#link.nc.isClosed()) this.#subscription.unsubscribe();
    this.#talks.clear();
  }

  #heard(got: Received<TaskMessage>): void {
    const { from, by, message } = got;
    const { conversation } = message;
    const talk = this.#talks.get(conversation);
    const ended = talk === undefined ? this.#ended.get(conversation) : undefined;
    const isOwn = from === this.#link.sender;
    // What comes under this sender's name, and nobody here said, is somebody else's.
    if (isOwn && by === undefined) {
      this.#link.ignore('not-permitted');
    } else if ((talk?.admits(from) ?? ended?.others.has(from)) === false) {
      this.#link.ignore('not-permitted');
    } else if (this.#isReplayed(`${from}|${message.id}`)) {
      this.#link.ignore('duplicate');
    } else if (talk !== undefined) {
      // A neighbour may be asked into a conversation that the asker is in already.
      if (!talk.hear(got) && !this.#isNew(got)) this.#link.ignore('unknown');
    } else if (ended !== undefined) {
      this.#afterTheEnd(got, ended.detail);
    } else if (!this.#isNew(got)) {
      this.#ofNothing(got);
    }
  }

  /** Whether somebody here begins a conversation with it. */
  #isNew(got: Received<TaskMessage>): boolean {
    const takers = this.#takersOf(got.message.performative);
    for (const take of takers as Iterable<(got: Received<TaskMessage>) => boolean>) if (take(got)) return true;
    return false;
  }

  #takersOf(word: TaskMessage['performative']): Iterable<unknown> {
    if (word === 'propose') return this.#openers;
    if (word === 'escalate') return this.#deciders;
    return word === 'task-start' ? this.#starters : [];
  }

  #afterTheEnd(got: Received<TaskMessage>, detail: Detail): void {
    this.#link.ignore(detail);
    if (!unanswered.has(got.message.performative)) this.fail(got, detail, 'the conversation is over');
  }

  #ofNothing(got: Received<TaskMessage>): void {
    this.#link.ignore('unknown');
    const now = performance.now();
    if (unanswered.has(got.message.performative) || !this.#rarely.due(got.from, now)) return;
    this.#rarely.told(got.from, now);
    this.fail(got, 'unknown', 'there is no such conversation here');
  }

  /** Says that something was understood but cannot be obeyed. */
  fail({ from, message }: Received<TaskMessage>, detail: Detail, why: string): void {
    // A neighbour would not know whose word it is.
    if (from === this.#link.sender) return;
    const { status } = meanings[detail];
    const { conversation } = message;
    const headers = stepHeaders({ status, detail, conversation });
    const body = { kind: 'task', status, detail, message: refusal(detail, why).message };
    this.#link.tell(from, 'failure', conversation, body, { inReplyTo: message.id, headers });
  }

  /** Of the last messages, at least so many as fit one generation, each counts once. */
  #isReplayed(id: string): boolean {
    if (this.#seen.has(id) || this.#seenBefore.has(id)) return true;
    if (this.#seen.size >= REMEMBERED_MESSAGES) {
      this.#seenBefore = this.#seen;
      this.#seen = new Set();
    }
    this.#seen.add(id);
    return false;
  }
}
