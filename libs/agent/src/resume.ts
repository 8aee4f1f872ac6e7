// Work that was begun before this process was: whoever is told to start it asks the bank whose it is, and goes on.
import type { TaskMessage, TaskView } from '@tender/market';
import { type Desk, namedFor } from './desk.js';
import type { Received } from './link.js';
import { Rarely } from './rarely.js';

const WITHIN_MS = 5000;

/** Answers a start of work that nobody here knows; gives back how to stop. `find` takes what is this agent's. */
export function resumeFor(desk: Desk, find: (view: TaskView, got: Received<TaskMessage>) => boolean): () => void {
  const { link, switchboard, id } = desk;
  // A question to the bank for each word of a stranger would make others pay for noise.
  const rarely = new Rarely();
  return switchboard.talk.onStart((got) => {
    const { from, by = from, message } = got;
    const { contract } = message.body;
    const now = performance.now();
    if (!contract.startsWith(`${message.conversation}-t`) || !rarely.due(from, now)) return false;
    rarely.told(from, now);
    const ask = async () => {
      const asked = await link.bank.ask(
        'task',
        { contract, ...namedFor(id, link) },
        { conversation: message.conversation, withinMs: WITHIN_MS },
      );
      const view = asked.ok ? asked.value : undefined;
      // What comes of the work goes to whoever pays for it, or its host, and to nobody else.
      const isBuyers = view !== undefined && (view.frame.buyer === by || (by === from && view.hosts?.buyer === from));
      const mine = isBuyers && view.provider === id && view.state !== 'settled';
      if (view === undefined || !mine || !find(view, got as Received<TaskMessage>)) {
        switchboard.talk.fail(got as Received<TaskMessage>, 'unknown', 'no such work is done here');
      }
    };
    void ask();
    return true;
  });
}
