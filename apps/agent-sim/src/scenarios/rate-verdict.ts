// What the two runs of the rate-token scenario are held to, and how they are told; pure.
import { showCount, showMs, showShare } from '../figures.js';
import { credits, percent } from './cast.js';
import type { Got, RunFigures } from './rate-figures.js';
import { grantedTokens } from './rate-figures.js';
import { KINDS, LIMITS, LOAD, MIRROR, PARTS, PATIENCE_MS, type RatePlan } from './rate-plan.js';
import type { Figure, Table } from './scenario.js';

export interface RatesTold {
  readonly plan: RatePlan;
  readonly before: RunFigures;
  readonly after: RunFigures;
  /** How long the bank took at p99 to answer a mere question during the managed run: what the machine adds to a wait. */
  readonly answerMs: number;
  /** The upstream said nothing of what was left. */
  readonly quiet?: boolean | undefined;
}

/** What must be reached through the market. */
const TARGETS = {
  /** The upstream's 429s, as a share of its requests. */
  throttled: 0.005,
  /** System agents' p99 wait, as a share of the others'. */
  systemWait: 0.05,
  /** Honest agents' throughput, as a share of what is fair. */
  honest: 0.9,
  /** The greedy neighbour's price per token, in honest agents' prices. */
  greedyPrice: 1.2,
} as const;

/** Where a mere question takes longer at p99, the machine has too much else to do. */
const BUSY_MS = 100;
/** Where it is busy, a wait may be longer by so many questions: a request's time comes, its take goes out, is cleared. */
const QUESTIONS_IN_A_WAIT = 3;
/** Where it takes so long, whole processes stood still: what they held back comes at once, and nothing can be said. */
const STALLED_MS = 500;

/** Where an upstream tells its limits by 429s alone, its Retry-After, whole seconds, holds up everybody. */
const RETRY_AFTER_MS = 1000;

/**
 * Each target that was missed, a sentence each. A System agent's wait may be longer by what a mere question to the bank
 * took (on a busy machine by three such), and as long as the pause that a quiet upstream asks for. On a busy machine
 * honest agents may get as much less than is fair as all together got less; on one that stalled, 429s, waits and shares are shown, not judged.
 */
export function judge({ after, answerMs, quiet }: RatesTold): string[] {
  const { system, honest, greedy } = after.kinds;
  const stalled = answerMs > STALLED_MS;
  const waitMs = Math.max(TARGETS.systemWait * after.othersP99Ms, quiet === true ? RETRY_AFTER_MS : 0);
  const longestMs = waitMs + answerMs * (answerMs > BUSY_MS ? QUESTIONS_IN_A_WAIT : 1);
  const least = TARGETS.honest * (answerMs > BUSY_MS ? Math.min(1, after.served) : 1);
  const share = honest.tokens / honest.fairTokens;
  const price = greedy.perThousandMicro / Math.max(1, honest.perThousandMicro);
  const said: readonly (readonly [boolean, string])[] = [
    [
      after.throttled < TARGETS.throttled || stalled,
      `${percent(after.throttled)} % of the upstream’s answers were 429, not below ${percent(TARGETS.throttled)} %`,
    ],
    [
      system.p99Ms < longestMs || stalled,
      `System agents waited ${showMs(system.p99Ms)} at p99, not below ${showMs(longestMs)}`,
    ],
    [
      share >= least || stalled,
      `honest agents got ${percent(share)} % of their fair share, not ${percent(least)} % or more`,
    ],
    [
      price >= TARGETS.greedyPrice,
      `the greedy neighbour paid ${price.toFixed(2)} times what honest agents paid per token, not ${TARGETS.greedyPrice} or more`,
    ],
  ];
  return said.flatMap(([reached, sentence]) => (reached ? [] : [sentence]));
}

