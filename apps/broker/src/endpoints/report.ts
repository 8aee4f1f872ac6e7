// report and task: how a contract's work goes, step by step, and how it stands.
import { canonicalJson } from '@tender/credits';
import { runScript } from '@tender/credits/redis';
import { type BankRequest, type BankResult, refusal, type TaskView, taskFacts } from '@tender/market';
import { marketScripts, type ReportInput, type ReportReply } from '@tender/market/redis';
import type { Asked, Bank } from '../bank.js';
import { type Outcome, ok } from '../outcome.js';
import { keyed } from './keyed.js';
import { hear } from './leases.js';
import { refused } from './refused.js';
import { accountSpokenFor } from './speaks-for.js';

type Body = BankRequest<'report'>;
type Judged = Pick<ReportInput, 'policy' | 'rulings'>;

/** A step on a task's contract, or of a lease's holder that says it runs. */
export async function report(bank: Bank, asked: Asked<Body>): Promise<Outcome<BankResult<'report'>>> {
  const { sender, body } = asked;
  const reply = await bank.policies.during(async () =>
    runScript(bank.redis, marketScripts.report, bank.meta, {
      ...keyed('report', sender, body),
      contract: body.contract,
      step: body.step,
      agent: body.agent,
      process: body.process,
      ...(body.step === 'turn-down' ? await judgedStandbys(bank, body.contract) : {}),
      ...('percent' in body ? { percent: body.percent } : {}),
      ...('deadline' in body ? { deadline: body.deadline } : {}),
      ...('receipt' in body ? { text: canonicalJson(body.receipt), receiptOutcome: body.receipt.outcome } : {}),
      ...('message' in body ? { text: body.message } : {}),
    }),
  );
  if (reply.ok) return reported(bank, reply);
  const { step } = body;
  if (reply.detail === 'unknown' && (step === 'run' || step === 'progress')) return hear(bank, asked, step);
  return refused(bank, reply);
}

/** What the rules of now say of those who stand by. Nobody is asked to approve one: work waits for it. */
async function judgedStandbys({ policies, reader }: Bank, contract: string): Promise<Judged> {
  const { version } = policies;
  const found = policies.isSilent() ? undefined : await reader.standbys(contract);
  if (found === undefined) return { policy: version };
  const { frame, standbys, approved } = found;
  const rulings = standbys.map(({ participant, issuesText }) =>
    policies.ruleOnStandby(taskFacts(frame, participant, JSON.parse(issuesText)), approved),
  );
  // Read and judged meanwhile, by one version.
  return { policy: policies.version, rulings };
}

/** What a step came to, as it is told to whoever took it and, once, to everybody. */
export async function reported(bank: Bank, reply: Extract<ReportReply, { ok: true }>): Promise<Outcome<TaskView>> {
  if (reply.replayed !== true) bank.events.depositsEnded(reply);
  const view = await bank.reader.task(reply.contract);
  if (view === undefined) return refusal('expired', 'the contract is settled and forgotten');
  // Each progress report is for the buyer alone; everybody hears of changes.
  if (reply.replayed !== true && reply.step !== 'progress') publish(bank, reply, view);
  const fence = view.fences.length === 0 ? {} : { fence: Math.max(...view.fences) };
  return ok(view, { scope: view.frame.task.resource, expires: view.dueAt, ...fence });
}

/** The step as it was committed: the view may be of a later one. */
function publish(bank: Bank, reply: Extract<ReportReply, { ok: true }>, { frame }: TaskView): void {
  const { contract, participant, at, step, state, percent, outcome, paidMicro, refundedMicro, bondTo, passedOver } =
    reply;
  bank.events.task(frame.task.resource, {
    contract,
    buyer: frame.buyer,
    provider: participant,
    at,
    step,
    state,
    percent,
    ...(outcome === undefined ? {} : { outcome, paidMicro, refundedMicro, bondTo }),
    ...(passedOver === undefined ? {} : { passedOver }),
  });
}

export async function task(bank: Bank, asked: Asked<BankRequest<'task'>>): Promise<Outcome<BankResult<'task'>>> {
  const { body } = asked;
  const found = await accountSpokenFor(bank, asked.sender, body.agent);
  if (!found.ok) return found;
  const agent = found.result.id;
  const id = body.contract ?? (await bank.reader.contractOfIntent(agent, body.intent!));
  if (id === undefined) return refusal('unknown', 'no contract has come of this intent so far');
  const view = await bank.reader.task(id);
  if (view === undefined) return refusal('unknown', `there is no task's contract ${id}`);
  // What was agreed concerns the two sides: inputs and outputs may be confidential.
  if (view.frame.buyer !== agent && view.provider !== agent) {
    return refusal('not-permitted', `${id} is between ${view.frame.buyer} and ${view.provider}`);
  }
  const hosts = { buyer: await hostOf(bank, view.frame.buyer), provider: await hostOf(bank, view.provider) };
  return ok({ ...view, hosts }, { scope: view.frame.task.resource, expires: view.dueAt });
}

async function hostOf(bank: Bank, id: string): Promise<string | undefined> {
  return (await bank.ledger.account(id))?.host;
}

const LISTED = 256;

export async function contracts(
  bank: Bank,
  asked: Asked<BankRequest<'contracts'>>,
): Promise<Outcome<BankResult<'contracts'>>> {
  const { after, agent } = asked.body;
  const found = await accountSpokenFor(bank, asked.sender, agent);
  if (!found.ok) return found;
  const ids = await bank.reader.underWay(found.result.id, after, LISTED + 1);
  const views = await Promise.all(ids.slice(0, LISTED).map((id) => bank.reader.task(id)));
  const listed = views
    .filter((view) => view !== undefined)
    .map(({ contract, state, provider, percent, dueAt, process, frame }) => ({
      contract,
      state,
      provider,
      percent,
      dueAt,
      buyer: frame.buyer,
      resource: frame.task.resource,
      ...(process === undefined ? {} : { process }),
    }));
  return ok({ contracts: listed, more: ids.length > LISTED });
}
