// A market of rate tokens twice, in the model and in Redis, asked the same: whoever differs fails the test.
import { applyToBook, bodyDigest, budgetSpec, type LedgerCommand } from '@tender/credits';
import { marketKey, metaKey, runScript, type Script } from '@tender/credits/redis';
import { expect } from 'vitest';
import {
  compareSnapshots,
  type HoldState,
  inHand,
  MarketBook,
  type NotTaken,
  snapshotOf,
  type TakeAsked,
  type TokenAmounts,
  type TokenCommand,
} from '../src/index.js';
import { marketScripts } from '../src/redis/scripts.js';
import { TaskHand } from '../src/testing/index.js';
import { SYSTEM_AGENT } from './drawn.js';
import { START_MS, type TestMarket, type TestRedis } from './market-under-test.js';
import { runInRedis } from './run-in-redis.js';
import { expectSpendAgrees } from './spend-agrees.js';
import { TokenPromises } from './token-promises.js';
import type { ReturnDraw, TakeDraw, TokenStep } from './token-steps.js';
import { hireOf, type WorkCommand, workOf } from './token-work.js';

/** Ann and Ben have one owner, Cid spends from a budget under another; Ben is Ann's host. */
const ACCOUNTS = [
  { id: 'ann', host: 'ben', owner: 'acme' },
  { id: 'ben', owner: 'acme' },
  { id: 'cid', budget: 'cids' },
  { id: SYSTEM_AGENT, class: 'system' as const },
] as const;
const BUDGETS = [
  budgetSpec.parse({ id: 'all', window: 'minute', amountMicro: '900' }),
  budgetSpec.parse({ id: 'cids', parent: 'all', window: 'minute', amountMicro: '700', borrowMicro: '300' }),
  budgetSpec.parse({ id: 'idle', parent: 'all', window: 'minute', amountMicro: '200', lendPermille: 500 }),
];
const GRANT = 2_000;

type Asked = TokenCommand | WorkCommand;
type ReturnCommand = Extract<TokenCommand, { kind: 'return-tokens' }>;

/** What each kind of command came to. */
export type Seen = Map<string, number>;

export class TokenMarket {
  readonly book = new MarketBook();
  readonly #real: TestMarket | undefined;
  readonly #seen: Seen;
  readonly #asked: Asked[] = [];
  readonly #tasks: TaskHand | undefined;
  #orders = 0;
  readonly promises = new TokenPromises(this.book);
  nowMs = START_MS;

  constructor(real: TestMarket | undefined, seen: Seen) {
    this.#real = real;
    this.#seen = seen;
    this.#tasks = real && new TaskHand(real.redis, real.market, () => this.nowMs);
  }

  static async open(server: TestRedis, seen: Seen): Promise<TokenMarket> {
    const real = await server.market({ agents: [], pools: [] });
    await real.setClock(START_MS);
    const market = new TokenMarket(real, seen);
    for (const command of market.opening()) {
      const result = await real.ledger.apply(command);
      expect(result).toEqual(applyToBook(market.book.ledger, command, START_MS));
      expect(result.status).toBe('done');
    }
    // The seed of the real one opened these before.
    const given = { class: 'standard', by: 'operator' } as const;
    market.#known({ id: 'seller', kind: 'agent', ...given });
    market.#known({ id: 'pool-account', kind: 'pool', ...given });
    return market;
  }

  /** The model alone. */
  static alone(seen: Seen): TokenMarket {
    const market = new TokenMarket(undefined, seen);
    for (const command of market.opening()) applyToBook(market.book.ledger, command, START_MS);
    market.#known({ id: 'pool-account', kind: 'pool', class: 'standard' });
    return market;
  }

