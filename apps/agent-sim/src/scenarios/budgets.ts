// Budgets: teams spend against nested windows until they are empty, borrow, give back, and go on when the window turns.
import { setTimeout as delay } from 'node:timers/promises';
import { CREDIT, WINDOW_MS } from '@tender/credits';
import type { Refusal } from '@tender/market';
import { type Cast, hold, labelsOf, openCast, type Spent, spend, takeBody, usedBody } from './budget-acts.js';
import {
  BORROW,
  type BudgetName,
  type Budgets,
  budgetTable,
  openBudgets,
  readBudgets,
  unbalanced,
  wholeOf,
} from './budget-tree.js';
import { credits } from './cast.js';
import type { Rogue } from './rogue.js';
import { type Outcome, type Scenario, type Table, tallyOf } from './scenario.js';
import { type World, WorldError } from './world.js';

/** What is done in one window has to fit into it, on a machine that has much else to do. */
const ENOUGH_MS = 18_000;
/** Of what two clocks and a few questions may add to the instant of the turn. */
const AFTER_TURN_MS = 1000;

async function run(world: World): Promise<Outcome> {
  // Before the budgets are opened: one that has seen a turn has carried something over.
  if (untilTurn(world) < ENOUGH_MS) await waitForTurn(world);
  await openBudgets(world);
  const cast = await openCast(world);
  const rogue = await world.rogue('rogue', 1000, [], labelsOf(world, 'green'));
  const book = new Book();
  const first = await firstWindow(world, cast, rogue, book);
  const patient = await waitAsTold(world, cast, first.promised);
  const turned = await secondWindow(world, cast, rogue, first.late, book, patient.passed);
  const last = await readBudgets(world);
  book.breaches.push(...unbalanced(last, 'at the end'));
  const spending = await accountFor(world, cast, last, book);
  return {
    guard: { tried: book.tried, stopped: tallyOf(book.stopped), breaches: book.breaches },
    figures: [
      {
        name: 'spent past a budget',
        value: book.past,
        unit: 'credits',
        against: { name: 'asked for past it', value: book.askedPast },
      },
      { name: 'first spend after the promised turn', value: Math.max(0, patient.lateMs), unit: 'ms' },
      {
        name: 'given back to the lender',
        value: BORROW - wholeOf(last.red.owedMicro),
        unit: 'credits',
        against: { name: 'borrowed', value: BORROW },
      },
      {
        name: 'spending by agent, summed up',
        value: credits(Number(spending.totalMicro)),
        unit: 'credits',
        against: { name: 'what the bucket earned', value: credits(Number(spending.earnedMicro)) },
      },
    ],
    tables: [
      budgetTable('Before the turn', first.budgets),
      budgetTable('After the turn', turned),
      budgetTable('At the end', last),
      spending.table,
    ],
    notes: notesOf(first.promised, patient.asks),
  };
}

/** What was found on the way, and what was stopped. */
class Book {
  readonly breaches: string[] = [];
  readonly stopped: string[] = [];
  tried = 0;
  /** Credits spent past a budget, and asked for past it. */
  past = 0;
  askedPast = 0;

  /** Exactly so many credits pass; the others are told when the next window begins. */
  expect(what: string, { asked, passed, refused }: Spent, most: number, turnsAt: number): void {
    this.past += Math.max(0, passed - most);
    this.askedPast += Math.max(0, asked - most);
    this.tried += refused.length;
    if (passed !== Math.min(asked, most))
      this.breaches.push(`${what}: ${passed} credits of ${asked} passed, not ${most}`);
    for (const refusal of refused) {
      const wrong = wrongIn(refusal, turnsAt);
      this.stopped.push(refusal.detail);
      if (wrong !== undefined) this.breaches.push(`${what}: ${wrong}`);
    }
  }

  same(what: string, value: number, expected: number): void {
    if (value !== expected) this.breaches.push(`${what}: ${value} credits, not ${expected}`);
  }

  attempt(what: string, detail: string | undefined): void {
    this.tried++;
    if (detail === undefined) this.breaches.push(`somebody ${what}`);
    else this.stopped.push(detail);
  }
}

function wrongIn({ status, detail, retryAt, message }: Refusal, turnsAt: number): string | undefined {
  if (detail !== 'over-budget' || status !== 456)
    return `refused with ${status} ${detail} (${message}), not 456 over-budget`;
  return retryAt === turnsAt ? undefined : `told to come back at ${retryAt}, not ${turnsAt}`;
}

