// The wire suffices: login, sealed bid, award and settlement with the plain NATS client and node:crypto, no SDK.
// Run it with what `tender up` prints, or as examples/set-up.mjs says.
import {
  createDecipheriv,
  createHash,
  createHmac,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  randomBytes,
} from 'node:crypto';
import { connect, nkeys } from 'nats';
import { environment } from './market.mjs';

const env = environment('NATS_URL', 'TENDER_AGENT', 'TENDER_AGENT_SEED');
const { NATS_URL, TENDER_MARKET: market = 'demo', TENDER_POOL: pool = 'gpu.h100' } = env;
const { TENDER_AGENT: me, TENDER_AGENT_SEED: seed } = env;

const bytes = (text) => new TextEncoder().encode(text);
const parse = (msg) => JSON.parse(new TextDecoder().decode(msg.data));

/** A ULID: 10 digits of time, 16 of chance, in Crockford's base 32. */
function ulid() {
  const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  let time = '';
  for (let ms = Date.now(), n = 0; n < 10; n++, ms = Math.floor(ms / 32)) time = digits[ms % 32] + time;
  return time + [...randomBytes(16)].map((byte) => digits[byte & 31]).join('');
}

/** Every message wears the same envelope. */
function envelope(performative, conversation, body, more = {}) {
  const head = { v: 1, id: ulid(), conversation, sender: me, sentAt: Date.now(), ...more };
  return bytes(JSON.stringify({ ...head, performative, body }));
}

// The broker answers only to an inbox that carries the sender's name.
const nc = await connect({ servers: NATS_URL, name: me, inboxPrefix: `_INBOX_${me}` });

/** Asks the bank: the sender is a token of the subject. Retried by hand, it would carry the same `key`. */
async function bank(operation, body) {
  const payload = envelope('request', me, body, { replyBy: Date.now() + 5000 });
  const reply = parse(await nc.request(`tender.${market}.bank.${me}.${operation}`, payload, { timeout: 5000 }));
  if (reply.performative !== 'inform') throw new Error(`${operation}: ${reply.body.detail}: ${reply.body.message}`);
  return reply.body;
}

// 1. Log in: the nkey's signature buys a session key under which cheques are sealed. It comes encrypted to a fresh
// X25519 key, because others may be listening.
const pair = nkeys.fromSeed(bytes(seed));
const [nonce, at] = [ulid(), Date.now()];
const { publicKey, privateKey } = generateKeyPairSync('x25519');
const ephemeral = publicKey.export({ format: 'jwk' }).x;
const proof = pair.sign(bytes(`tender-login-2|${market}|${me}|${nonce}|${at}|${ephemeral}`));
const signature = Buffer.from(proof).toString('base64url');
const session = await bank('session', { nkey: pair.getPublicKey(), nonce, at, ephemeral, signature });
const theirs = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: session.ephemeral }, format: 'jwk' });
const context = ['tender-session-key-1', market, me, session.session, session.until].join('|');
const wrapping = hkdfSync('sha256', diffieHellman({ privateKey, publicKey: theirs }), '', context, 32);
const sealed = Buffer.from(session.sealedKey, 'base64url');
const decipher = createDecipheriv('aes-256-gcm', Buffer.from(wrapping), Buffer.alloc(12)).setAuthTag(
  sealed.subarray(32),
);
const sessionKey = Buffer.concat([decipher.update(sealed.subarray(0, 32)), decipher.final()]);
console.log(`logged in until ${new Date(session.until).toISOString()}`);

/** 2. A bid is a cheque: the call's terms, price, units and intent, sealed for the bank's eyes. */
function chequeFor({ terms, awardBy }) {
  const { cfp, initiator, direction, units, rule, reservePriceMicro, durationMs, windowMs, seals } = terms;
  const named = [market, cfp, terms.pool, initiator, direction, units, rule, reservePriceMicro, durationMs, windowMs];
  const digest = createHash('sha256')
    .update(['tender-terms-1', ...named, [...seals].sort().join(',')].join('|'))
    .digest('base64url');
  const bid = { participant: me, units: 1, priceMicro: '4000000', intent: ulid().toLowerCase(), until: awardBy };
  const text = ['tender-cheque-1', market, cfp, digest, me, bid.units, bid.priceMicro, bid.intent, bid.until].join('|');
  const seal = createHmac('sha256', sessionKey).update(text).digest('base64url');
  return { ...bid, seal: 'mac', session: session.session, sessionUntil: session.until, signature: seal };
}

// 3. Hear whether it won: the initiator speaks on the agent's talk subject.
const talk = nc.subscribe(`tender.${market}.talk.${me}.*`);

// 4. Listen to the pool (dots become underscores) and bid in each call, until one is won.
nc.subscribe(`tender.${market}.cfp.${pool.replaceAll('.', '_')}.*`, {
  callback: (_error, msg) => {
    const { performative, conversation, body } = parse(msg);
    if (performative !== 'cfp' || !body.terms.seals.includes('mac')) return;
    const message = envelope('propose', conversation, { cfp: conversation, cheques: [chequeFor(body)] });
    nc.publish(`tender.${market}.bid.${body.terms.initiator}.${conversation}.${me}`, message);
  },
});

for await (const msg of talk) {
  const { performative, body } = parse(msg);
  if (performative === 'reject-proposal') console.log(`lost: ${body.losers[0].detail}`);
  if (performative !== 'accept-proposal') continue;
  // 5. Believe the bank, not the initiator; then use the slots, then settle.
  const lease = await bank('contract', { contract: body.winners[0].contract });
  if (lease.participant !== me || lease.state === 'settled') continue;
  console.log(`won slot ${lease.slots} under fence ${lease.fences} for ${lease.priceMicro}`);
  const settled = await bank('settle', { key: ulid(), contract: lease.contract });
  console.log(`settled: paid ${settled.paidMicro}, got ${settled.refundedMicro} back`);
  break;
}
await nc.drain();
