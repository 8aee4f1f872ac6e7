// A random market: agents, pools and negotiations in one world; and what must hold when all of it has come to rest.
import { LedgerBook } from '@tender/credits';
import { MAX_REJECTIONS, type MarketBook } from '../../src/index.js';
import type { Chance } from '../haggle-world.js';
import { Bank } from './bank.js';
import { Call } from './call.js';
import { buyersDeath, characterOf, type Plan, planOf } from './draw.js';
import { Haggler } from './haggler.js';
import { Seat } from './seat.js';
import { type Letter, World } from './world.js';

const START_MS = 1_700_000_000_000;
const BUYERS = ['ann', 'bob', 'cyd', 'dan', 'eve', 'poor-buyer'];
const PROVIDERS = ['pam', 'pat', 'paul', 'pia', 'poor-provider'];
const SLOTS = 4;
const EVERY_MS = 120;

export class RandomMarket {
  readonly world: World;
  readonly bank: Bank;
  readonly calls: Call[] = [];
  readonly seats = new Map<string, Seat>();
  readonly hagglers = new Map<string, Haggler>();
  readonly #plans = new Map<string, Plan>();
  readonly #minted: number;

  constructor(seed: number, negotiations: number, seen: Map<string, number>) {
    this.world = new World(seed, START_MS, seen);
    this.bank = new Bank(this.world);
    const { chance } = this.world;
    this.bank.approvalAbove = 850;
    this.#minted = this.#open();
    for (let n = 1; n <= negotiations; n++) {
      this.world.at(START_MS + n * EVERY_MS + chance.below(EVERY_MS), () => this.#begin(n));
    }
    for (const id of [...BUYERS, ...PROVIDERS]) this.world.hear(id, (letter) => this.#heard(id, letter));
    this.#operate(chance, negotiations);
  }

  #open(): number {
    const { book } = this.bank;
    const { ledger } = book;
    let minted = 0;
    for (const id of [...BUYERS, ...PROVIDERS]) {
      ledger.openAccount({ id, kind: 'agent', class: 'standard' });
      const amount = id === 'poor-buyer' ? 900 : id === 'poor-provider' ? 10 : 1_000_000;
      ledger.mint(id, amount);
      minted += amount;
    }
    ledger.openAccount({ id: 'pools', kind: 'pool', class: 'standard' });
    for (const seller of PROVIDERS) {
      const pool = `pool-${seller}`;
      const more = { reserve: 0, reservePriceMicro: '0', seals: ['mac' as const], maxTerms: 1, graceMs: 0, idleMs: 0 };
      const off = { lendMs: 0, noiseMaxPermille: 1_000, noiseWindowMs: 1_000, ownerMax: 0 };
      const spec = { pool, account: 'pools', seller, slots: SLOTS, ...more, ...off, compensationPermille: 0 };
      const asked = { by: 'operator', key: `open-${pool}`, digest: pool };
      const opened = this.bank.apply({ kind: 'open-pool', pool: spec, ...asked });
      if (!opened.ok) throw new Error(`no pool: ${opened.detail}`);
    }
    return minted;
  }

  /** An operator ends some contracts, and decides disputes; others run into their limit. */
  #operate(chance: Chance, negotiations: number): void {
    for (let n = 0; n < negotiations; n++) {
      this.world.at(START_MS + chance.below(negotiations * EVERY_MS + 10_000), () => {
        const live = [...this.bank.book.tasks.values()].filter(({ state }) => state !== 'settled');
        if (live.length === 0) return;
        const { id: contract, state, price } = chance.of(live);
        const key = `operator-${n}-${contract}`;
        const operator = { operator: true } as const;
        const ruling = {
          ...operator,
          paidMicro: String(chance.below(price + 1)),
          bondTo: chance.of(['buyer', 'provider'] as const),
        };
        if (state === 'disputed') this.bank.report('operator', { step: 'accept', key, contract }, ruling);
        else if (chance.happens(0.1)) this.bank.preempt(key, contract);
      });
    }
  }

