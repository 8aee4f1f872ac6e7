// Work that was begun before this process was: whoever is told to start it asks the bank whose it is, and goes on.
import type { TaskMessage, TaskView } from '@tender/market';
import { ContractBank } from './contract-bank.js';
import type { Desk } from './desk.js';
import type { Received } from './link.js';
import { Rarely } from './rarely.js';

/** Answers a start of work that nobody here knows; gives back how to stop. `find` takes what is this agent's. */
export function resumeFor(desk: Desk, find: (view: TaskView, got: Received<TaskMessage>) => boolean): () => void {
  const { link, switchboard, id } = desk;
  // A question to the bank for each word of a stranger would make others pay for noise.
  const rarely = new Rarely();
  return switchboard.talk.onStart((got) => {
    const { from, message } = got;
    const { contract } = message.body;
    const now = performance.now();
    if (!contract.startsWith(`${message.conversation}-t`) || !rarely.due(from, now)) return false;
    rarely.told(from, now);
    const ask = async () => {
      const word = await new ContractBank(link, message.conversation, id).inquire({ contract });
      const view = word.kind === 'seen' ? word.view : undefined;
      // What comes of the work goes to whoever pays for it, and to nobody else.
      const mine = view?.provider === id && view.frame.buyer === from && view.state !== 'settled';
      if (view === undefined || !mine || !find(view, got as Received<TaskMessage>)) {
        switchboard.talk.fail(got as Received<TaskMessage>, 'unknown', 'no such work is done here');
      }
    };
    void ask();
    return true;
  });
}