interface First {
  readonly budgets: Budgets;
  /** When the next window begins, as a refusal said. */
  readonly promised: number;
  /** Held by the rogue across the turn. */
  readonly late: string;
}

async function firstWindow(world: World, cast: Cast, rogue: Rogue, book: Book): Promise<First> {
  const { bucket, teams } = cast;
  const promised = nextTurn(world);
  world.say(
    'First window: green spends all it has, red borrows from blue, the project stops blue, a rogue tries its luck …',
  );
  const [over, late] = [
    takeBody(world, bucket, 'over'),
    takeBody(world, bucket, 'late', { amounts: { units: 2 }, maxPriceMicro: String(2 * CREDIT) }),
  ];
  for (const body of [over, late]) await rogue.ask('tokens', body);
  // Three of green's thirty are the rogue's, who holds them.
  const green = await spend(teams.green, bucket, 40);
  book.expect('green, all at once', green, 27, promised);
  const part = await hold(teams.red[0]!, bucket, 10);
  const red = await spend(teams.red, bucket, 86);
  book.expect('red, with what it borrowed', red, 80, promised);
  const borrowed = await readBudgets(world);
  book.same('red owes', wholeOf(borrowed.red.owedMicro), BORROW);
  book.same('blue lent', wholeOf(borrowed.blue.lentMicro), BORROW);
  if (part.ok) await part.held.return({ units: 4 });
  const reclaimed = await readBudgets(world);
  book.same('red owes, once six credits came back', wholeOf(reclaimed.red.owedMicro), BORROW - 6);
  const blue = await spend(teams.blue, bucket, 20);
  book.expect('blue, whose project has no more', blue, 16, promised);
  await rogueTries(world, cast, rogue, book, promised);
  const budgets = await readBudgets(world);
  book.breaches.push(...unbalanced(budgets, 'before the turn'));
  if (world.now() >= promised)
    throw new WorldError('This machine was too slow for one window of a budget; nothing can be said.');
  return { budgets, promised, late: world.id('late') };
}

/** The budget is empty: a rogue tries to spend past it all the same. */
async function rogueTries(
  world: World,
  { bucket, teams }: Cast,
  rogue: Rogue,
  book: Book,
  promised: number,
): Promise<void> {
  const attempts = [
    ['spent what an empty budget has not', takeBody(world, bucket, 'r1'), 'over-budget'],
    [
      'spent from a budget that it named itself',
      takeBody(world, bucket, 'r2', { budget: world.id('company') }),
      'malformed',
    ],
    ['spent in another’s name', takeBody(world, bucket, 'r3', { agent: teams.grey[0]!.id }), 'not-permitted'],
  ] as const;
  for (const [what, body, expected] of attempts) {
    const { performative, body: answer } = await rogue.ask('tokens', body);
    const stopped = performative !== 'inform' && answer?.detail === expected;
    book.attempt(what, stopped ? expected : undefined);
    if (expected === 'over-budget' && answer?.retryAt !== promised)
      book.breaches.push('the rogue was not told when to come back');
  }
  const { body } = await rogue.ask('return', usedBody(world, world.id('over'), 'r4', 50));
  const overPaid = body?.paidMicro === undefined || BigInt(body.paidMicro) > BigInt(CREDIT);
  book.attempt('used fifty tokens of one, and was let pay for them', overPaid ? undefined : 'paid to the last credit');
  const account = { id: rogue.id, budget: world.id('grey') };
  const set = await rogue.askAsOperator('set-account', { key: world.id('r5'), account });
  book.attempt('gave itself another budget', set.performative === 'inform' ? undefined : String(set.body?.detail));
}

/** One of green comes back when it was told to, not before, and asks until it passes. */
async function waitAsTold(world: World, { bucket, teams }: Cast, promised: number) {
  world.say(`The window turns in ${Math.ceil((promised - world.now()) / 1000)} s; whoever was refused waits for it …`);
  await delay(Math.max(0, promised - world.now()));
  for (let asks = 1; ; asks++) {
    const { passed } = await spend([teams.green[0]!], bucket, 1);
    const lateMs = Math.round(world.now() - promised);
    if (passed === 1 || lateMs > AFTER_TURN_MS) return { passed, lateMs, asks };
  }
}

