// What a task's contract is called: nobody can keep a buyer from closing by taking its conversation's name first.
import { createHash } from 'node:crypto';

/**
 * The beginning of its contracts' ids, to which a number from 1 on is added: `<conversation>-t`; where another buyer has
 * closed under this conversation's id, `<conversation>-x<8 hex digits of SHA-1 of the buyer>t`, which only it can take.
 */
export function contractStem(conversation: string, buyer: string, isTaken: boolean): string {
  if (!isTaken) return `${conversation}-t`;
  return `${conversation}-x${createHash('sha1').update(buyer).digest('hex').slice(0, 8)}t`;
}

/** Both, the usual one first. */
export function contractStems(conversation: string, buyer: string): readonly [string, string] {
  return [contractStem(conversation, buyer, false), contractStem(conversation, buyer, true)];
}
