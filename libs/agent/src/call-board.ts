// Where calls are announced: one subscription per resource and sender, for those who buy its slots and those who sell work.
import { subjects, type TaskMessage } from '@tender/market';
import type { Subscription } from 'nats';
import type { Link, Received } from './link.js';
import { type AuctionCall, callReader, isAboutTask } from './wire-reader.js';

export type HearsSlots = (got: Received<AuctionCall>) => void;
export type HearsTasks = (got: Received<TaskMessage>) => void;

interface Column {
  readonly subscription: Subscription;
  readonly slots: Set<HearsSlots>;
  readonly tasks: Set<HearsTasks>;
}

export class CallBoard {
  readonly #link: Link;
  readonly #columns = new Map<string, Column>();

  constructor(link: Link) {
    this.#link = link;
  }

  /** Calls that sell slots of a pool; gives back how to stop. */
  hearSlots(pool: string, hear: HearsSlots): () => void {
    return this.#add(pool, this.#column(pool).slots, hear);
  }

  /** Calls for work on a resource; gives back how to stop. */
  hearTasks(resource: string, hear: HearsTasks): () => void {
    return this.#add(resource, this.#column(resource).tasks, hear);
  }

  /** Resolves when the server knows what is listened to. */
  async ready(): Promise<void> {
    await this.#link.nc.flush().catch(() => undefined);
  }

  close(): void {
    for (const { subscription } of this.#columns.values()) if (!this.#link.nc.isClosed()) subscription.unsubscribe();
    this.#columns.clear();
  }

  #column(name: string): Column {
    const known = this.#columns.get(name);
    if (known !== undefined) return known;
    const slots = new Set<HearsSlots>();
    const tasks = new Set<HearsTasks>();
    const read = callReader((aboutTask) => (aboutTask ? tasks : slots).size > 0);
    const subject = subjects.cfps(this.#link.market, name);
    const subscription = this.#link.subscribe(subject, read, (got) => {
      if (isAboutTask(got.message)) for (const hear of tasks) hear(got as Received<TaskMessage>);
      else for (const hear of slots) hear(got as Received<AuctionCall>);
    });
    const column = { subscription, slots, tasks };
    this.#columns.set(name, column);
    return column;
  }

  #add<H>(name: string, hearers: Set<H>, hear: H): () => void {
    hearers.add(hear);
    return () => {
      const column = this.#columns.get(name);
      if (!hearers.delete(hear) || column === undefined || column.slots.size + column.tasks.size > 0) return;
      if ((hearers as Set<unknown>) !== column.slots && (hearers as Set<unknown>) !== column.tasks) return;
      this.#columns.delete(name);
      if (!this.#link.nc.isClosed()) column.subscription.unsubscribe();
    };
  }
}
