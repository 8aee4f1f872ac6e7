// What arrives on an agent's subjects, of auctions and of tasks: each message is read by the one schema that it claims.
import {
  acceptMessage,
  cancelMessage,
  cfpMessage,
  check,
  type Decoded,
  decodeJson,
  notUnderstoodMessage,
  proposeMessage,
  refuseMessage,
  rejectMessage,
  type TaskMessage,
  taskSchemaFor,
  withdrawMessage,
} from '@tender/market';
import { z } from 'zod';

const auctionTalk = z.discriminatedUnion('performative', [
  acceptMessage,
  rejectMessage,
  cancelMessage,
  notUnderstoodMessage,
]);
const auctionBid = z.discriminatedUnion('performative', [proposeMessage, refuseMessage, withdrawMessage]);
const auctionCall = z.discriminatedUnion('performative', [cfpMessage, cancelMessage]);
export type AuctionTalk = z.infer<typeof auctionTalk>;
export type AuctionBid = z.infer<typeof auctionBid>;
export type AuctionCall = z.infer<typeof auctionCall>;

/** Turns a payload into a message; undefined where nobody here wants to hear it. Never throws. */
export type Reader<T> = (payload: Uint8Array) => Decoded<T> | undefined;

const auctionWords: ReadonlySet<unknown> = new Set([
  ...['cfp', 'propose', 'refuse', 'withdraw', 'accept-proposal', 'reject-proposal', 'cancel', 'not-understood'],
]);

/** Whether a message claims to be about a task: bodies of auctions say neither their kind nor that somebody buys. */
export function isAboutTask(message: object): message is TaskMessage {
  const { performative, body } = message as { performative?: unknown; body?: unknown };
  if (!auctionWords.has(performative)) return true;
  if (typeof body !== 'object' || body === null) return false;
  return 'kind' in body || (body as { direction?: unknown }).direction === 'buy';
}

function readerOf<A>(auction: z.ZodType<A>, wanted: (aboutTask: boolean) => boolean): Reader<A | TaskMessage> {
  return (payload) => {
    const parsed = decodeJson(payload);
    if (!parsed.ok) return parsed;
    const { value } = parsed;
    const aboutTask = typeof value === 'object' && value !== null && isAboutTask(value);
    if (!wanted(aboutTask)) return undefined;
    return check<A | TaskMessage>(
      aboutTask ? taskSchemaFor((value as Partial<TaskMessage>).performative) : auction,
      value,
    );
  };
}

const all = () => true;
export const readTalk = readerOf(auctionTalk as z.ZodType<AuctionTalk>, all);
export const readBid = readerOf(auctionBid as z.ZodType<AuctionBid>, all);
/** `wanted` says whether anybody listens for tasks (true), or for slots (false). */
export const callReader = (wanted: (aboutTask: boolean) => boolean) =>
  readerOf(auctionCall as z.ZodType<AuctionCall>, wanted);
