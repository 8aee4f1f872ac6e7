// What a provider says about itself: what it can do, what it takes for it, how it negotiates, and the work itself.
import type {
  Bounds,
  CounterKind,
  Detail,
  Frame,
  Issues,
  JsonObject,
  Offer,
  Policy,
  Preferences,
  Protocol,
  Refusal,
  TaskView,
} from '@tender/market';
import type { CapabilityOptions } from './capability-options.js';
import type { Decide } from './decide.js';
import type { HoldSlots } from './offer-maker.js';
import type { Run } from './work.js';

/** A task at certain issues, as a provider is asked about it. */
export interface TaskRequest {
  readonly frame: Frame;
  readonly issues: Issues;
  /** What the buyer's call or opening asked, and within what it talks. */
  readonly ask: Issues;
  readonly bounds: Bounds;
  readonly protocol: Protocol;
  /** By the broker's clock. */
  readonly nowMs: number;
  /** Contracts that it works on, and offers that may become some. */
  readonly running: number;
  readonly offered: number;
}

/** Whether it can be done so, and what for. Amounts in micro-credits for the whole task. */
export type Appraisal =
  | {
      readonly ok: true;
      readonly costMicro: number;
      /** The least that it takes; default: the cost. */
      readonly leastMicro?: number | undefined;
      /** What it asks first; default: what the buyer asks, or where it negotiates the most that the buyer talks about. */
      readonly wishMicro?: number | undefined;
      /** Default: the deadline. */
      readonly completesAt?: number | undefined;
      /** Thousandths; default 500 and 100. */
      readonly quality?: number | undefined;
      readonly risk?: number | undefined;
      readonly assumptions?: readonly string[] | undefined;
      readonly dependencies?: readonly string[] | undefined;
    }
  | {
      readonly ok: false;
      readonly detail: Detail;
      readonly message: string;
      /** What would pass; sealed with the refusal where the provider would do it for that price. */
      readonly counter?: Issues | undefined;
      /** Whether no other issues would do; default: as the detail has it, no where there is a counter. */
      readonly final?: boolean | undefined;
      readonly retryAfterMs?: number | undefined;
    };
export type Appraise = (request: TaskRequest) => Appraisal | Promise<Appraisal>;

/** An offer of which nothing came. */
export interface LostOffer {
  readonly conversation: string;
  readonly buyer: string;
  readonly offer?: Offer | undefined;
  readonly detail: Detail;
  readonly message?: string | undefined;
  /** When it may pass, where the buyer said so: by the broker's clock, and in so many ms from now. */
  readonly retryAt?: number | undefined;
  readonly retryAfterMs?: number | undefined;
}

export interface ProvideOptions {
  /** What it has and what it takes; judges each call and proposal, proposes what would pass, keeps account of the load. */
  readonly capability?: CapabilityOptions;
  /** Asked about each call and each proposal instead, before anything is said. One of both must be there. */
  readonly appraise?: Appraise;
  /** What a counter-proposal may change, the first named first; default: all issues but the price. */
  readonly counters?: readonly CounterKind[];
  /** JSON Schema (draft 2020-12) of the inputs that it takes. */
  readonly inputs?: JsonObject;
  /** Does the work; what it returns are the outputs, what it throws is why it failed. */
  readonly run: Run;
  /**
   * Why the work must not begin after all, beside schema, rules, resources and inputs, which are checked anyway: the
   * contract goes to the runner-up.
   */
  readonly refuseWork?: (view: TaskView) => string | undefined | Promise<string | undefined>;
  /** The agent's own rules; what breaks one is not offered. */
  readonly policy?: Policy;
  /** What a deal is worth to it in a negotiation; default: the price alone, from the least to what it wishes. */
  readonly preferences?: (request: TaskRequest) => Preferences;
  /** Makes the moves of a negotiation, in place of the protocol's strategy. */
  readonly decide?: Decide;
  /** For `alternating-offers`: the most that the buyer pays, where both know it. */
  readonly theirLimitMicro?: (request: TaskRequest) => number | string | undefined;
  /** Locks slots of a pool that this agent sells behind each offer. */
  readonly hold?: HoldSlots;
  /** How long an offer holds at least; default 60,000 ms. */
  readonly validForMs?: number;
  /** Who decides for this side after three rejections: an agent, or the operators' queue. */
  readonly escalateTo?: 'operators' | (string & {});
  readonly onContract?: (view: TaskView) => void;
  readonly onSettled?: (view: TaskView) => void;
  readonly onLost?: (lost: LostOffer) => void;
}

export interface Providing {
  readonly resource: string;
  /** Resolves when the server knows of it: a call announced from then on is heard. */
  readonly ready: Promise<void>;
  /** Contracts that are worked on. */
  readonly running: number;
  /** Takes a contract up again that another process began, dead or asleep: its work runs anew, and that one is fenced off. */
  resume(contract: string): Promise<{ readonly ok: true } | Refusal>;
  /** No new negotiations; what is offered stands, unless `withdraw` is set, and what was won is worked on. */
  stop(options?: { readonly withdraw?: boolean }): void;
}
