// A provider's judgement on a task at certain issues: can it be done, may it be done, and for what price.
import { formatMicro } from '@tender/credits';
import {
  type Bounds,
  type Frame,
  type Issues,
  meanings,
  type Protocol,
  type Refusal,
  type RejectMove,
  rejection,
  rejectionOf,
} from '@tender/market';
import { atOnce } from './at-once.js';
import type { Capacity } from './capacity.js';
import type { Desk } from './desk.js';
import type { Draft } from './offer-maker.js';
import { forbidden } from './own-rules.js';
import type { Appraisal, ProvideOptions, TaskRequest } from './provide-options.js';

/** A task that can be done, and what for. */
export interface Priced {
  readonly request: TaskRequest;
  readonly costMicro: number;
  readonly leastMicro: number;
  readonly wishMicro: number | undefined;
  readonly draft: Draft;
}

/** A no, as it is told; its round is filled in by whoever tells it. */
export type No = Omit<RejectMove, 'round'>;
export type Judged = { readonly ok: true; readonly priced: Priced } | { readonly ok: false; readonly no: No };

/** How busy the provider is. */
export interface Load {
  readonly running: number;
  readonly offered: number;
}

/** What the buyer's call or opening says. */
export interface Asked {
  readonly frame: Frame;
  readonly protocol: Protocol;
  readonly ask: Issues;
  readonly bounds: Bounds;
}

export class Appraiser {
  readonly #desk: Desk;
  readonly #options: ProvideOptions;
  readonly #capacity: Capacity | undefined;
  readonly #load: () => Load;

  constructor(desk: Desk, options: ProvideOptions, capacity: Capacity | undefined, load: () => Load) {
    this.#desk = desk;
    this.#options = options;
    this.#capacity = capacity;
    this.#load = load;
  }

  /** At once, where the provider's own judgement comes at once. */
  judge({ frame, protocol, ask, bounds }: Asked, issues: Issues): Judged | Promise<Judged> {
    const nowMs = this.#desk.link.clock.now();
    const request: TaskRequest = { frame, issues, ask, bounds, protocol, nowMs, ...this.#load() };
    return atOnce(this.#appraised(request), (appraisal) =>
      appraisal.ok ? { ok: true, priced: pricedBy(request, appraisal) } : { ok: false, no: noOf(appraisal) },
    );
  }

  #appraised(request: TaskRequest): Appraisal | Promise<Appraisal> {
    const failed = (error: unknown): Appraisal => {
      this.#desk.link.callbackFailed('appraise', error);
      return { ok: false, detail: 'unavailable', message: 'the provider could not judge it' };
    };
    try {
      const own = this.#options.appraise?.(request) ?? this.#byCapacity(request);
      return own instanceof Promise ? own.catch(failed) : own;
    } catch (error) {
      return failed(error);
    }
  }

  #byCapacity(request: TaskRequest): Appraisal {
    const allowed = (issues: Issues) => this.forbidden(request.frame, issues, 0) === undefined;
    return this.#capacity!.appraise(request, allowed);
  }

  /** Why the agent's own rules forbid these issues, or undefined. */
  forbidden(frame: Frame, issues: Issues, costMicro: number): Refusal | undefined {
    const { id } = this.#desk;
    return forbidden(this.#options.policy, id, { frame, issues, payee: id, costMicro });
  }
}

function pricedBy(request: TaskRequest, appraisal: Extract<Appraisal, { ok: true }>): Priced {
  const { issues } = request;
  const { costMicro, completesAt = issues.deadline, quality = 500, risk = 100 } = appraisal;
  const leastMicro = Math.max(1, Math.ceil(appraisal.leastMicro ?? costMicro));
  const wish = appraisal.wishMicro;
  const wishMicro = wish === undefined ? undefined : Math.max(leastMicro, Math.ceil(wish));
  const { assumptions = [], dependencies = [] } = appraisal;
  const draft = { completesAt, quality, risk, assumptions: [...assumptions], dependencies: [...dependencies] };
  return { request, costMicro, leastMicro, wishMicro, draft };
}

/** 463 where there is a counter-proposal, whatever was wrong; else the detail's own status. */
function noOf({ detail, message, counter, final, retryAfterMs }: Extract<Appraisal, { ok: false }>): No {
  const more = {
    final: final ?? (counter === undefined && meanings[detail].final),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(counter === undefined ? {} : { counter }),
  };
  const { round: _, ...no } = rejection(1, detail, message.slice(0, 1024), more);
  return counter === undefined ? no : { ...no, status: 463 };
}

/** A rule's or the bank's no, as it is told to the other side. */
export function noFor(why: Refusal): No {
  const { round: _, ...no } = rejectionOf(1, { ...why, message: why.message.slice(0, 1024) });
  return no;
}

/** A price between what the provider would take at least and the amounts that the market knows. */
export function atPrice(issues: Issues, micro: number): Issues {
  return { ...issues, priceMicro: formatMicro(Math.max(1, Math.round(micro))) };
}
