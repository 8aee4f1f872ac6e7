// What the bank reads without changing anything: contracts, calls, pools, rules, what waits, what is due; accounts are the ledger's.
import { marketKey, metaKey } from '@tender/credits/redis';
import type { Redis } from 'ioredis';
import type { StandbyOffer } from '../model/task-command.js';
import type { ContractView, LeaseOutcome, ProposalView } from '../operations.js';
import type { Frame } from '../task/deal.js';
import type { TaskView } from '../task/task-view.js';
import { proposalOf, type StoredProposal } from './proposal-record.js';
import { taskViewOf } from './task-record.js';

export interface PoolRecord {
  readonly account: string;
  readonly seller: string;
  readonly slots: number;
  readonly reserve: number;
  readonly reservePriceMicro: string;
  readonly seals: readonly string[];
  readonly maxTerms: number;
  readonly spotMicro?: string | undefined;
  readonly spotDurationMs?: number | undefined;
  readonly noiseMaxPermille: number;
  readonly noiseWindowMs: number;
}

export interface CallRecord {
  readonly state: string;
  readonly initiator: string;
  readonly pool: string;
  readonly slots: readonly number[];
  readonly lockValue: string;
  readonly awardBy: number;
  readonly durationMs: number;
}

/** The last one of a page. */
type Shown = Pick<ProposalView, 'expiresAt' | 'proposal'>;

export interface Standbys {
  readonly frame: Frame;
  readonly standbys: readonly StandbyOffer[];
  /** Whether an operator approved the engagement. */
  readonly approved: boolean;
}

export class MarketReader {
  readonly #redis: Redis;
  readonly #market: string;

  constructor(redis: Redis, market: string) {
    this.#redis = redis;
    this.#market = market;
  }

  #key(name: string, id?: string): string {
    return marketKey(this.#market, name, id);
  }

  async pool(id: string): Promise<PoolRecord | undefined> {
    const f = await this.#redis.hgetall(this.#key('pool', id));
    if (f.account === undefined) return undefined;
    return {
      account: f.account,
      seller: f.seller!,
      slots: Number(f.slots),
      reserve: Number(f.reserve),
      reservePriceMicro: f.reservePrice!,
      seals: f.seals!.split(','),
      maxTerms: Number(f.maxTerms),
      spotMicro: f.spot,
      spotDurationMs: f.spotDurationMs === undefined ? undefined : Number(f.spotDurationMs),
      noiseMaxPermille: Number(f.noiseMaxPermille ?? 1000),
      noiseWindowMs: Number(f.noiseWindowMs ?? 1000),
    };
  }

  /** What an owner bought of a pool of late, in slot-milliseconds, as `readUse` reads it; kept where noise has a price. */
  async bought(pool: string, owner: string): Promise<string | undefined> {
    return (await this.#redis.hget(this.#key('bought', pool), owner)) ?? undefined;
  }

  async freeCount(pool: string): Promise<number> {
    return this.#redis.scard(this.#key('free', pool));
  }

  async call(cfp: string): Promise<CallRecord | undefined> {
    const [state, initiator, pool, slots, lockValue, awardBy, durationMs] = await this.#redis.hmget(
      this.#key('cfp', cfp),
      'state',
      'initiator',
      'pool',
      'slots',
      'lockValue',
      'awardBy',
      'durationMs',
    );
    if (typeof state !== 'string') return undefined;
    return {
      state,
      initiator: initiator!,
      pool: pool!,
      slots: slots!.split(',').map(Number),
      lockValue: lockValue!,
      awardBy: Number(awardBy),
      durationMs: Number(durationMs),
    };
  }

  /** Who is paid for a bucket's tokens. */
  async bucketAccount(bucket: string): Promise<string | undefined> {
    const spec = await this.#redis.hget(this.#key('bucket', bucket), 'spec');
    return spec === null ? undefined : JSON.parse(spec).account;
  }

  /** Whose a hold of rate tokens is, and of which bucket; also for a while when it has ended. */
  async hold(id: string): Promise<{ readonly agent: string; readonly bucket: string } | undefined> {
    // Its journal entry, and in further lines what became of it since.
    const text = await this.#redis.get(this.#key('hold', id));
    return text === null ? undefined : JSON.parse(text.split('\n', 1)[0]!);
  }

