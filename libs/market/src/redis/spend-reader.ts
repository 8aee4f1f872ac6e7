// Who spent what, read from the journal while the market trades: one question at a time, and each reads only what is new.
import { metaKey } from '@tender/credits/redis';
import type { Redis } from 'ioredis';
import type { SpendAnswer, SpendQuery } from '../bank-views.js';
import { SpendReplay } from '../spend/spend-replay.js';
import { MAX_SPEND_LINES, type SpendGroups, SpendTally } from '../spend/spend-tally.js';
import { journalPages, type RawEntry, readEntry } from './journal-pages.js';

/** So many questions are kept up to date by what each next one reads; the one that was not asked for longest goes. */
const KEPT = 8;
/** So long it works before whoever else waits in this process has a turn, in ms. */
const SLICE_MS = 4;

/** The question has more lines than can be kept: it must be narrowed. */
export class TooManyLines extends Error {}

export interface Reading {
  readonly read: number;
  readonly of: number;
}

/**
 * A checkpoint in memory: the market as the model knows it at an entry, and the tallies of the last questions, all at
 * that entry. A question that was asked before costs what has happened since; a new one costs the whole journal.
 */
export class SpendReader {
  readonly #redis: Redis;
  readonly #market: string;
  readonly #misfit: (seq: number, why: string) => void;
  /** By the question, the last asked last. */
  #tallies = new Map<string, SpendTally>();
  #replay = new SpendReplay(this.#tallies);
  /** The last entry as it was read: if it is another one now, this is another journal. */
  #lastText: string | undefined;
  #last: Promise<unknown> = Promise.resolve();
  readonly #underWay = new Map<string, Promise<void>>();
  #progress: Reading = { read: 0, of: 0 };

  /** @param misfit told of each entry that cannot be read or does not fit the rules: the answers may then be wrong. */
  constructor(redis: Redis, market: string, misfit: (seq: number, why: string) => void) {
    this.#redis = redis;
    this.#market = market;
    this.#misfit = misfit;
  }

  /** How far the question under way has come, in entries. */
  get progress(): Reading {
    return this.#progress;
  }

  /**
   * Answers a question as of now. Questions wait for each other; the same one asked while it is worked on shares the
   * work. Rejects with TooManyLines, or where Redis is away: what was read by then is not read again.
   */
  async answer({ limit, skip, ...groups }: SpendQuery): Promise<SpendAnswer> {
    const name = JSON.stringify(groups, Object.keys(groups).sort());
    let work = this.#underWay.get(name);
    if (work === undefined) {
      work = this.#last.then(() => this.#follow(name, groups)).finally(() => this.#underWay.delete(name));
      this.#underWay.set(name, work);
      this.#last = work.catch(() => {});
    }
    await work;
    const tally = this.#tallies.get(name);
    if (tally === undefined || tally.overflown) {
      this.#tallies.delete(name);
      throw new TooManyLines();
    }
    return { ...tally.answer(limit, skip), seq: this.#replay.seq, at: this.#replay.at };
  }

  /** Brings the tally of a question, and with it all others, to the journal's end. */
  async #follow(name: string, groups: SpendGroups): Promise<void> {
    const end = Number((await this.#redis.hget(metaKey(this.#market), 'seq')) ?? 0);
    const known = this.#tallies.get(name);
    this.#tallies.delete(name);
    this.#tallies.set(name, known ?? new SpendTally(groups));
    if (known === undefined || !(await this.#sameJournal())) this.#restart();
    await this.#readTo(end);
    this.#dropOldest();
  }

  /** Keeps what memory there is to the last questions; the last one stays. */
  #dropOldest(): void {
    let lines = [...this.#tallies.values()].reduce((sum, tally) => sum + tally.lines, 0);
    for (const [name, tally] of this.#tallies) {
      if (this.#tallies.size === 1 || (this.#tallies.size <= KEPT && lines <= MAX_SPEND_LINES)) break;
      this.#tallies.delete(name);
      lines -= tally.lines;
    }
  }

  async #sameJournal(): Promise<boolean> {
    const { seq } = this.#replay;
    if (seq === 0) return true;
    for await (const [raw] of journalPages(this.#redis, this.#market, seq, seq)) return raw?.text === this.#lastText;
    return false;
  }

  #restart(): void {
    this.#tallies = new Map([...this.#tallies].map(([name, { groups }]) => [name, new SpendTally(groups)]));
    this.#replay = new SpendReplay(this.#tallies);
    this.#lastText = undefined;
  }

  async #readTo(end: number): Promise<void> {
    let pauseAt = performance.now() + SLICE_MS;
    for await (const page of journalPages(this.#redis, this.#market, this.#replay.seq + 1, end)) {
      for (const raw of page) {
        this.#add(raw);
        if (performance.now() < pauseAt) continue;
        this.#progress = { read: raw.seq, of: end };
        await new Promise((resume) => setImmediate(resume));
        pauseAt = performance.now() + SLICE_MS;
      }
    }
    this.#progress = { read: end, of: end };
  }

  #add(raw: RawEntry): void {
    const read = readEntry(raw);
    const why = read.ok ? this.#replay.add(raw.seq, read.entry) : read.why;
    if (why !== undefined) this.#misfit(raw.seq, why);
    this.#lastText = raw.text;
  }
}
