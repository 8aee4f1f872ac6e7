// When win gives up, and what it says then: by a pool whose calls are told by hand, without a market.
import { expect, test } from 'vitest';
import type { CallView, LostBid } from '../src/index.js';
import { type WinOptions, type Wins, win } from '../src/win.js';

const NOW = 1_800_000_000_000;

/** An agent whose pool calls so, and whose bids then end so. */
function agentWith(call: Partial<CallView>, lost?: Partial<LostBid>): Wins & { bids: number } {
  const agent = {
    bids: 0,
    now: () => NOW,
    budget: async () => ({ ok: true as const, agent: 'ann', at: NOW, budgets: [] }),
    barred: async () => undefined,
    listen: (_pool: string, { evaluate, onLost }: Parameters<Wins['listen']>[1]) => {
      queueMicrotask(() => {
        const bids = evaluate({ units: 1, reservePriceMicro: 0, depositMicro: 0, ...call } as CallView);
        if (bids === undefined) return;
        agent.bids += 1;
        if (lost !== undefined) onLost?.(lost as LostBid);
      });
      return { ready: Promise.resolve(), stop: () => undefined };
    },
  };
  return agent;
}

const options: WinOptions = { maxPriceMicro: 2, deadlineMs: 1 };

test.each<[string, Partial<CallView>, object, RegExp]>([
  ['too few units', { units: 0 }, { detail: 'no-capacity' }, /no call of gpu with enough units/],
  ['too dear', { reservePriceMicro: 3 }, { detail: 'below-reserve-price', priceMicro: '3' }, /asked for 3 micro/],
  ['a deposit', { depositMicro: 3 }, { detail: 'missing-dependency' }, /its calls asked for a deposit of 3 micro/],
])('at the deadline, where no bid was made: %s', async (_why, call, refusal, message) => {
  const agent = agentWith(call);
  const error = await win(agent, 'gpu', options).catch((thrown) => thrown);
  expect(error).toMatchObject({ refusal, message: expect.stringMatching(message) });
  expect(error.message).toContain('nothing was won in 1 ms');
  expect(agent.bids).toBe(0);
});

test('who would risk a deposit bids', async () => {
  const agent = agentWith({ depositMicro: 3 });
  await expect(win(agent, 'gpu', { ...options, maxDepositMicro: 3 })).rejects.toThrow('there was no call');
  expect(agent.bids).toBe(1);
});

test('at the deadline, where a bid was lost: why it was', async () => {
  const agent = agentWith({}, { detail: 'insufficient-credits', by: 'initiator' });
  const refusal = { detail: 'insufficient-credits' };
  await expect(win(agent, 'gpu', options)).rejects.toMatchObject({ refusal });
});

test('at the deadline, where a budget is spent: until when, by the bank if it bears that out, else by its seller', async () => {
  const retryAt = NOW + 5000;
  const told = agentWith({}, { detail: 'over-budget', by: 'initiator', retryAt });
  await expect(win(told, 'gpu', options)).rejects.toMatchObject({
    refusal: { detail: 'over-budget', retryAt, retryAfterMs: 5000 },
    message: expect.stringContaining('over-budget, until 2027-01-15T08:00:05.000Z, its seller says'),
  });
  const past = agentWith({}, { detail: 'over-budget', by: 'initiator', retryAt: NOW });
  await expect(win(past, 'gpu', options)).rejects.not.toHaveProperty('refusal.retryAt');
  const team = { id: 'team', leftMicro: '1', borrowMicro: '0', owedMicro: '0', nextWindowAt: NOW + 7000 };
  const spent = { ok: true, agent: 'ann', at: NOW, budgets: [team] } as never;
  await expect(win({ ...told, budget: async () => spent }, 'gpu', options)).rejects.toMatchObject({
    refusal: { detail: 'over-budget', retryAt: NOW + 7000, retryAfterMs: 7000 },
    message: expect.stringContaining('the budget team has 1 micro-credits left until 2027-01-15T08:00:07.000Z'),
  });
});

test('at once where the bank bars the agent; an initiator that says so is not believed', async () => {
  const patient: WinOptions = { ...options, deadlineMs: 3_600_000 };
  const barred = agentWith({}, { detail: 'frozen', by: 'bank' });
  await expect(win(barred, 'gpu', patient)).rejects.toThrow('the bank bars this agent: its bid lost: frozen');
  const told = agentWith({}, { detail: 'frozen', by: 'initiator' });
  await expect(win(told, 'gpu', options)).rejects.toThrow('nothing was won in 1 ms; the last bid lost: frozen');
  const asked: Wins = { ...told, barred: async () => ({ ok: false, detail: 'frozen', message: 'it is' }) as never };
  await expect(win(asked, 'gpu', patient)).rejects.toThrow('the bank bars this agent: it is');
});
