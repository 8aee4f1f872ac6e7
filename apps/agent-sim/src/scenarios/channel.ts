// The channel: it sells results to a budget and buys capacity for them, and commits to neither before both are agreed.
import type { Agent, Appraisal, Decide, Hired, TaskRequest } from '@tender/agent';
import { CREDIT } from '@tender/credits';
import type { Issues } from '@tender/market';
import { priceOf } from './bargain.js';
import { begins, provideFor } from './cast.js';

/** The least that is left to the channel. */
export const MARGIN = CREDIT;
const PROPOSALS = 6;
/** How long the other side of a bargain that is as good as closed waits for the budget's word. */
const HOLD_MS = 6_000;

/** One job between the two others: a bargain with the capacity that waits for the budget's. */
interface Between {
  /** What the capacity asks in the end; undefined where it will not. */
  readonly quote: Promise<number | undefined>;
  /** The budget has granted the funds, or not: the bargain is closed or called off. */
  readonly granted: (yes: boolean) => void;
  /** The capacity's contract, if there is one. */
  readonly hired: Promise<Hired | undefined>;
}

export interface Channel {
  /** By the conversation with the budget: what was bought from the capacity for it, whatever became of it. */
  readonly bought: ReadonlyMap<string, Hired>;
}

/** `capacityFor`: who does a job. */
export async function openChannel(
  agent: Agent,
  resource: string,
  compute: string,
  capacityFor: (job: number) => string,
): Promise<Channel> {
  const jobs = new Map<string, Between>();
  const bought = new Map<string, Hired>();
  const appraise = async ({ frame }: TaskRequest): Promise<Appraisal> => {
    const job = Number(frame.task.inputs.job);
    let between = jobs.get(frame.conversation);
    if (between === undefined) {
      between = bargain(agent, compute, capacityFor(job), job);
      jobs.set(frame.conversation, between);
      void between.hired.then((hired) => hired && bought.set(frame.conversation, hired));
    }
    const quote = await between.quote;
    if (quote === undefined) return { ok: false, detail: 'no-capacity', message: 'nobody has capacity', final: true };
    return { ok: true, costMicro: quote + MARGIN, wishMicro: quote + 6 * MARGIN, dependencies: ['capacity'] };
  };
  await provideFor(agent, resource, appraise, {
    // The budget's credits are set aside: now the capacity's contract is made, or this one is turned down.
    refuseWork: async (view) => {
      const between = jobs.get(view.frame.conversation);
      between?.granted(true);
      const hired = await between?.hired;
      return hired !== undefined && (await begins(hired)) ? undefined : 'the capacity is not to be had any more';
    },
    run: async (_, { view }) => {
      const end = await bought.get(view.frame.conversation)!.receipt;
      if (!end.ok) throw new Error(`the capacity failed: ${end.outcome}`);
      return end.receipt.outputs;
    },
    onLost: ({ conversation }) => jobs.get(conversation)?.granted(false),
  });
  return { bought };
}

/** Haggles with the capacity, and keeps its last offer in hand until the budget has spoken. */
function bargain(agent: Agent, resource: string, capacity: string, job: number): Between {
  let quoted = (_: number | undefined) => {};
  let granted = (_: boolean) => {};
  const quote = new Promise<number | undefined>((resolve) => {
    quoted = resolve;
  });
  const grant = new Promise<boolean>((resolve) => {
    granted = resolve;
  });
  const decide: Decide = async ({ ours, theirs, context }) => {
    const asked = theirs.at(-1)?.issues;
    if (asked === undefined) return { kind: 'quit', detail: 'no-capacity', message: 'nothing was offered' };
    // What it proposes the capacity may take, and that would be a contract: so it stays low until the budget has spoken.
    if (ours.length < PROPOSALS) return { kind: 'propose', issues: raised(ours.at(-1)?.issues ?? context.ask) };
    quoted(priceOf(asked));
    if (await grant) return { kind: 'accept' };
    return { kind: 'quit', detail: 'insufficient-credits', message: 'the budget did not grant the funds' };
  };
  const outcome = agent.negotiate(capacity, {
    task: { resource, summary: `compute for job ${job}`, inputs: { job } },
    ask: { priceMicro: CREDIT },
    bounds: { priceMicro: { min: '1', max: String(40 * CREDIT) } },
    maxRounds: PROPOSALS + 1,
    roundMs: HOLD_MS,
    withinMs: 2 * HOLD_MS,
    decide,
  });
  const hired = outcome.then((done) => {
    quoted(undefined);
    return done.ok ? done.tasks[0] : undefined;
  });
  return { quote, granted, hired };
}

function raised(issues: Issues): Issues {
  return { ...issues, priceMicro: String(priceOf(issues) + CREDIT / 2) };
}
