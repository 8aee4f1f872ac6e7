// The bank as a NATS service in a queue group: any number of brokers share its endpoints, `nats micro ls` finds them.
import {
  type AdminOperation,
  adminEnvelope,
  adminOperations,
  type BankOperation,
  bankEnvelopes,
  bankOperations,
  check,
  type Decoded,
  decodeJson,
  type Envelope,
  encode,
  isOwnInbox,
  type Refusal,
  refusal,
  senderOf,
  subjects,
} from '@tender/market';
import { newUlid, stepHeaders, traceparentOf } from '@tender/market/nats';
import { type Msg, type NatsConnection, type Service, ServiceErrorCodeHeader, ServiceErrorHeader } from 'nats';
import type { z } from 'zod';
import type { AskedInTime, Bank } from './bank.js';
import { admin } from './endpoints/admin.js';
import { escalate, policy, proposal } from './endpoints/approvals.js';
import { award } from './endpoints/award.js';
import { budget } from './endpoints/budget.js';
import { extend, lock, release } from './endpoints/calls.js';
import { deposit, withdrawDeposit } from './endpoints/deposit.js';
import { engage } from './endpoints/engage.js';
import { preempt, renew, settle } from './endpoints/leases.js';
import { quote } from './endpoints/quote.js';
import { account, contract } from './endpoints/reads.js';
import { contracts, report, task } from './endpoints/report.js';
import { session } from './endpoints/session.js';
import { tokenEndpoints } from './endpoints/tokens.js';
import type { Outcome } from './outcome.js';

type AnyEnvelope = Envelope<'request'> & { readonly replyBy: number };
type Perform = (envelope: AnyEnvelope) => Promise<Outcome<unknown>>;

const handlers = {
  session,
  account,
  budget,
  contract,
  quote,
  lock,
  extend,
  release,
  award,
  renew,
  settle,
  engage,
  report,
  task,
  contracts,
  proposal,
  escalate,
  policy,
  preempt,
  ...tokenEndpoints,
  deposit,
  'withdraw-deposit': withdrawDeposit,
} satisfies Record<BankOperation, unknown>;

const MAX_UNDER_WAY = 8_192;

export class BankService {
  readonly #bank: Bank;
  readonly #nats: NatsConnection;
  #service: Service | undefined;
  #underWay = 0;

  constructor(bank: Bank, nats: NatsConnection) {
    this.#bank = bank;
    this.#nats = nats;
  }