export function rateFigures({ before, after }: RatesTold): [Figure, ...Figure[]] {
  const fair = ({ tokens, fairTokens }: Got) => percent(tokens / fairTokens);
  const unmanaged = (value: number) => ({ name: 'unmanaged', value });
  return [
    {
      name: '429s of the upstream',
      value: hundredths(after.throttled),
      unit: '% of requests',
      against: unmanaged(hundredths(before.throttled)),
    },
    {
      name: 'p99 wait of System agents',
      value: after.kinds.system.p99Ms,
      unit: 'ms',
      against: { name: 'of the others', value: after.othersP99Ms },
    },
    {
      name: 'honest agents’ throughput',
      value: fair(after.kinds.honest),
      unit: '% of their fair share',
      against: unmanaged(fair(before.kinds.honest)),
    },
    {
      ...{
        name: 'the one honest agent that got least',
        value: percent(after.lowestHonest),
        unit: '% of its fair share',
      },
      against: unmanaged(percent(before.lowestHonest)),
    },
    {
      name: 'the greedy neighbour’s throughput',
      value: fair(after.kinds.greedy),
      unit: '% of its fair share',
      against: unmanaged(fair(before.kinds.greedy)),
    },
    {
      name: 'its price per 1,000 tokens',
      value: perThousand(after.kinds.greedy),
      unit: 'credits',
      against: { name: 'honest agents’', value: perThousand(after.kinds.honest) },
    },
    {
      name: 'Jain’s index of shares',
      value: Math.round(after.jain * 1000) / 1000,
      unit: '',
      against: unmanaged(Math.round(before.jain * 1000) / 1000),
    },
    {
      name: 'tokens let in, of all that was due',
      value: percent(after.served),
      unit: '%',
      against: unmanaged(percent(before.served)),
    },
  ];
}

/** In per cent, to a hundredth: 0.5 % is asked of it. */
function hundredths(share: number): number {
  return Math.round(share * 10_000) / 100;
}

function perThousand({ perThousandMicro }: Got): number {
  return Math.round(perThousandMicro / 1000) / 1000;
}

export function rateTables({ before, after }: RatesTold): Table[] {
  const common = (got: Got) => [
    showCount(got.requests),
    showShare(got.letIn / Math.max(1, got.requests)),
    showMs(got.p50Ms),
    showMs(got.p99Ms),
    showCount(got.tokens),
    showCount(got.fairTokens),
    showShare(got.tokens / Math.max(1, got.fairTokens)),
  ];
  const head = ['requests', 'let in', 'p50', 'p99', 'tokens', 'fair', 'of fair'];
  return [
    { title: 'Unmanaged', head: ['kind', ...head], rows: KINDS.map((kind) => [kind, ...common(before.kinds[kind])]) },
    {
      title: 'Through the market',
      head: ['kind', ...head, 'spent', 'for noise', 'per 1,000'],
      rows: KINDS.map((kind) => {
        const got = after.kinds[kind];
        const noise = `${credits(got.noiseMicro).toFixed(2)} (${showShare(got.noiseMicro / Math.max(1, got.paidMicro))})`;
        return [kind, ...common(got), credits(got.paidMicro).toFixed(2), noise, perThousand(got).toFixed(3)];
      }),
    },
  ];
}

function evenly({ kinds: { honest } }: RunFigures): number {
  return percent(honest.tokens / honest.evenTokens);
}

export function rateNotes({ plan, before, after, answerMs, quiet }: RatesTold): string[] {
  const { requestsPerMinute, tokensPerMinute, burstMs } = LIMITS;
  const parts = PARTS.map(({ kind, agents, shares }) => `${agents} ${kind} of ${shares}`).join(', ');
  const whys = (gaveUp: Readonly<Record<string, number>>) =>
    Object.entries(gaveUp)
      .map(([why, count]) => `${why} ${showCount(count)}`)
      .join(', ') || 'nobody';
  return [
    `${plan.arrivals.length} requests of ${plan.source}, compressed ${plan.compression.toFixed(1)} times into ${(plan.runMs / 1000).toFixed(1)} s: ${plan.load.tokens.toFixed(2)} times the upstream’s tokens, ${plan.load.requests.toFixed(2)} times its requests (${LOAD} is asked for).`,
    `The upstream grants ${showCount(requestsPerMinute)} requests and ${showCount(tokensPerMinute)} tokens a minute, ${burstMs / 1000} s of it at once: ${showCount(grantedTokens(plan.runMs))} tokens in the run. The bucket says ${percent(MIRROR - 1)} % more${quiet === true ? ', and the upstream does not say what is left' : ', and agents pass on what the upstream’s headers say is left'}.`,
    `Agents by the fair shares that each asks for: ${parts}. Everybody waits ${PATIENCE_MS / 1000} s at most; who gives up counts as having waited so long.`,
    `Given up: unmanaged ${whys(before.gaveUp)}; through the market ${whys(after.gaveUp)}.`,
    `Fair is what the upstream’s limit gives at every moment, max-min, to those who have requests then, System agents and their reserve first. By one division of all ${showCount(grantedTokens(plan.runMs))} tokens, lulls included, honest agents got ${evenly(after)} % (unmanaged ${evenly(before)} %).`,
    `A mere question to the bank took ${showMs(answerMs)} at p99 while agents fought over tokens: ${answerMs > STALLED_MS ? 'this machine stalls, so that 429s, waits and shares are shown, not judged' : 'so much longer a wait may be'}.`,
  ];
}
