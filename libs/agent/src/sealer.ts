// An agent's signature: it logs in, keeps the session fresh, and makes cheques of bids.
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import {
  type Bid,
  type Call,
  type Cheque,
  type Deals,
  ephemeralText,
  type Issues,
  type Offer,
  privateKeyOf,
  publicNkeyOf,
  type Refusal,
  refusal,
  type SealKind,
  type Session,
  sealEd25519,
  sealMac,
  sessionText,
  signText,
  unwrapSessionKey,
} from '@tender/market';
import { newId } from '@tender/market/nats';
import type { Link } from './link.js';

/** What a provider says of its offer beside the issues. */
export type Offered = Omit<Offer, 'issues' | 'seal'> & Pick<Bid, 'intent' | 'until'>;

/** A session is renewed when less than this share of its life is left. */
const RENEW_SHARE = 0.3;

interface LoggedIn extends Session {
  readonly secret: Buffer;
  readonly renewFrom: number;
}

export class Sealer {
  readonly nkey: string;
  readonly #link: Link;
  readonly #agent: string;
  readonly #key: KeyObject;
  readonly #seal: SealKind;
  #session: LoggedIn | undefined;
  #login: Promise<Refusal | undefined> | undefined;

  /** Throws where `seed` is no user seed. */
  constructor(link: Link, agent: string, seed: string, seal: SealKind) {
    const key = privateKeyOf(seed);
    if (key === undefined) throw new TypeError('not a user seed (SU…): see createSeed()');
    this.#link = link;
    this.#agent = agent;
    this.#key = key;
    this.#seal = seal;
    this.nkey = publicNkeyOf(seed);
  }

  /** The seal that this call takes from this agent; a `mac` is never given where the agent chose `ed25519`. */
  sealFor(call: Call): SealKind | undefined {
    const { seals } = call.terms;
    if (seals.includes(this.#seal)) return this.#seal;
    return this.#seal === 'mac' && seals.includes('ed25519') ? 'ed25519' : undefined;
  }

  /** Whether a cheque for this call can be sealed at once. Starts a login in time where the session grows old. */
  isReady(call: Call): boolean {
    if (this.sealFor(call) !== 'mac') return true;
    const session = this.#session;
    if (session === undefined) return false;
    if (this.#link.clock.now() >= session.renewFrom) void this.login();
    return session.until > call.awardBy;
  }

  /** Logs in, once at a time; undefined when done, else why not. */
  login(): Promise<Refusal | undefined> {
    this.#login ??= this.#logIn().finally(() => {
      this.#login = undefined;
    });
    return this.#login;
  }

  async #logIn(): Promise<Refusal | undefined> {
    const first = await this.#attempt();
    const refused = this.#link.lastRefused;
    if (first?.detail !== 'stale' || refused === undefined) return first;
    // This machine's clock is far off: the broker's own, read from its refusal, is good enough to try again.
    this.#link.clock.observe(refused.brokerMs, refused.sentMs, refused.receivedMs);
    return this.#attempt();
  }

  async #attempt(): Promise<Refusal | undefined> {
    const link = this.#link;
    const nonce = newId();
    const at = link.clock.now();
    const { privateKey } = generateKeyPairSync('x25519');
    const ephemeral = ephemeralText(privateKey);
    const asked = await link.bank.ask('session', {
      nkey: this.nkey,
      nonce,
      at,
      ephemeral,
      signature: signText(sessionText(link.market, this.#agent, nonce, at, ephemeral), this.#key),
      ...(this.#agent !== link.sender && { agent: this.#agent }),
    });
    if (!asked.ok) return asked;
    const { session, until, clock, sealedKey, ephemeral: theirs } = asked.value;
    link.clock.observe(clock, asked.sentMs, performance.now());
    const renewFrom = until - (until - clock) * RENEW_SHARE;
    const about = { market: link.market, agent: this.#agent, session, until };
    const secret = unwrapSessionKey(privateKey, theirs, about, sealedKey);
    if (secret === undefined) return refusal('bad-signature', 'the answer to the login was not made for it');
    this.#session = { session, until, secret, renewFrom };
    return undefined;
  }

  /** Makes a cheque of a bid; undefined where the call takes none of this agent's seals or no session runs. */
  seal(call: Call, digest: string, bid: Bid): Cheque | undefined {
    const kind = this.sealFor(call);
    return kind && this.#sealAs(kind, call.terms.cfp, digest, bid);
  }

  #sealAs(kind: SealKind, conversation: string, digest: string, bid: Bid): Cheque | undefined {
    const { market } = this.#link;
    if (kind === 'ed25519') return sealEd25519(market, conversation, digest, bid, this.nkey, this.#key);
    return this.#session && sealMac(market, conversation, digest, bid, this.#session, this.#session.secret);
  }

  /** Whether an offer that holds until then can be sealed at once. Starts a login in time, as above. */
  isReadyUntil(until: number): boolean {
    if (this.#seal !== 'mac') return true;
    const session = this.#session;
    if (session === undefined) return false;
    if (this.#link.clock.now() >= session.renewFrom) void this.login();
    return session.until > until;
  }

  /**
   * Seals an offer for a task over the deal's digest. It holds until `until`, or as long as the session under which it
   * is sealed where that ends before. Undefined where no session runs.
   */
  sealOffer(deals: Deals, issues: Issues, offered: Offered): Offer | undefined {
    const { intent, until, ...said } = offered;
    const { units, priceMicro } = issues;
    const bid: Bid = { participant: this.#agent, units, priceMicro, intent, until };
    const digest = deals.digest(issues, offered.hold);
    const seal = this.#sealAs(this.#seal, deals.conversation, digest, bid);
    return seal && { issues, seal, ...said };
  }
}
