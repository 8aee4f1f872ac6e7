// Takes of one bucket, decided together by the market's rules; whoever counts on what was given is told of it.
import { runScript } from '@tender/credits/redis';
import type { TakeAsked } from '@tender/market';
import { marketScripts, type TakeReply } from '@tender/market/redis';
import type { Bank } from './bank.js';

type Parts = Pick<Bank, 'redis' | 'meta' | 'reader' | 'policies' | 'metrics' | 'events' | 'prices'>;

export function bucketTakes(parts: Parts) {
  const { metrics, events, prices } = parts;
  return async (bucket: string, takes: readonly TakeAsked[]): Promise<readonly TakeReply[]> => {
    const reply = await parts.policies.during(() => decide(parts, bucket, takes));
    const { answers } = reply;
    const given = answers.flatMap((answer) => (answer.ok && answer.replayed !== true ? [answer] : []));
    metrics.took(bucket, given);
    for (const answer of given) events.tokens(answer);
    prices.cleared(bucket, takes, reply, Date.now());
    return answers;
  };
}

async function decide({ redis, meta, reader, policies }: Parts, bucket: string, takes: readonly TakeAsked[]) {
  const asks = policies.capsPayers || policies.isAboutParties;
  const payee = asks ? await reader.bucketAccount(bucket) : undefined;
  const ruled =
    payee === undefined
      ? takes
      : takes.map((one) => ({ ...one, ...policies.ruleOnTake({ payer: one.agent, payee, resource: bucket }) }));
  return runScript(redis, marketScripts.takeTokens, meta, { bucket, takes: ruled, policy: policies.version });
}