  /** The contract that an intent won, if any. */
  async contractOfIntent(agent: string, intent: string): Promise<string | undefined> {
    // Behind a bar: until when its cheque holds, where that is for long.
    return (await this.#redis.get(this.#key('intent', `${agent}:${intent}`)))?.split('|')[0];
  }

  async contract(id: string): Promise<ContractView | undefined> {
    const f = await this.#redis.hgetall(this.#key('contract', id));
    // A task's contract has a kind, a lease has none.
    if (f.state === undefined || f.kind !== undefined) return undefined;
    return {
      contract: id,
      cfp: f.cfp!,
      pool: f.pool!,
      participant: f.participant!,
      units: Number(f.units),
      slots: f.slots!.split(',').map(Number),
      fences: f.fences!.split(',').map(Number),
      priceMicro: f.price!,
      startedAt: Number(f.startedAt),
      until: Number(f.until),
      terms: Number(f.terms),
      state: f.state as ContractView['state'],
      ...(f.outcome === undefined ? {} : { outcome: f.outcome as LeaseOutcome }),
      amountMicro: f.amount!,
      paidMicro: f.paid!,
    };
  }

  async task(id: string): Promise<TaskView | undefined> {
    const f = await this.#redis.hgetall(this.#key('contract', id));
    return f.kind === 'task' ? taskViewOf(id, f) : undefined;
  }

  /** Who stands by for a task's contract, and by what they are judged; undefined where nobody does. */
  async standbys(id: string): Promise<Standbys | undefined> {
    const f = await this.#redis.hmget(this.#key('contract', id), 'kind', 'frame', 'standbys', 'approved');
    const [kind, frame, standbys, approved] = f;
    if (kind !== 'task' || standbys === '[]') return undefined;
    return { frame: JSON.parse(frame!), standbys: JSON.parse(standbys!), approved: typeof approved === 'string' };
  }

  /** The ids of tasks' contracts under way that are an account's, the lowest first, those beyond `after`. */
  async underWay(account: string, after: string | undefined, limit: number): Promise<string[]> {
    const from = after === undefined ? '-' : `(${after}`;
    return this.#redis.zrangebylex(this.#key('contracts', account), from, '+', 'LIMIT', 0, limit);
  }

  async proposal(id: string): Promise<StoredProposal | undefined> {
    const f = await this.#redis.hgetall(this.#key('proposal', id));
    return f.state === undefined ? undefined : proposalOf(id, f);
  }

  /** What waits for an operator, the most urgent first, at most `limit`; `after` the last one that was shown. */
  async waiting(limit: number, after?: Shown): Promise<StoredProposal[]> {
    const ids: string[] = [];
    for (let skip = 0; ids.length < limit; skip += limit) {
      const from = after?.expiresAt ?? '-inf';
      const name = this.#key('proposals');
      const flat = await this.#redis.zrangebyscore(name, from, '+inf', 'WITHSCORES', 'LIMIT', skip, limit);
      for (let n = 0; n < flat.length; n += 2) {
        // Those of one instant come in the order of their ids.
        const shown = after !== undefined && Number(flat[n + 1]) === after.expiresAt && flat[n]! <= after.proposal;
        if (!shown) ids.push(flat[n]!);
      }
      if (flat.length < 2 * limit) break;
    }
    ids.length = Math.min(ids.length, limit);
    const found = await Promise.all(ids.map((id) => this.proposal(id)));
    return found.filter((proposal) => proposal?.view.state === 'pending') as StoredProposal[];
  }

  /** How many wait in all, and of whom, who has most there first. */
  async asking(): Promise<{ readonly by: string; readonly waiting: number }[]> {
    const counts = Object.entries(await this.#redis.hgetall(this.#key('asking')));
    return counts.map(([by, count]) => ({ by, waiting: Number(count) })).sort((a, b) => b.waiting - a.waiting);
  }

  /** The market's rules as JSON, undefined before the first; and their version, both of one instant. */
  async policy(): Promise<{ readonly version: number; readonly text: string | undefined }> {
    const read = this.#redis.multi().hget(metaKey(this.#market), 'policyVersion').get(this.#key('policy'));
    const [version, text] = (await read.exec()) as [[null, string | null], [null, string | null]];
    return { version: Number(version[1] ?? 0), text: text[1] ?? undefined };
  }

  /** What is due by Redis' own clock: `lease:…`, `task:…`, `cfp:…`, `proposal:…`, `xfer:…`, at most `limit`. */
  async due(limit: number): Promise<string[]> {
    const now = await this.clock();
    return this.#redis.zrangebyscore(this.#key('deadlines'), '-inf', now, 'LIMIT', 0, limit);
  }

  /** The market's clock, in ms: Redis' time. */
  async clock(): Promise<number> {
    const [seconds, micros] = (await this.#redis.time()) as unknown as [string, string];
    return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  }
}
