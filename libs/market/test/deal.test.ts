// The digest under which a deal is sealed: what is written once for a negotiation is what canonical JSON would have.
import { createHash } from 'node:crypto';
import { canonicalJson } from '@tender/credits';
import { Deals, dealDigest, type Frame, type Issues } from '@tender/market';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ask, frame } from './haggle-support.js';

test('of any deal: SHA-256 of the words and its JSON with sorted keys', () => {
  const text = fc.string({ unit: 'binary', maxLength: 20 });
  const deals = fc.record({
    buyer: text,
    conversation: text,
    summary: text,
    inputs: fc.dictionary(text, fc.jsonValue()),
    priceMicro: text,
    region: text,
    units: fc.integer(),
    hold: fc.option(text, { nil: undefined }),
  });
  fc.assert(
    fc.property(deals, ({ buyer, conversation, summary, inputs, priceMicro, region, units, hold }) => {
      const one = { ...frame, buyer, conversation, task: { ...frame.task, summary, inputs } } as Frame;
      const issues: Issues = { ...ask, priceMicro, region, units };
      const { market, task, conditions } = one;
      const json = canonicalJson({ market, conversation, buyer, task, conditions, issues, hold: hold ?? '' });
      const digest = createHash('sha256').update(`tender-deal-1|${json}`).digest('base64url');
      expect(dealDigest(one, issues, hold)).toBe(digest);
      const made = new Deals(one);
      expect([made.digest(issues, hold), made.digest(issues, hold)]).toEqual([digest, digest]);
    }),
  );
});