  #known({ id, kind }: { id: string; kind: 'agent' | 'pool'; class: 'standard' }): void {
    const account = { id, kind, class: 'standard' as const };
    applyToBook(this.book.ledger, { kind: 'open-account', by: 'operator', key: `known-${id}`, account }, START_MS);
  }

  opening(): LedgerCommand[] {
    const asked = (key: string) => ({ by: 'operator', key });
    return [
      ...BUDGETS.map((budget) => ({ kind: 'open-budget' as const, ...asked(`budget-${budget.id}`), budget })),
      ...ACCOUNTS.map((account) => ({
        ...{ kind: 'open-account' as const, ...asked(`open-${account.id}`) },
        account: { class: 'standard' as const, ...account, kind: 'agent' as const },
      })),
      ...ACCOUNTS.map(({ id }) => ({ kind: 'grant' as const, ...asked(`grant-${id}`), to: id, amount: String(GRANT) })),
    ];
  }

  async take(step: TokenStep): Promise<void> {
    switch (step.kind) {
      case 'wait':
        this.nowMs += step.ms;
        await this.#real?.setClock(this.nowMs);
        return;
      case 'sweep': {
        for (const member of this.book.due(this.nowMs).sort()) {
          const id = member.slice('hold:'.length);
          await this.ask(
            member.startsWith('hold:') ? { kind: 'expire-hold', hold: id } : { kind: 'overdue-task', contract: id },
          );
        }
        return;
      }
      case 'order': {
        this.#orders += 1;
        const asked = { kind: 'set-account', by: 'operator', key: `order-${this.#orders}` } as const;
        const command: LedgerCommand = { ...asked, account: step.account };
        const result = applyToBook(this.book.ledger, command, this.nowMs);
        expect(await this.#real?.ledger.apply(command)).toEqual(result);
        return;
      }
      case 'again': {
        const command = this.#asked[step.which % Math.max(1, this.#asked.length)];
        if (command !== undefined) await this.ask(command);
        return;
      }
      case 'returns':
        return this.#giveBack(step.all.map((one) => this.#returnOf(one)));
      default: {
        const command = this.#commandOf(step);
        if (command !== undefined) await this.ask(command);
      }
    }
  }

  /** One after the other in the model, in one call in Redis. */
  async #giveBack(returns: readonly ReturnCommand[]): Promise<void> {
    const answers = returns.map((command) => this.#answer(command));
    if (this.#real === undefined) return;
    const { redis, market } = this.#real;
    const replies = await runScript(redis, marketScripts.returnTokens, metaKey(market), { returns });
    expect(replies.map(silent), JSON.stringify(returns)).toEqual(answers);
  }

  #answer(command: Asked) {
    this.#asked.push(command);
    const before = this.#real === undefined ? this.promises.before() : undefined;
    const answer = this.book.apply(command, this.nowMs);
    if (before !== undefined && !isWork(command)) this.promises.after(command, answer, before, this.nowMs);
    this.#count(command, answer);
    return answer;
  }

  /** Asks both, and returns what the model answers. */
  async ask(command: Asked) {
    const answer = this.#answer(command);
    if (this.#real !== undefined) {
      expect(silent(await this.#inRedis(this.#real, command)), JSON.stringify(command)).toEqual(answer);
    }
    return answer;
  }

  #count(command: Asked, answer: object): void {
    const all = 'takes' in answer ? (answer.takes as object[]) : [answer];
    for (const one of all as ({ ok: true; replayed?: boolean } | NotTaken)[]) {
      const ruled = one.ok || one.rule === undefined ? '' : ' by a rule';
      const what = one.ok ? (one.replayed ? 'replayed' : 'ok') : `${one.detail}${one.wait ? ' waits' : ''}${ruled}`;
      const name = `${command.kind} ${what}`;
      this.#seen.set(name, (this.#seen.get(name) ?? 0) + 1);
    }
  }

  #commandOf(step: Exclude<TokenStep, { kind: 'wait' | 'sweep' | 'again' | 'order' | 'returns' }>): Asked | undefined {
    if (step.kind !== 'take' && this.book.holds.size === 0 && 'hold' in step && step.hold.startsWith('any'))
      return undefined;
    switch (step.kind) {
      case 'open':
        return keyed('open-bucket', { by: 'operator', key: step.key }, { bucket: step.bucket });
      case 'take':
        return {
          ...{ kind: 'take-tokens', bucket: step.bucket, policy: step.policy },
          takes: step.takes.map((draw) => this.#takeOf(draw)),
        };
      case 'hire': {
        const hold = step.hold === 'offered' ? this.#offered()?.taken.hold : this.#pick(step.hold);
        if (this.#tasks === undefined || hold === undefined) return undefined;
        return hireOf(this.#tasks, this.book, { ...step, hold }, `k${this.#asked.length}`);
      }
      case 'work':
        return workOf(this.book, step, `step-${this.#asked.length}`, this.nowMs);
      case 'expire':
        return { kind: 'expire-hold', hold: this.#pick(step.hold) };
      case 'return':
        return this.#returnOf(step);
      case 'offer': {
        const [hold, by] = this.#of(step);
        const { to, price } = step;
        const amounts = typeof step.amounts === 'string' ? this.#inHand(hold, step.amounts) : step.amounts;
        return keyed('offer-tokens', { by, key: step.key }, { hold, to, amounts, price });
      }
      case 'buy': {
        const offered = this.#offered();
        if (step.of === 'offered' && offered === undefined) return undefined;
        const of = step.of === 'offered' ? offered!.taken.hold : this.#pick(step.of);
        const offer = this.book.holds.get(of)?.offer;
        const agent = step.agent === 'addressee' ? (offer?.to ?? 'ann') : step.agent;
        const amounts = step.amounts ?? offer?.amounts ?? { requests: 1 };
        const body = { hold: this.#pick(step.hold), agent, of, amounts, maxPrice: step.maxPrice };
        const { policy, barred } = step;
        const judged = {
          policy,
          ...(barred === undefined ? {} : { barred, seller: this.book.holds.get(of)?.taken.agent }),
        };
        return { kind: 'buy-tokens', by: agent, digest: bodyDigest('buy-tokens', body), ...body, ...judged };
      }
    }
  }

  #offered(): HoldState | undefined {
    return [...this.book.holds.values()].find((hold) => hold.offer !== undefined);
  }

  #returnOf(draw: ReturnDraw): ReturnCommand {
    const [hold, by] = this.#of(draw);
    const body = { hold, used: draw.used, ...(draw.upstream === undefined ? {} : { upstream: draw.upstream }) };
    return keyed('return-tokens', { by, key: draw.key }, body);
  }

  #takeOf({ hold, by, ...draw }: TakeDraw): TakeAsked {
    const body = { hold: this.#pick(hold), ...draw };
    return { by: by ?? draw.agent, digest: bodyDigest('tokens', body), ...body };
  }

  #inHand(id: string, what: 'all' | 'one'): TokenAmounts {
    const hold = this.book.holds.get(id);
    const names = Object.keys(hold?.taken.amounts ?? { requests: 1 });
    const left = names.map((name) => [name, hold === undefined ? 1 : inHand(hold, name)] as const);
    const some = left.filter(([, amount]) => amount > 0).map(([name, amount]) => [name, what === 'all' ? amount : 1]);
    return some.length === 0 ? { requests: 1 } : Object.fromEntries(some);
  }

  /** The hold that is meant, and who asks. */
  #of({ hold, by }: { readonly hold: string; readonly by: string }): [hold: string, by: string] {
    const id = this.#pick(hold);
    return [id, by === 'holder' ? (this.book.holds.get(id)?.taken.agent ?? 'ann') : by];
  }

  /** The latest holds are the likeliest. */
  #pick(name: string): string {
    const match = /^any-(\d+)$/.exec(name);
    if (match === null) return name;
    const live = [...this.book.holds.values()].filter(({ state }: HoldState) => state === 'held');
    const some = live.length > 0 && Number(match[1]) < 8 ? live : [...this.book.holds.values()];
    return some.at(-1 - (Number(match[1]) % Math.max(1, some.length)))?.taken.hold ?? 'h0';
  }

  async #inRedis(real: TestMarket, command: Asked): Promise<object> {
    if (isWork(command)) return runInRedis(real, command);
    const run = <I, R>(script: Script<I, R>, input: I): Promise<R> =>
      runScript(real.redis, script, metaKey(real.market), input);
    switch (command.kind) {
      case 'open-bucket':
        return run(marketScripts.openBucket, command);
      case 'take-tokens': {
        const { answers, left } = await run(marketScripts.takeTokens, command);
        return { ok: true, takes: answers.map(silent), left };
      }
      case 'return-tokens':
        return (await run(marketScripts.returnTokens, { returns: [command] }))[0]!;
      case 'offer-tokens':
        return run(marketScripts.offerTokens, command);
      case 'buy-tokens':
        return run(marketScripts.buyTokens, command);
      case 'expire-hold':
        return run(marketScripts.expireHold, command);
    }
  }

  /** Both are in the same state, and the checker finds every invariant in it. */
  async compare(): Promise<void> {
    const real = this.#real!;
    const snapshot = await runScript(real.redis, marketScripts.snapshot, metaKey(real.market), {});
    const { difference } = compareSnapshots(snapshotOf(this.book, snapshot.seq), snapshot, new Set());
    expect(difference).toBeUndefined();
    const due = await real.redis.zrange(marketKey(real.market, 'deadlines'), '0', '-1', 'WITHSCORES');
    const pairs = due.flatMap((name, index) => (index % 2 === 0 ? [`${name} ${due[index + 1]}`] : []));
    expect(pairs.sort()).toEqual([...this.book.deadlines].map(([name, at]) => `${name} ${at}`).sort());
    await real.check();
    await expectSpendAgrees(real);
  }
}

function isWork(command: Asked): command is WorkCommand {
  return command.kind === 'engage' || command.kind === 'report' || command.kind === 'overdue-task';
}

function keyed<K extends string, B extends object>(kind: K, asked: { by: string; key: string }, body: B) {
  return { kind, ...asked, digest: bodyDigest(kind, body), ...body };
}

/** What people are told is the scripts' own. */
function silent(reply: object): object {
  const { message: _message, ...rest } = reply as { message?: string };
  return rest;
}
