// The wiretap: the run's log of moves is what went over NATS, so that no agent can tell it otherwise.
import { decodeJson, type Envelope, senderOf } from '@tender/market';
import { connectNats } from '@tender/market/nats';
import { type Move, moveOf } from './move.js';

export interface TapOptions {
  readonly natsUrl: string;
  readonly market: string;
  /** Begins the names of all who belong to the run: nobody else is listened to. */
  readonly run: string;
  /** By the broker's clock. */
  readonly now: () => number;
}

export interface Wiretap {
  readonly moves: readonly Move[];
  /** Hears what the bank answers to this agent too. */
  hear(id: string): void;
  /** What was sent before has been heard. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Logins, balances and questions are no moves. */
const silent: ReadonlySet<string> = new Set([
  ...['session', 'account', 'quote', 'contract', 'task', 'proposal', 'policy', 'extend', 'approvals', 'grant', 'pool'],
  ...['retire'],
]);

type NatsConnection = Awaited<ReturnType<typeof connectNats>>;
type Msg = Parameters<NonNullable<NonNullable<Parameters<NatsConnection['subscribe']>[1]>['callback']>>[1];

export async function tapWire(options: TapOptions): Promise<Wiretap> {
  const nc = await connectNats({ servers: options.natsUrl, sender: `${options.run}-tap` });
  const log = new TapLog(options);
  const on = (subject: string) =>
    nc.subscribe(subject, { callback: (error, msg) => void (error === null && log.take(msg)) });
  for (const kind of ['cfp', 'bid', 'talk', 'bank', 'admin']) on(`tender.${options.market}.${kind}.>`);
  await nc.flush();
  return {
    moves: log.moves,
    hear: (id) => void on(`_INBOX_${id}.>`),
    flush: () => nc.flush(),
    close: () => nc.close(),
  };
}

class TapLog {
  readonly #options: TapOptions;
  /** What was asked of the bank, by where it answers. */
  readonly #asked = new Map<string, string>();
  readonly moves: Move[] = [];
  readonly #startedMs = performance.now();
  readonly #zeroMs: number;

  constructor(options: TapOptions) {
    this.#options = options;
    this.#zeroMs = options.now();
  }

  take(msg: Msg): void {
    const { subject } = msg;
    if (subject.startsWith('_INBOX_')) this.#answered(msg);
    else this.#said(msg, subject);
  }

  #said(msg: Msg, subject: string): void {
    const tokens = subject.split('.');
    const kind = tokens[2];
    const from = senderOf(subject);
    const to = kind === 'talk' || kind === 'bid' ? tokens[3]! : kind === 'cfp' ? 'all' : 'bank';
    if (from === undefined || !(this.#isOurs(from) || this.#isOurs(to) || kind === 'admin')) return;
    const operation = to === 'bank' ? tokens[4]! : undefined;
    if (operation !== undefined && silent.has(operation)) return;
    if (operation !== undefined && msg.reply !== undefined) {
      this.#asked.set(msg.reply, kind === 'admin' ? `admin ${operation}` : operation);
    }
    const told = kind === 'admin' ? `admin ${operation}` : operation;
    this.#log(msg, from, to, told);
  }

  #answered(msg: Msg): void {
    const operation = this.#asked.get(msg.subject);
    if (operation === undefined) return;
    this.#asked.delete(msg.subject);
    this.#log(msg, 'bank', msg.subject.slice('_INBOX_'.length).split('.')[0]!, operation);
  }

  #log(msg: Msg, from: string, to: string, operation: string | undefined): void {
    const parsed = decodeJson(msg.data);
    if (!parsed.ok || typeof parsed.value !== 'object' || parsed.value === null) return;
    const { performative, conversation, body } = parsed.value as Envelope;
    const header = (name: string) => msg.headers?.get(name) || undefined;
    const heard = { performative, conversation: String(conversation), body, header };
    const atMs = performance.now() - this.#startedMs;
    const names = { from: this.#nameOf(from), to: this.#nameOf(to) };
    // Whoever wants to break the rules may send what is no message: the log must live with it.
    try {
      this.moves.push(moveOf(heard, { ...names, atMs, zeroMs: this.#zeroMs, operation }));
    } catch {
      this.moves.push({ ...names, atMs, what: 'unreadable', conversation: heard.conversation, about: '' });
    }
  }

  #isOurs(id: string): boolean {
    return id.startsWith(`${this.#options.run}-`);
  }

  #nameOf(id: string): string {
    return this.#isOurs(id) ? id.slice(this.#options.run.length + 1) : id;
  }
}
