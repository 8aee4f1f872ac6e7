// Slots that are locked behind an offer: what is given up while they are being locked leaves none of them behind.
import type { Frame, Issues, Offer } from '@tender/market';
import { expect, test } from 'vitest';
import type { Desk } from '../src/desk.js';
import { OfferMaker } from '../src/offer-maker.js';

const issues = { units: 1, durationMs: 1000 } as Issues;

/** A desk whose bank locks when told to, and notes what it is asked. */
function deskWith(asked: string[]) {
  const locks: (() => void)[] = [];
  const ask = (operation: string, { cfp }: { cfp: string }) => {
    asked.push(`${operation} ${cfp}`);
    const value = { slots: [0], awardBy: 60_000 };
    return new Promise((resolve) => {
      if (operation === 'lock') locks.push(() => resolve({ ok: true, value }));
      else resolve({ ok: true, value: {} });
    });
  };
  const link = { bank: { ask }, clock: { now: () => 0, until: (at: number) => at } };
  const sealer = { isReadyUntil: () => true, sealOffer: (_frame: Frame, of: Issues) => ({ issues: of }) as Offer };
  return { desk: { id: 'ann', link, sealer } as unknown as Desk, locks };
}

test.each([
  ['its negotiation ends', (maker: OfferMaker) => maker.close()],
  ['a contract takes an earlier offer', (maker: OfferMaker) => maker.used()],
])('an offer whose slots are being locked when %s gives them back', async (_when, giveUp) => {
  const asked: string[] = [];
  const { desk, locks } = deskWith(asked);
  const maker = new OfferMaker(desk, {} as Frame, 'intent', { pool: 'gpu' });
  const made = maker.make(issues, {} as never, 60_000);
  giveUp(maker);
  locks[0]!();
  expect(await made).toMatchObject({ ok: false, detail: 'expired' });
  expect(asked).toEqual([asked[0], asked[0]!.replace('lock', 'release')]);
  expect(maker.hold).toBeUndefined();
});