async function secondWindow(
  world: World,
  { bucket, teams }: Cast,
  rogue: Rogue,
  late: string,
  book: Book,
  spentByGreen: number,
): Promise<Budgets> {
  world.say('Second window: debts are paid back, blue and grey keep a part of what they left, green spends again …');
  const turnsAt = nextTurn(world);
  const budgets = await readBudgets(world);
  const allowances: readonly (readonly [BudgetName, number])[] = [
    ['red', 60 - (BORROW - 6)],
    // Its amount, what it had lent, and half of the twenty that it left.
    ['blue', 60 + (BORROW - 6) + 10],
    ['green', 30],
    ['grey', 20 + 8],
    ['project', 130],
  ];
  for (const [name, expected] of allowances) {
    book.same(`${name} has after the turn`, wholeOf(budgets[name].allowanceMicro), expected);
  }
  if (spentByGreen !== 1) book.breaches.push(`green spent nothing within ${AFTER_TURN_MS} ms of the turn`);
  // What was held in the window before comes back: it raises nothing now.
  await rogue.ask('return', usedBody(world, late, 'r6', 0));
  const after = await readBudgets(world);
  const raised = wholeOf(after.green.leftMicro) > 30 - spentByGreen;
  book.attempt(
    'carried an unused hold over the turn to spend it twice',
    raised ? undefined : 'no allowance for a late return',
  );
  book.expect('green, in the second window', await spend(teams.green, bucket, 40), 30 - spentByGreen, turnsAt);
  // Who has spent is not idle, and lends nothing.
  await spend(teams.blue, bucket, 1);
  book.expect('red, its debts paid', await spend(teams.red, bucket, 40), 60 - (BORROW - 6), turnsAt);
  if (world.now() >= turnsAt)
    throw new WorldError('This machine was too slow for one window of a budget; nothing can be said.');
  return budgets;
}

/** Spending by agent, as the bank attributes it, beside what the bucket earned and what the budgets say. */
async function accountFor(world: World, { bucket, till }: Cast, budgets: Budgets, book: Book) {
  const { spend: told } = await world.must(attributed(world, bucket));
  const { accounts = [] } = await world.must(world.operator.list('accounts', till));
  const earnedMicro = accounts[0]?.availableMicro ?? '0';
  const total = budgets.company.totalMicro;
  if (told.totalMicro !== earnedMicro) book.breaches.push(`attributed ${told.totalMicro}, earned ${earnedMicro}`);
  if (told.totalMicro !== total) book.breaches.push(`attributed ${told.totalMicro}, by the budgets ${total}`);
  const rows = told.lines.map((line) => [
    nameOf(world, line.agent),
    nameOf(world, line.team),
    nameOf(world, line.project),
    wholeOf(line.paidMicro).toFixed(2),
    String(line.payments),
  ]);
  const table: Table = { title: 'Who spent it', head: ['agent', 'team', 'project', 'credits', 'payments'], rows };
  return { table, totalMicro: told.totalMicro, earnedMicro };
}

function attributed(world: World, bucket: string) {
  return world.operator.spend({ by: ['agent', 'team', 'project'], resource: bucket, per: 'minute', limit: 100 });
}

function nameOf(world: World, id: string | undefined): string {
  return id === undefined ? '–' : id.replace(`${world.run}-`, '');
}

function nextTurn(world: World): number {
  return (Math.floor(world.now() / WINDOW_MS.minute) + 1) * WINDOW_MS.minute;
}

function untilTurn(world: World): number {
  return nextTurn(world) - world.now();
}

async function waitForTurn(world: World): Promise<void> {
  const ms = untilTurn(world);
  world.say(`The minute ends in ${Math.ceil(ms / 1000)} s: waiting for a whole one …`);
  await delay(ms + 50);
}

function notesOf(promised: number, asks: number): string[] {
  return [
    `Windows are minutes of the broker’s clock; this one turned at ${new Date(promised).toISOString().slice(11, 19)}. Nobody turned it: it is worked out by whoever spends next.`,
    `Who was refused was told that instant, came back then and asked ${asks === 1 ? 'once' : `${asks} times`}.`,
  ];
}

export const budgets: Scenario = {
  name: 'budgets',
  title: 'Budgets by the minute',
  about:
    'teams spend nested budgets to the last credit, borrow, pay back, and go on when the window turns; a minute or so',
  guardrail:
    'Nothing is spent past a budget or those above it, whoever asks how often, and the refusal says when the window turns.',
  metric: 'Credits spent past a budget, beside those that were asked for past it.',
  run,
};
