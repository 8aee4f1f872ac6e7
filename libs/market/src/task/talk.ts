// What two agents say to each other about a task: moves of a negotiation, then how the work goes. On talk subjects;
// a provider's first answer to an announced call goes to the bid subject.
import { z } from 'zod';
import { envelopeOf } from '../envelope.js';
import { contractIdText, idText, poolIdText, timeMs } from '../ids.js';
import { details, reasons } from '../refusal.js';
import { frameSpec } from './deal.js';
import { boundsSpec, issuesSpec, permille } from './issues.js';
import { offerSpec } from './offer.js';
import { protocolSpec } from './protocol.js';
import { progressSpec, receiptSpec } from './receipt.js';
import { jsonObject } from './task.js';
import { taskCallSpec } from './task-call.js';
import { taskView } from './task-view.js';

/** A move's place: 1 for the first proposal of each side, and the sender's concession so far. */
const round = z.int().min(1).max(64);
/**
 * What both kinds of proposal say. A provider's is sealed, so that the buyer can close on it at once. `risk` is what
 * the sender says of its own readiness to fail, by Zeuthen's formula, in thousandths.
 */
const move = { round, issues: issuesSpec, offer: offerSpec.optional(), risk: permille.optional() };

/** Opens a negotiation between two agents, with all that both must know. */
export const openingMove = z.strictObject({
  ...move,
  kind: z.literal('opening'),
  frame: frameSpec,
  /** Who is asked, where a host speaks for many. */
  provider: idText,
  bounds: boundsSpec,
  protocol: protocolSpec,
});
/** A provider's answer to an announced call. */
export const tenderMove = z.strictObject({ ...move, kind: z.literal('tender'), offer: offerSpec });
export const counterMove = z.strictObject({ ...move, kind: z.literal('counter') });
export const acceptMove = z.strictObject({ ...move, kind: z.literal('accept') });

/** 463: what is wrong, and where there is one, what would pass, a sealed offer if a provider says it. */
export const rejectMove = z.strictObject({
  kind: z.literal('reject'),
  round,
  status: z.int(),
  reason: z.enum(reasons),
  detail: z.enum(details),
  message: z.string().max(1024),
  final: z.boolean(),
  retryAfterMs: z.int().min(0).optional(),
  /** The rule of a policy that it breaks. */
  rule: idText.optional(),
  /** The authorization that is missing (262). */
  authorization: z.string().max(128).optional(),
  counter: issuesSpec.optional(),
  offer: offerSpec.optional(),
  /** Of the offer that is rejected, for a side that made several. */
  intent: idText.optional(),
});
export type RejectMove = z.infer<typeof rejectMove>;

const taskCfp = envelopeOf('cfp', taskCallSpec);
const opening = envelopeOf('propose', z.discriminatedUnion('kind', [openingMove, tenderMove]));
const counter = envelopeOf('counter-propose', counterMove);
const accept = envelopeOf('accept-proposal', acceptMove);
const reject = envelopeOf('reject-proposal', rejectMove);
const refuse = envelopeOf('refuse', rejectMove);
const withdraw = envelopeOf('withdraw', z.strictObject({ kind: z.literal('task'), detail: z.enum(details) }));
const cancel = envelopeOf(
  'cancel',
  z.strictObject({ kind: z.literal('task'), detail: z.enum(details), message: z.string().max(512).optional() }),
);
/** 263 with all that was agreed, or 261 with the proposal that waits for somebody's approval. */
const inform = envelopeOf(
  'inform',
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('contract'), view: taskView }),
    z.strictObject({ kind: z.literal('pending'), proposal: idText, expiresAt: timeMs }),
  ]),
);
/** To the agent that was named for it: decide for us. */
const escalate = envelopeOf(
  'escalate',
  z.strictObject({
    frame: frameSpec,
    rejections: z.int().min(0).max(64),
    message: z.string().max(1024),
    ours: issuesSpec.optional(),
    theirs: issuesSpec.optional(),
  }),
);

/** buyer → provider: begin. */
const taskStart = envelopeOf('task-start', z.strictObject({ contract: contractIdText, inputs: jsonObject }));
const taskProgress = envelopeOf('task-progress', z.strictObject({ contract: contractIdText, progress: progressSpec }));
/** provider → buyer: the end, well or badly. */
const taskDone = envelopeOf('task-done', z.strictObject({ contract: contractIdText, receipt: receiptSpec }));
/** Something that was understood but cannot be obeyed: late, gone, out of turn. Never answered. */
const failure = envelopeOf(
  'failure',
  z.strictObject({
    kind: z.literal('task'),
    status: z.int(),
    detail: z.enum(details),
    message: z.string().max(512),
    resource: poolIdText.optional(),
  }),
);

export const taskMessage = z.discriminatedUnion('performative', [
  ...[taskCfp, opening, counter, accept, reject, refuse, withdraw, cancel, inform, escalate],
  ...[taskStart, taskProgress, taskDone, failure],
] as never) as unknown as z.ZodType<TaskMessage>;

export type TaskMessage = z.infer<
  | typeof taskCfp
  | typeof opening
  | typeof counter
  | typeof accept
  | typeof reject
  | typeof refuse
  | typeof withdraw
  | typeof cancel
  | typeof inform
  | typeof escalate
  | typeof taskStart
  | typeof taskProgress
  | typeof taskDone
  | typeof failure
>;
export type TaskMessageOf<P extends TaskMessage['performative']> = Extract<TaskMessage, { performative: P }>;
export type TaskBody<P extends TaskMessage['performative']> = TaskMessageOf<P>['body'];

/** What is said many times in a negotiation, while somebody waits; none of it holds free JSON, which zod cannot compile. */
const moves: Readonly<Record<string, z.ZodType>> = {
  'counter-propose': counter,
  'accept-proposal': accept,
  'reject-proposal': reject,
};
const compiled = new Map<string, z.ZodType<TaskMessage>>();

/**
 * By which schema to read what claims this performative: the same as `taskMessage` finds, but for moves the member
 * itself, compiled when the first of its kind comes (some 10 ms, so not before it is needed).
 */
export function taskSchemaFor(performative: unknown): z.ZodType<TaskMessage> {
  if (typeof performative !== 'string' || !Object.hasOwn(moves, performative)) return taskMessage;
  const known = compiled.get(performative);
  if (known !== undefined) return known;
  const schema = z.compile(moves[performative]!) as z.ZodType<TaskMessage>;
  compiled.set(performative, schema);
  return schema;
}