  #begin(n: number): void {
    const { world, bank } = this;
    const { chance, nowMs } = world;
    const plan = planOf(chance, n, nowMs, BUYERS, PROVIDERS);
    this.#plans.set(plan.conversation, plan);
    if (plan.form !== 'monotonic-concession' && plan.form !== 'alternating-offers') {
      const call = new Call(world, bank, plan, PROVIDERS);
      this.calls.push(call);
      call.begin();
      return;
    }
    const character = characterOf(chance, plan.call, plan.provider);
    const { diesAfterMs: atMs, comesBackAfterMs: backMs } = character;
    const deaths = { buyer: buyersDeath(chance), provider: atMs === undefined ? undefined : { atMs, backMs } };
    for (const side of ['buyer', 'provider'] as const) {
      const haggler = new Haggler({ world, bank, plan, side, character, death: deaths[side] });
      this.hagglers.set(`${side === 'buyer' ? plan.buyer : plan.provider}|${plan.conversation}`, haggler);
      haggler.begin();
    }
  }

  #heard(id: string, letter: Letter): void {
    const { conversation, from } = letter;
    const name = `${id}|${conversation}`;
    const plan = this.#plans.get(conversation)!;
    const known = this.hagglers.get(name) ?? this.seats.get(name);
    if (known !== undefined) return void known.hear(letter);
    if (id === plan.buyer) {
      const call = this.calls.find((one) => one.plan.conversation === conversation);
      return void call?.hear(letter);
    }
    if (letter.word !== 'cfp') return;
    const character = characterOf(this.world.chance, letter.body, id);
    const seat = new Seat(this.world, this.bank, id, letter.body, from, character);
    this.seats.set(name, seat);
    seat.driver.begin();
  }

  /** What is wrong when all has come to rest; nothing, if all is well. */
  faults(): string[] {
    return [...this.#booksFaults(this.bank.book), ...this.#endFaults(), ...this.#agreementFaults()];
  }

  #booksFaults(book: MarketBook): string[] {
    const { ledger } = book;
    const found: string[] = [];
    if (!(ledger instanceof LedgerBook)) found.push('no ledger');
    let sum = 0;
    for (const { id, kind, available, pending } of ledger.accounts()) {
      if (pending !== 0) found.push(`${id} has ${pending} pending`);
      if (kind !== 'treasury' && available < 0) found.push(`${id} is below zero`);
      if (kind !== 'treasury') sum += available;
    }
    if (sum !== this.#minted) found.push(`${this.#minted} minted, ${sum} there`);
    for (const transfer of ledger.transfers())
      if (transfer.state === 'pending') found.push(`transfer ${transfer.id} is pending`);
    for (const [lock, value] of book.locks) found.push(`${lock} is locked by ${value}`);
    for (const { cfp, state } of book.calls.values()) if (state === 'open') found.push(`call ${cfp} is open`);
    for (const { id, state } of book.tasks.values()) if (state !== 'settled') found.push(`contract ${id} is ${state}`);
    for (const { id, state } of book.proposals.values()) if (state === 'pending') found.push(`proposal ${id} waits`);
    for (const [id, pool] of book.pools) {
      if (pool.free.size !== SLOTS || pool.slots.some(({ contract }) => contract !== ''))
        found.push(`${id} is not free`);
    }
    for (const [task, { live }] of book.givenOut) if (live > 0) found.push(`${task} is given out`);
    for (const member of book.deadlines.keys()) found.push(`${member} is still due`);
    return found;
  }

  /** Every machine whose process lives has ended, and none goes against the rules. */
  #endFaults(): string[] {
    const found: string[] = [];
    const end = (what: string, state: { readonly name: string }, ends: readonly string[]) => {
      if (!ends.includes(state.name)) found.push(`${what} is ${state.name}`);
    };
    for (const { plan, driver, dead, orders } of this.calls) {
      const { conversation } = plan;
      if (!dead) end(`call ${conversation}`, driver.state, ['hired', 'ended']);
      for (const order of orders.values())
        if (order.driver.alive) end(`order ${conversation}`, order.driver.state, ['over']);
      const { state } = driver;
      if ('call' in state && state.call.round > plan.call.protocol.maxRounds)
        found.push(`${conversation}: too many rounds`);
      if ('rejected' in state && [...state.rejected.values()].some((times) => times > MAX_REJECTIONS + 1)) {
        found.push(`${conversation}: rejected too often`);
      }
    }
    for (const [name, seat] of this.seats) {
      if (!seat.alive) continue;
      if (seat.working === undefined) end(`seat ${name}`, seat.driver.state, ['over']);
      else if (seat.working.driver.alive) end(`work ${name}`, seat.working.driver.state, ['over']);
    }
    for (const [name, { driver, contract, dead }] of this.hagglers) {
      if (dead) continue;
      if (driver.alive) end(`haggler ${name}`, driver.state, ['agreed', 'ended']);
      if (contract?.driver.alive) end(`contract of ${name}`, contract.driver.state, ['over']);
    }
    return found;
  }

  /** What the machines came to is what the bank has. */
  #agreementFaults(): string[] {
    const found: string[] = [];
    const made = new Set([...this.bank.book.tasks.values()].map(({ conversation }) => conversation));
    for (const { plan, outcome, dead } of this.calls) {
      const { conversation } = plan;
      if (outcome?.ok === true && !made.has(conversation)) found.push(`${conversation}: hired without a contract`);
      if (outcome?.ok === false && !dead && made.has(conversation)) {
        found.push(`${conversation}: a contract behind its back (${outcome.detail})`);
      }
    }
    for (const [name, { outcome, driver }] of this.hagglers) {
      const has = made.has(name.split('|')[1]!);
      if (outcome?.ok === true && !has) found.push(`${name}: agreed without a contract`);
      if (outcome?.ok === false && driver.alive && has)
        found.push(`${name}: a contract behind its back (${outcome.detail})`);
    }
    return found;
  }
}
