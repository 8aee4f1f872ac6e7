// Deals and sealed offers made of the wire alone, for tests that must not trust the SDK with what they prove.
import { DEFAULT_CONDITIONS, dealDigest, type Frame, type Issues, type Offer, sealMac } from '@tender/market';
import { newId } from '@tender/market/nats';
import type { WireClient } from './wire-client.js';

export interface DealDraft {
  readonly frame: Frame;
  readonly ask: Issues;
}

/** A small task of this buyer's, to be started within a minute and done within two. */
export function dealOf(buyer: WireClient, more: Partial<Frame> = {}, issues: Partial<Issues> = {}): DealDraft {
  const now = Date.now();
  const frame: Frame = {
    market: buyer.market,
    conversation: newId(),
    buyer: buyer.id,
    task: {
      task: newId(),
      summary: 'render a film',
      resource: 'gpu.h100',
      dataClass: 'public',
      inputs: { film: 'one' },
    },
    conditions: { ...DEFAULT_CONDITIONS, bondMicro: '1000' },
    ...more,
  };
  const ask: Issues = {
    ...{ priceMicro: '500000', startBy: now + 60_000, deadline: now + 120_000, durationMs: 60_000 },
    ...{ units: 1, batch: 1, scope: 1000, region: 'eu', ...issues },
  };
  return { frame, ask };
}

/** This provider's sealed offer; `issues` differ from what was asked, `more` overrides what was sealed. */
export function offerOf(
  provider: WireClient,
  { frame, ask }: DealDraft,
  issues: Partial<Issues> = {},
  more: Partial<Offer> = {},
): Offer {
  const offered = { ...ask, ...issues };
  const { session } = provider;
  const bid = {
    participant: provider.id,
    units: offered.units,
    priceMicro: offered.priceMicro,
    intent: newId(),
    until: Date.now() + 60_000,
  };
  const digest = dealDigest(frame, offered, more.hold);
  const seal = sealMac(provider.market, frame.conversation, digest, bid, session, session.key);
  return {
    ...{ issues: offered, seal, completesAt: ask.deadline, assumptions: [], dependencies: [] },
    ...{ quality: 500, risk: 100, ...more },
  };
}

export function engageOf(deal: DealDraft, offers: readonly Offer[], more: Record<string, unknown> = {}) {
  const fill = { kind: 'one', by: 'units' };
  return { key: `engage-${newId()}`, frame: deal.frame, ask: deal.ask, rule: 'lowest-price', fill, offers, ...more };
}

/** A receipt as a provider hands it over. */
export function receiptOf(outcome: 'done' | 'failed', more: Record<string, unknown> = {}) {
  const now = Date.now();
  return { outcome, startedAt: now, endedAt: now, outputs: {}, used: {}, warnings: [], ...more };
}
