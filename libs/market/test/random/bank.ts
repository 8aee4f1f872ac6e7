// The bank of a random world: the pure model, asked over a network that loses questions and answers; its sweeper and operators.
import { canonicalJson } from '@tender/credits';
import {
  type BankRequest,
  type BankResult,
  type Detail,
  MarketBook,
  type MarketCommand,
  type Offer,
  type ProposalView,
  type Refusal,
  type ReportBody,
  rankOffers,
  refusal,
  type TaskRecord,
  type TaskView,
} from '../../src/index.js';
import type { World } from './world.js';

export type EngageBody = BankRequest<'engage'>;
export type Engaged = BankResult<'engage'> | Refusal;
type Escalation = Omit<BankRequest<'escalate'>, 'key'> & { readonly key: string };

/** Nobody waits longer for an answer. */
const ANSWER_MS = 300;
/** A forged seal, for the tests: the bank sees it where a buyer cannot. */
export const FORGED = 'F'.repeat(43);

export class Bank {
  readonly book = new MarketBook();
  readonly #world: World;
  readonly #frames = new Map<string, TaskView['frame']>();
  readonly #watched = new Set<string>();
  /** Dearer engagements wait for an operator. */
  approvalAbove = Number.POSITIVE_INFINITY;

  constructor(world: World) {
    this.#world = world;
  }

