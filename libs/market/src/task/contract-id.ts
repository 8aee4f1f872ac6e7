// What a task's contract is called: nobody can keep a buyer from closing by taking its conversation's name first.
import { createHash } from 'node:crypto';

/**
 * How its contracts' ids begin; a number from 1 on is added. The usual one first, `<conversation>-t`; where another buyer
 * has closed under this conversation's id, `<conversation>-x<8 hex digits of SHA-1 of the buyer>t`, which only it can take.
 */
export function contractStems(conversation: string, buyer: string): readonly [string, string] {
  const own = createHash('sha1').update(buyer).digest('hex').slice(0, 8);
  return [`${conversation}-t`, `${conversation}-x${own}t`];
}
