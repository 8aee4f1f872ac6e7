// The short way to a slot: bid in every call under one intent until one is won.
import { type Detail, MAX_UNITS, type Refusal, refusal } from '@tender/market';
import { newId } from '@tender/market/nats';
import { BudgetRoom, type KnowsBudget } from './budget-room.js';
import { bid, type CallView } from './decision.js';
import type { ListenHandlers, Listening } from './handlers.js';
import type { Lease } from './lease.js';
import type { LostBid } from './lost-bid.js';
import { RefusedError } from './refused-error.js';
import { after } from './timer.js';

export interface WinOptions {
  /** Slots, all from one call; 1 when absent. */
  readonly units?: number;
  /** At most so many micro-credits per slot for the call's duration. */
  readonly maxPriceMicro: number;
  /** Bids in no call that asks for a larger deposit; by default what the slots may cost. */
  readonly maxDepositMicro?: number;
  /** Gives up after so many ms; 60,000 when absent. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
  /** The `hold` of rate tokens in hand: wins only while they are. `winBundle` takes them, too. */
  readonly tokens?: string;
}

/** Losing for these reasons will not change by waiting for the next call, where it is the bank that says so. */
export const hopeless: ReadonlySet<Detail> = new Set(['unknown', 'not-permitted', 'bad-signature', 'frozen']);
/** An initiator that says so is not believed; the bank is asked, so often at most. */
const DOUBT_MS = 5000;

/** What `win` needs of an agent. */
export interface Wins extends KnowsBudget {
  listen(pool: string, handlers: ListenHandlers): Listening;
  barred(): Promise<Refusal | undefined>;
}

/** Rejects with RangeError where the options make no sense. */
export async function win(agent: Wins, pool: string, options: WinOptions): Promise<Lease> {
  const { units = 1, maxPriceMicro, deadlineMs = 60_000, signal } = options;
  const maxDepositMicro = options.maxDepositMicro ?? maxPriceMicro * units;
  if (!Number.isInteger(units) || units < 1 || units > MAX_UNITS)
    throw new RangeError(`not a number of slots: ${units}`);
  if (Number.isNaN(deadlineMs)) throw new RangeError('deadlineMs is not a number');
  const offer = bid({ units, price: maxPriceMicro, intent: newId(), tokens: options.tokens });
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    let last: LostBid | undefined;
    const passed = new PassedBy(pool);
    const room = new BudgetRoom(agent, maxPriceMicro * units);
    let over = false;
    let doubtedAt = Number.NEGATIVE_INFINITY;
    const end = () => {
      over = true;
      stopTimer();
      signal?.removeEventListener('abort', aborted);
      listening.stop({ withdraw: true });
    };
    const giveUp = (error: unknown) => {
      if (over) return;
      end();
      reject(error);
    };
    const barred = ({ detail, message }: Pick<Refusal, 'detail' | 'message'>) =>
      giveUp(new RefusedError(refusal(detail, `the bank bars this agent: ${message}`)));
    const doubt = async () => {
      if (performance.now() - doubtedAt < DOUBT_MS) return;
      doubtedAt = performance.now();
      const refused = await agent.barred();
      if (refused !== undefined) barred(refused);
    };
    const aborted = () => giveUp(signal?.reason);
    const stopTimer = after(deadlineMs, () => {
      const nothing = `nothing was won in ${Math.round(deadlineMs)} ms`;
      const lost = () => (last === undefined ? passed.refused(nothing) : afterLoss(last, nothing, agent.now()));
      giveUp(new RefusedError(room.refused(nothing) ?? lost()));
    });
    signal?.addEventListener('abort', aborted, { once: true });
    const listening = agent.listen(pool, {
      evaluate: (call) => {
        if (over || call.units < units) return undefined;
        if (passed.by(call, maxPriceMicro, maxDepositMicro)) return undefined;
        // A bid in vain costs the seller an award and others their place.
        return room.isDoubted ? room.has().then((has) => (has && !over ? offer : undefined)) : offer;
      },
      onLease: (lease) => {
        // Won while giving up: nobody would use it, so it goes back.
        if (over) return void lease.release();
        end();
        resolve(lease);
      },
      onLost: (lost) => {
        const { detail, by } = lost;
        last = lost;
        if (detail === 'over-budget' && !over) room.doubt();
        if (over || !hopeless.has(detail)) return;
        if (by === 'bank') barred({ detail, message: `its bid lost: ${detail}` });
        else void doubt();
      },
    });
  });
}

/** The last loss, and when it is over: who knows that asks again then. */
function afterLoss({ detail, by, retryAt }: LostBid, nothing: string, nowMs: number): Refusal {
  const lost = `${nothing}; the last bid lost: ${detail}`;
  if (retryAt === undefined || retryAt <= nowMs) return refusal(detail, lost);
  const when = `until ${new Date(retryAt).toISOString()}${by === 'initiator' ? ', its seller says' : ''}`;
  return refusal(detail, `${lost}, ${when}`, { retryAt, retryAfterMs: Math.ceil(retryAt - nowMs) });
}

/** The calls in which no bid was made for what they asked: whoever bids in none hears why. */
class PassedBy {
  readonly #pool: string;
  #leastMicro = Number.POSITIVE_INFINITY;
  #leastDepositMicro = Number.POSITIVE_INFINITY;

  constructor(pool: string) {
    this.#pool = pool;
  }

  by(call: CallView, maxPriceMicro: number, maxDepositMicro: number): boolean {
    if (call.reservePriceMicro > maxPriceMicro) this.#leastMicro = Math.min(this.#leastMicro, call.reservePriceMicro);
    else if (call.depositMicro > maxDepositMicro)
      this.#leastDepositMicro = Math.min(this.#leastDepositMicro, call.depositMicro);
    else return false;
    return true;
  }

  /** Why nothing was won, where no bid was made at all. */
  refused(nothing: string): Refusal {
    if (this.#leastDepositMicro < Number.POSITIVE_INFINITY) {
      const asked = `its calls asked for a deposit of ${this.#leastDepositMicro} micro-credits at least`;
      return refusal('missing-dependency', `${nothing}; ${asked}`);
    }
    if (this.#leastMicro < Number.POSITIVE_INFINITY) {
      const asked = `its calls asked for ${this.#leastMicro} micro-credits per slot at least`;
      return refusal('below-reserve-price', `${nothing}; ${asked}`, { priceMicro: String(this.#leastMicro) });
    }
    return refusal('no-capacity', `${nothing}; there was no call of ${this.#pool} with enough units`);
  }
}