  /** Asks; `undefined` where no answer came, though it may have been done. Nothing is heard by the dead. */
  ask<T>(alive: () => boolean, apply: () => T, answered: (value: T | undefined) => void): void {
    const { chance } = this.#world;
    const heard = (value: T | undefined) => {
      if (alive()) answered(value);
    };
    if (chance.happens(0.02)) return void this.#world.after(ANSWER_MS, () => heard(undefined));
    this.#world.after(1 + chance.below(15), () => {
      const value = apply();
      if (chance.happens(0.02)) return void this.#world.after(ANSWER_MS, () => heard(undefined));
      this.#world.after(1 + chance.below(chance.happens(0.03) ? 280 : 15), () => heard(value));
    });
  }

  apply<C extends MarketCommand>(command: C) {
    const answer = this.book.apply(command, this.#world.nowMs);
    if (answer.ok && answer.replayed) this.#world.saw('bank asked again');
    return answer;
  }

  engage(by: string, body: EngageBody, approved = false): Engaged {
    const genuine = body.offers.filter(({ seal }) => seal.signature !== FORGED);
    if (genuine.length === 0) return refusal('bad-signature', 'no offer has a good seal');
    const dear = Math.max(...genuine.map(({ issues }) => Number(issues.priceMicro)));
    if (!approved && dear > this.approvalAbove)
      return this.#file(by, 'engage', body, 400 + this.#world.chance.below(1500));
    const answer = this.apply({
      kind: 'engage',
      by,
      key: body.key,
      digest: canonicalJson(body),
      ...this.#engageOf(body, genuine),
    });
    const forged = body.offers
      .filter((offer) => !genuine.includes(offer))
      .map(({ seal }) => ({
        ...{
          participant: seal.participant,
          intent: seal.intent,
          outcome: 'barred' as const,
          detail: 'bad-signature' as const,
        },
      }));
    if (!answer.ok) {
      const no = refusal(answer.detail, 'the bank refuses');
      return answer.verdicts === undefined ? no : { ...no, verdicts: [...answer.verdicts, ...forged] };
    }
    for (const { contract } of answer.contracts) this.watch(`task:${contract}`);
    const contracts = answer.contracts.map(({ contract }) => this.view(contract)!);
    return { kind: 'contracts', contracts, verdicts: [...answer.verdicts, ...forged] };
  }

  #engageOf(body: EngageBody, offers: readonly Offer[]) {
    const { frame, ask, rule, weights, fill } = body;
    const shown = offers.map((offer) => ({ ...offer, participant: offer.seal.participant, intent: offer.seal.intent }));
    const ranked = rankOffers(frame.conversation, rule, weights, shown);
    return {
      ...{ buyer: frame.buyer, conversation: frame.conversation, task: frame.task.task, resource: frame.task.resource },
      ...{ policy: this.book.policyVersion, frameText: canonicalJson(frame), fill: fill.kind, counts: fill.by },
      ...{ total: ask[fill.by], conditions: frame.conditions, rule, weights },
      offers: ranked.map(({ issues, seal, hold = '', completesAt, quality, risk }) => {
        const { units, scope, startBy, deadline, durationMs } = issues;
        return {
          ...{
            participant: seal.participant,
            intent: seal.intent,
            until_ms: seal.until,
            price: Number(issues.priceMicro),
          },
          ...{ units, scope, startBy, deadline, durationMs, hold, issuesText: canonicalJson(issues) },
          ...{ completesAt, quality, risk },
        };
      }),
    };
  }

  report(
    by: string,
    body: ReportBody,
    more: { readonly operator?: true; readonly paidMicro?: string; readonly bondTo?: 'buyer' | 'provider' } = {},
  ): TaskView | Refusal {
    const { key, contract } = body;
    const { step } = more.paidMicro === undefined ? body : { step: 'resolve' as const };
    const receipt = 'receipt' in body ? body.receipt : undefined;
    const answer = this.apply({
      ...{
        kind: 'report',
        by,
        key,
        digest: canonicalJson(body),
        contract,
        step,
        policy: this.book.policyVersion,
        ...more,
      },
      ...(body.process === undefined ? {} : { process: body.process }),
      ...('percent' in body ? { percent: body.percent } : {}),
      ...('deadline' in body ? { deadline: body.deadline } : {}),
      ...(receipt === undefined ? {} : { text: JSON.stringify(receipt), receiptOutcome: receipt.outcome }),
    });
    if (!answer.ok) {
      this.#world.saw(`step refused: ${answer.detail}`);
      return refusal(answer.detail, `no ${step} now`);
    }
    this.watch(`task:${contract}`);
    this.#world.saw(`step ${answer.step}`);
    return this.view(contract)!;
  }

  /** Ends a contract for reasons that are nobody's fault. */
  preempt(key: string, contract: string): void {
    const asked = { by: 'operator', key, digest: contract, contract, step: 'preempt', operator: true } as const;
    if (this.apply({ kind: 'report', ...asked }).ok) this.#world.saw('step preempt');
  }

  /** By the contract's id or the intent of its present or last provider; only for its two sides. */
  task(by: string, about: { readonly contract: string } | { readonly intent: string }): TaskView | Refusal {
    const { nowMs } = this.#world;
    const id = 'contract' in about ? about.contract : this.book.intent(by, about.intent, nowMs)?.contract;
    const record = id === undefined ? undefined : this.book.task(id, nowMs);
    if (record === undefined) return refusal('unknown', 'no such contract');
    if (record.buyer !== by && record.participant !== by) return refusal('not-permitted', 'another’s');
    return this.view(record.id)!;
  }

  view(id: string): TaskView | undefined {
    const record = this.book.tasks.get(id);
    return record === undefined ? undefined : this.#viewOf(record);
  }

  #viewOf(record: TaskRecord): TaskView {
    const { id, frame: text, outcome, paid = 0, price, bondTo, settledAt, startedAt, askedDeadline, receipt } = record;
    const frame = this.#frames.get(id) ?? (JSON.parse(text) as TaskView['frame']);
    this.#frames.set(id, frame);
    const { state, participant: provider, intent, attempt, awardedAt, dueAt, percent, slots, fences, process } = record;
    return {
      ...{ contract: id, state, frame, provider, intent, attempt, awardedAt, dueAt, percent },
      ...(process === undefined ? {} : { process }),
      issues: { ...JSON.parse(record.issues), deadline: record.deadline },
      ...{ slots: [...slots], fences: [...fences], standbys: record.standbys.length - record.tried },
      ...(startedAt === undefined ? {} : { startedAt }),
      ...(askedDeadline === undefined ? {} : { askedDeadline }),
      ...(receipt === undefined ? {} : { receipt: JSON.parse(receipt) }),
      ...(outcome === undefined
        ? {}
        : { outcome, paidMicro: String(paid), refundedMicro: String(price - paid), bondTo, settledAt }),
    };
  }

  #file(
    by: string,
    about: 'engage' | 'escalation',
    body: EngageBody | Escalation,
    withinMs: number,
  ): BankResult<'engage'> | Refusal {
    const { frame, key } = body;
    const engage = about === 'engage' ? body : (body as Escalation).engage;
    const answer = this.apply({
      ...{ kind: 'file-proposal', by, key, digest: canonicalJson(body), about, buyer: frame.buyer, withinMs },
      ...{ conversation: frame.conversation, rule: 'dear', message: 'please' },
      ...(engage === undefined ? {} : { text: JSON.stringify(engage) }),
    });
    if (!answer.ok) return refusal(answer.detail, 'the bank refuses');
    const { proposal, expiresAt } = answer;
    this.watch(`proposal:${proposal}`);
    if (!answer.replayed) this.#decideLater(proposal, withinMs);
    return { kind: 'pending', proposal, rule: 'dear', expiresAt };
  }

  escalate(by: string, body: Escalation): { readonly proposal: string; readonly expiresAt: number } | Refusal {
    const filed = this.#file(by, 'escalation', body, body.withinMs);
    if ('ok' in filed || filed.kind !== 'pending') return filed as Refusal;
    const { proposal, expiresAt } = filed;
    return { proposal, expiresAt };
  }

  /** An operator says yes, no, or nothing. */
  #decideLater(proposal: string, withinMs: number): void {
    const { chance } = this.#world;
    const mood = chance.below(10);
    if (mood === 0) return;
    this.#world.after(chance.below(Math.ceil(withinMs * 1.1)), () => {
      const verdict = mood < 3 ? 'deny' : 'approve';
      const asked = { key: `decide-${proposal}`, by: 'operator', digest: verdict, proposal, verdict } as const;
      const answer = this.apply({ kind: 'decide-proposal', ...asked });
      if (!answer.ok) return;
      this.#world.saw(`proposal ${answer.about} ${answer.state}`);
      // A broker may die between the decision and the engagement: the sweeper takes it up.
      if (verdict === 'approve' && !chance.happens(0.1)) this.#engageApproved(proposal);
    });
  }

  #engageApproved(proposal: string): void {
    const record = this.book.proposal(proposal, this.#world.nowMs);
    if (record?.state !== 'approved' || record.text === '') return;
    const body = JSON.parse(record.text) as EngageBody;
    const engaged = this.engage(record.by, { ...body, key: `approved-${proposal}` }, true);
    if ('ok' in engaged) {
      this.apply({ kind: 'close-proposal', proposal, detail: engaged.detail, message: engaged.message });
      this.#world.saw('proposal failed');
    } else if (engaged.kind === 'contracts') {
      this.apply({ kind: 'close-proposal', proposal, contracts: engaged.contracts.map(({ contract }) => contract) });
      this.#world.saw('proposal engaged');
    }
  }

  proposal(id: string): ProposalView | Refusal {
    const record = this.book.proposal(id, this.#world.nowMs);
    if (record === undefined) return refusal('unknown', 'no such proposal');
    const { about, state, by, conversation, message, filedAt, expiresAt, contracts, detail } = record;
    return {
      ...{ proposal: id, kind: about === 'engage' ? 'engage' : 'escalation', state, by, conversation, message },
      ...{ filedAt, expiresAt },
      ...(contracts === undefined ? {} : { contracts: contracts.map((contract) => this.view(contract)!) }),
      ...(detail === undefined ? {} : { detail }),
    };
  }

  /** A process dies; the hand-off is the time from the award to the work's begin. */
  sawDeath(side: 'buyer' | 'provider', conversation: string): void {
    this.#world.saw(`${side} died`);
    const state = this.book.tasks.get(`${conversation}-t1`)?.state;
    if (state === 'awarded' || state === 'starting') this.#world.saw(`${side} died in the hand-off`);
  }

  /** The sweeper's eye on one deadline: it comes a little late, and never twice for nothing. */
  watch(member: string): void {
    if (this.#watched.has(member)) return;
    const at = this.book.deadlines.get(member);
    if (at === undefined) return;
    this.#watched.add(member);
    this.#world.at(at + 1 + this.#world.chance.below(250), () => {
      this.#watched.delete(member);
      const due = this.book.deadlines.get(member);
      if (due !== undefined && due < this.#world.nowMs) this.#sweep(member);
      this.watch(member);
    });
  }

  #sweep(member: string): void {
    const [kind, id] = member.split(':') as [string, string];
    if (kind === 'cfp') {
      if (this.apply({ kind: 'lapse-call', cfp: id }).ok) this.#world.saw('hold lapsed');
    } else if (kind === 'task') {
      const answer = this.apply({ kind: 'overdue-task', contract: id });
      if (answer.ok) this.#world.saw('step overdue');
    } else if (this.book.proposal(id, this.#world.nowMs)?.state === 'approved') {
      this.#engageApproved(id);
    } else {
      const answer = this.apply({ kind: 'expire-proposal', proposal: id });
      if (answer.ok) this.#world.saw(`proposal ${answer.about} expired`);
    }
  }

  /** Takes the negotiation lock on free slots of a pool, and opens the call that nobody hears of; or why not. */
  lock(by: string, pool: string, units: number, cfp: string, ttlMs: number): Detail | undefined {
    const { book } = this;
    const known = book.pools.get(pool)!;
    const slots = [...known.free].filter((slot) => !book.locks.has(`${pool}:${slot}`)).slice(0, units);
    if (slots.length < units) return 'no-capacity';
    book.takeLock(pool, slots, cfp);
    const answer = this.apply({
      ...{
        kind: 'open-call',
        by,
        key: `lock-${cfp}`,
        digest: cfp,
        cfp,
        pool,
        slots,
        lockValue: cfp,
        rule: 'first-price',
      },
      ...{ reservePriceMicro: '0', durationMs: 1000, windowMs: 1, ttlMs, seals: ['mac'], termsDigest: cfp },
    });
    if (!answer.ok) book.dropLock(pool, slots, cfp);
    this.watch(`cfp:${cfp}`);
    return answer.ok ? undefined : answer.detail;
  }

  extend(by: string, cfp: string, ttlMs: number, n: number): boolean {
    const { ok } = this.apply({ kind: 'extend-call', by, key: `extend-${cfp}-${n}`, digest: cfp, cfp, ttlMs });
    return ok;
  }

  release(by: string, cfp: string): boolean {
    return this.apply({ kind: 'release-call', by, key: `release-${cfp}`, digest: cfp, cfp }).ok;
  }
}
