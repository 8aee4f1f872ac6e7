// The upstream: lets in what its limits allow, answers 429 with when to come again, and counts what it saw.
import { afterEach, describe, expect, test } from 'vitest';
import { startUpstream, type Upstream, usageSpec } from '../src/upstream.js';
import { UpstreamGauge } from '../src/upstream-limit.js';

describe('the gauge', () => {
  // 1 request and 100 tokens a second, two seconds of it at once.
  const gauge = () => new UpstreamGauge({ requestsPerMinute: 60, tokensPerMinute: 6000, burstMs: 2000 }, 0);

  test.each([
    ['fits', [[100, 0]], { ok: true }],
    [
      'the burst of requests is used up',
      [
        [1, 0],
        [1, 0],
        [1, 0],
      ],
      { ok: false, limit: 'requests', retryAfterMs: 1000 },
    ],
    [
      'the burst of tokens is used up',
      [
        [150, 0],
        [150, 0],
      ],
      { ok: false, limit: 'tokens', retryAfterMs: 1000 },
    ],
    [
      'a second later it fits',
      [
        [150, 0],
        [150, 1000],
      ],
      { ok: true },
    ],
    [
      'of two limits the longer wait is told',
      [
        [200, 0],
        [200, 0],
      ],
      { ok: false, limit: 'tokens', retryAfterMs: 2000 },
    ],
    [
      'more than a whole bucket waits for a full one',
      [
        [300, 0],
        [1, 0],
      ],
      { ok: false, limit: 'tokens', retryAfterMs: 1010 },
    ],
    [
      'nothing is taken by what is refused',
      [
        [200, 0],
        [1, 0],
        [100, 1000],
      ],
      { ok: true },
    ],
    [
      'a clock that steps back gives nothing',
      [
        [200, 1000],
        [1, 500],
      ],
      { ok: false, limit: 'tokens', retryAfterMs: 10 },
    ],
  ] as const)('%s', (_, requests, expected) => {
    const one = gauge();
    const answers = requests.map(([tokens, at]) => one.admit(tokens, at));
    expect(answers.at(-1)).toEqual(expected);
  });

  test('what was generated counts afterwards, and is never told as less than nothing', () => {
    const one = gauge();
    one.admit(150, 0);
    one.generated(250, 0);
    expect(one.remaining(0)).toEqual({ requests: 1, tokens: 0 });
    expect(one.admit(1, 0)).toEqual({ ok: false, limit: 'tokens', retryAfterMs: 2010 });
    expect(one.remaining(3000)).toEqual({ requests: 2, tokens: 100 });
  });
});

describe('over HTTP', () => {
  let upstream: Upstream;
  afterEach(() => upstream.close());
  const start = async (quiet = false) => {
    upstream = await startUpstream({
      // Of tokens one a second, a hundred at once: however long a test takes, none flow in that it would notice.
      limits: { requestsPerMinute: 60, tokensPerMinute: 60, burstMs: 100_000 },
      generate: (prompt) => prompt * 10,
      latencyMs: () => 1,
      quiet,
    });
  };
  const post = (body: unknown) =>
    fetch(upstream.url, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) });

  test('answers with its use, and beyond its limit with 429 and when to come again', async () => {
    await start();
    const first = await post({ prompt: 3, contextTokens: 60 });
    expect(first.status).toBe(200);
    const { usage } = usageSpec.parse(await first.json());
    expect(usage).toEqual({ promptTokens: 60, completionTokens: 30, totalTokens: 90 });
    expect(Number(first.headers.get('x-ratelimit-remaining-tokens'))).toBeLessThan(15);
    expect(first.headers.get('x-ratelimit-limit-tokens')).toBe('60');
    const second = await post({ prompt: 3, contextTokens: 60 });
    expect(second.status).toBe(429);
    expect(Number(second.headers.get('retry-after'))).toBeGreaterThan(40);
    expect(Number(second.headers.get('retry-after'))).toBeLessThanOrEqual(50);
    expect(Number(second.headers.get('x-ratelimit-remaining-requests'))).toBeGreaterThanOrEqual(99);
    expect(await second.json()).toMatchObject({ error: { type: 'rate_limit_exceeded' } });
    expect(upstream.counts).toEqual({ requests: 2, throttled: 1, tokens: 90 });
  });

  test.each([
    ['no JSON', '{', 400],
    ['no prompt', { contextTokens: 1 }, 400],
    ['no context', { prompt: 1, contextTokens: 0 }, 400],
    ['a field that it does not know', { prompt: 1, contextTokens: 1, class: 'system' }, 400],
    ['more than anybody asks', 'x'.repeat(10_000), 400],
  ])('%s is refused and takes nothing', async (_, body, status) => {
    await start();
    expect((await post(body)).status).toBe(status);
    expect(upstream.counts.requests).toBe(0);
  });

  test('a quiet one says nothing of what is left, but when to come again', async () => {
    await start(true);
    const answers = [await post({ prompt: 3, contextTokens: 60 }), await post({ prompt: 3, contextTokens: 60 })];
    expect(answers.map(({ status }) => status)).toEqual([200, 429]);
    for (const { headers } of answers)
      expect([...headers.keys()].filter((name) => name.includes('ratelimit'))).toEqual([]);
    expect(Number(answers[1]!.headers.get('retry-after'))).toBeGreaterThan(40);
  });

  test('another path is not found', async () => {
    await start();
    expect((await fetch(new URL('/v1/models', upstream.url))).status).toBe(404);
  });
});
