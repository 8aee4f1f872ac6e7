// A task's contract as Redis holds it, read as its two sides see it.
import type { TaskView } from '../task/task-view.js';

/** Frame, issues and receipt were checked before a script took them. */
export function taskViewOf(id: string, f: Readonly<Record<string, string>>): TaskView {
  const time = (name: string) => (f[name] === undefined ? {} : { [name]: Number(f[name]) });
  const list = (name: string) => (f[name] === '' ? [] : f[name]!.split(',').map(Number));
  return {
    contract: id,
    state: f.state as TaskView['state'],
    frame: JSON.parse(f.frame!),
    // As agreed, but for the deadline: the buyer may have granted more time.
    issues: { ...JSON.parse(f.issues!), deadline: Number(f.deadline) },
    provider: f.participant!,
    intent: f.intent!,
    attempt: Number(f.attempt),
    standbys: JSON.parse(f.standbys!).length - Number(f.tried),
    awardedAt: Number(f.awardedAt),
    dueAt: Number(f.dueAt),
    ...time('startedAt'),
    percent: Number(f.percent),
    ...(f.process === undefined ? {} : { process: f.process }),
    ...time('askedDeadline'),
    slots: list('slots'),
    fences: list('fences'),
    ...(f.receipt === undefined ? {} : { receipt: JSON.parse(f.receipt) }),
    ...(f.outcome === undefined ? {} : endOf(f)),
  };
}

function endOf(f: Readonly<Record<string, string>>): Partial<TaskView> {
  return {
    outcome: f.outcome as TaskView['outcome'],
    paidMicro: f.paid,
    refundedMicro: String(Number(f.price) - Number(f.paid)),
    bondTo: f.bondTo as TaskView['bondTo'],
    settledAt: Number(f.settledAt),
  };
}
