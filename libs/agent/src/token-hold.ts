// Tokens in hand: what the upstream said is heard, what was used is counted, and the rest comes back once.
import type { BankRequest, HeldTokens, TokenAmounts, UpstreamWord } from '@tender/market';
import { newUlid } from '@tender/market/nats';
import { namedFor } from './desk.js';
import type { Link } from './link.js';
import { type Amounts, amountsOf, offerOf, type TokenOffer } from './token-order.js';
import { type Told, told } from './told.js';
import { type UpstreamAnswer, upstreamWordOf } from './upstream.js';

const RETURN_WITHIN_MS = 30_000;

/** After a 429 this limit counts as used: upstreams count what they refuse. All others come back. */
export const COUNTED_WHEN_REFUSED = 'requests';

export class TokenHold {
  /** The id under which the bank knows it; a buyer of a part of it names it. */
  readonly hold: string;
  readonly bucket: string;
  /** What was given: as asked, or less where `atLeast` allowed it. */
  readonly amounts: Readonly<TokenAmounts>;
  /** Micro-credits per token, by limit. */
  readonly unitsMicro: Readonly<Record<string, number>>;
  /** Set aside, in micro-credits; what is not used comes back. */
  readonly amountMicro: number;
  /** The clearing rate in thousandths of the reserve prices, and what the own share of recent takings makes of it. */
  readonly ratePermille: number;
  readonly noisePermille: number;
  /** The caller's, to hand on to the work. Not aborted at `expiresAt`: what is under way then goes on, and is paid. */
  readonly signal: AbortSignal;

  readonly #link: Link;
  readonly #agent: { readonly agent?: string };
  readonly #expiresAt: number;
  #used: Record<string, number> = {};
  #word: UpstreamWord | undefined;
  #returning: Promise<Told<'return'>> | undefined;
  /** Sent the same each time: an answer that was lost is asked for under the same key. */
  #request: BankRequest<'return'> | undefined;

  constructor(link: Link, agent: string, held: HeldTokens, signal?: AbortSignal) {
    this.#link = link;
    this.#agent = namedFor(agent, link);
    this.hold = held.hold;
    this.bucket = held.bucket;
    this.amounts = held.amounts;
    this.unitsMicro = Object.fromEntries(Object.entries(held.unitsMicro).map(([name, unit]) => [name, Number(unit)]));
    this.amountMicro = Number(held.amountMicro);
    this.ratePermille = held.ratePermille;
    this.noisePermille = held.noisePermille;
    this.#expiresAt = held.expiresAt;
    this.signal = signal ?? new AbortController().signal;
  }

  /** When what was not given back counts as used, as this machine's clock shows it (ms since the epoch). */
  get expiresAt(): number {
    return this.#link.clock.local(this.#expiresAt);
  }

  /** How long it can still be given back, in ms; 0 when it cannot. */
  get remainingMs(): number {
    return this.#returning === undefined ? Math.max(0, this.#link.clock.until(this.#expiresAt)) : 0;
  }

  /** What the upstream said, if it was heard. */
  get upstream(): UpstreamWord | undefined {
    return this.#word;
  }

  /** Whether the upstream answered 429. */
  get limited(): boolean {
    return this.#word?.status === 429;
  }

  /** Says how many were used, by limit; of a limit that is never named all count. More than held may have been used. */
  used(amounts: Amounts): void {
    const known = amountsOf(amounts, 0);
    for (const limit of Object.keys(known)) {
      if (this.amounts[limit] === undefined) throw new RangeError(`${limit}: no tokens of it are held`);
    }
    Object.assign(this.#used, known);
  }

  /** Hears an upstream's answer to a request under this hold, for the bank; a 429 is not forgotten over a later answer. */
  heard(answer: UpstreamAnswer): UpstreamWord {
    const word = upstreamWordOf(answer, Object.keys(this.amounts), Date.now());
    if (!this.limited || word.status === 429) this.#word = word;
    return word;
  }

  /**
   * Ends the hold: what was used is paid, the rest comes back. `used` adds to what was said before; of limits that
   * nobody named all count as used, except after a 429: then none of them, but for `requests`. Repeated calls get the same
   * answer, unless that was `unavailable`, or `not-your-turn`: a task's work has them, and `used` is not counted yet.
   */
  return(used: Amounts = {}): Promise<Told<'return'>> {
    if (this.#returning === undefined) {
      const before = { ...this.#used };
      if (Object.keys(used).length > 0) this.used(used);
      this.#request ??= this.#ending();
      this.#returning = this.#return(this.#request, before);
    }
    return this.#returning;
  }

  /** Gives all of it back: nothing was used. */
  release(): Promise<Told<'return'>> {
    return this.return(Object.fromEntries(Object.keys(this.amounts).map((limit) => [limit, 0])));
  }

  /** Offers a part of it to one other agent, who takes it up with `buyTokens`; a second offer takes the first one's place. */
  async offer(to: string, offer: TokenOffer): Promise<Told<'offer-tokens'>> {
    const asked = await this.#link.bank.ask('offer-tokens', {
      ...{ key: newUlid(), hold: this.hold, to },
      ...offerOf(offer),
      ...this.#agent,
    });
    return told(asked);
  }

  #ending(): BankRequest<'return'> {
    const upstream = this.#word === undefined ? {} : { upstream: this.#word };
    const used = { ...(this.limited ? this.#refused() : {}), ...this.#used };
    return { key: newUlid(), hold: this.hold, used, ...upstream, ...this.#agent };
  }

  async #return(request: BankRequest<'return'>, before: Record<string, number>): Promise<Told<'return'>> {
    const asked = await this.#link.bank.ask('return', request, { withinMs: RETURN_WITHIN_MS });
    if (!asked.ok && (asked.detail === 'unavailable' || asked.detail === 'not-your-turn')) this.#returning = undefined;
    if (!asked.ok && asked.detail === 'not-your-turn') {
      this.#request = undefined;
      this.#used = before;
    }
    return told(asked);
  }

  #refused(): Record<string, number> {
    const none = Object.keys(this.amounts).filter((limit) => limit !== COUNTED_WHEN_REFUSED);
    return Object.fromEntries(none.map((limit) => [limit, 0]));
  }
}