  async start(version: string): Promise<void> {
    const { market } = this.#bank;
    const service = await this.#nats.services.add({
      name: `tender-bank-${market}`,
      version,
      description: `The bank of the market ${market}`,
      queue: 'bank',
    });
    this.#service = service;
    for (const operation of bankOperations) {
      const handler = handlers[operation] as (bank: Bank, asked: AskedInTime<unknown>) => Promise<Outcome<unknown>>;
      const perform: Perform = ({ sender, conversation, sentAt, replyBy, body }) =>
        handler(this.#bank, { sender, conversation, sentAt, replyBy, body });
      this.#endpoint(operation, subjects.banks(market, operation), bankEnvelopes[operation], perform);
    }
    for (const operation of adminOperations) {
      const perform: Perform = (envelope) =>
        admin(this.#bank, operation as AdminOperation, envelope as Parameters<typeof admin>[2]);
      this.#endpoint(`admin-${operation}`, subjects.admins(market, operation), adminEnvelope, perform);
    }
  }

  #endpoint(
    name: BankOperation | `admin-${AdminOperation}`,
    subject: string,
    schema: z.ZodType,
    perform: Perform,
  ): void {
    this.#service!.addEndpoint(name, {
      subject,
      handler: (error, msg) => {
        if (error) this.#bank.log.error({ error, operation: name }, 'subscription failed');
        else this.#take(name, schema as z.ZodType<AnyEnvelope>, msg, perform);
      },
    });
  }

  #take(operation: string, schema: z.ZodType<AnyEnvelope>, msg: Msg, perform: Perform): void {
    this.#answer(operation, schema, msg, perform).catch((error: unknown) => {
      // An answer that cannot be sent; whoever waits for it asks again under the same key.
      this.#bank.log.error({ operation, error: String(error) }, 'not answered');
    });
  }

  async #answer(operation: string, schema: z.ZodType<AnyEnvelope>, msg: Msg, perform: Perform): Promise<void> {
    const startedAt = performance.now();
    this.#underWay += 1;
    try {
      const sender = senderOf(msg.subject);
      if (sender === undefined || !isOwnInbox(msg.reply, sender)) {
        // Nowhere safe to answer: whoever asked must not make the bank write into another's inbox.
        this.#bank.metrics.refusals.inc({ operation, detail: 'not-permitted' });
        return;
      }
      const decoded = read(schema, msg, sender);
      const outcome = decoded.ok ? await this.#admit(operation, decoded.value, perform) : decoded;
      this.#reply(msg, operation, decoded.ok ? decoded.value : undefined, outcome);
    } finally {
      this.#underWay -= 1;
      this.#bank.metrics.latency.observe({ operation }, (performance.now() - startedAt) / 1000);
    }
  }

  /** Beyond what Redis answers in a second, waiting longer helps nobody: whoever asks is told to come again. */
  #admit(operation: string, envelope: AnyEnvelope, perform: Perform): Promise<Outcome<unknown>> | Outcome<unknown> {
    const busy = this.#underWay - this.#bank.tokens.asleep;
    if (busy <= MAX_UNDER_WAY) return this.#perform(operation, envelope, perform);
    return refusal('unavailable', `${MAX_UNDER_WAY} requests are under way: ask again with the same key`);
  }

  async #perform(operation: string, envelope: AnyEnvelope, perform: Perform): Promise<Outcome<unknown>> {
    try {
      return await perform(envelope);
    } catch (error) {
      const { sender: agent, conversation } = envelope;
      this.#bank.log.warn({ operation, agent, conversation, error: String(error) }, 'outcome unknown');
      return refusal('unavailable', 'the bank lost its store while at it: ask again with the same key');
    }
  }

  #reply(msg: Msg, operation: string, asked: AnyEnvelope | undefined, outcome: Outcome<unknown>): void {
    const conversation = asked?.conversation ?? 'none';
    const traceparent = traceparentOf(msg.headers);
    const status = outcome.ok ? 200 : outcome.status;
    const facts = outcome.ok ? outcome.facts : { detail: outcome.detail, reason: outcome.reason };
    const headers = stepHeaders({ status, conversation, traceparent, ...facts });
    if (!outcome.ok) {
      headers.set(ServiceErrorCodeHeader, String(outcome.status));
      headers.set(ServiceErrorHeader, oneLine(outcome.message));
      this.#bank.metrics.refusals.inc({ operation, detail: outcome.detail });
    }
    this.#bank.log.debug({ operation, agent: asked?.sender, conversation, status }, 'answered');
    msg.respond(encode(envelopeOf(asked, conversation, outcome)), { headers });
  }

  /** Answers what has arrived, takes nothing new. */
  async stop(): Promise<void> {
    await this.#service?.stop();
    const patience = Date.now() + 5_000;
    while (this.#underWay > 0 && Date.now() < patience) await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function read(schema: z.ZodType<AnyEnvelope>, msg: Msg, sender: string): Decoded<AnyEnvelope> {
  const json = decodeJson(msg.data);
  if (!json.ok) return json;
  const decoded = check(schema, json.value);
  if (!decoded.ok) return decoded;
  const { value } = decoded;
  if (value.sender !== sender)
    return refusal('not-permitted', `the subject says ${sender}, the message ${value.sender}`);
  const claimed = msg.headers?.get('Tender-Conversation');
  if (claimed && claimed !== value.conversation) {
    return refusal('malformed', 'Tender-Conversation: the header and the message name different conversations');
  }
  return decoded;
}

function envelopeOf(asked: AnyEnvelope | undefined, conversation: string, outcome: Outcome<unknown>): Envelope {
  const { performative, body } = outcome.ok
    ? { performative: 'inform' as const, body: outcome.result }
    : { performative: performativeOf(outcome), body: outcome };
  return {
    v: 1,
    id: newUlid(),
    conversation,
    ...(asked === undefined ? {} : { inReplyTo: asked.id }),
    sender: 'bank',
    sentAt: Date.now(),
    performative,
    body,
  };
}

function performativeOf(outcome: Refusal): 'not-understood' | 'failure' | 'refuse' {
  if (outcome.status === 400) return 'not-understood';
  return outcome.status === 503 ? 'failure' : 'refuse';
}

/** A header holds one line. */
function oneLine(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 256);
}
