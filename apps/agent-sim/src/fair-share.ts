// What is fair among those who want more than there is, and how near to it a division came; pure.

/**
 * Max-min fair shares (Bertsekas and Gallager, Data Networks, 1992, §6.5.2): nobody gets more than it asks, and what
 * the modest leave is shared equally by the others.
 */
export function maxMinShares(demands: readonly number[], capacity: number): number[] {
  const shares = demands.map(() => 0);
  const rising = demands.map((demand, index) => ({ demand, index })).sort((a, b) => a.demand - b.demand);
  let left = Math.max(0, capacity);
  for (const [place, { demand, index }] of rising.entries()) {
    const share = Math.min(demand, left / (rising.length - place));
    shares[index] = share;
    left -= share;
  }
  return shares;
}

/** Jain, Chiu and Hawe 1984: 1 where all have the same, 1/n where one has all; 1 for nobody or nothing. */
export function jainIndex(values: readonly number[]): number {
  const sum = values.reduce((total, value) => total + value, 0);
  const squares = values.reduce((total, value) => total + value * value, 0);
  return squares === 0 ? 1 : (sum * sum) / (values.length * squares);
}

/** Work that an agent has at a time: it is begun within the patience, or never. */
export interface Work {
  readonly agent: number;
  readonly atMs: number;
  readonly amount: number;
}

/** What flows in, from a full burst on, and for how long. */
export interface Flow {
  readonly perMs: number;
  readonly burst: number;
  readonly runMs: number;
  readonly patienceMs: number;
  /** Whose work is served before all others' at any moment. */
  readonly first?: ReadonlySet<number> | undefined;
  /** So much of the burst is kept for them: the others leave it. */
  readonly kept?: number | undefined;
}

const STEP_MS = 5;

/**
 * What each of `agents` is due within the run: at every moment the max-min fair share among those who have work then,
 * as if work could be split as finely as one likes (generalised processor sharing, Parekh and Gallager 1993). Unlike
 * one division of everything, it does not promise to anybody what flowed by while nobody had work. `work` in order of time.
 */
export function fluidShares(work: readonly Work[], agents: number, flow: Flow): number[] {
  const { perMs, burst, runMs, patienceMs, first = new Set(), kept = 0 } = flow;
  const queues: { left: number; begun: boolean; readonly dueMs: number }[][] = Array.from({ length: agents }, () => []);
  const due = queues.map(() => 0);
  let level = burst;
  let next = 0;
  for (let now = 0; now <= runMs; now += STEP_MS) {
    level = Math.min(burst, level + (now === 0 ? 0 : perMs * STEP_MS));
    for (; next < work.length && work[next]!.atMs <= now; next++) {
      const { agent, atMs, amount } = work[next]!;
      queues[agent]!.push({ left: amount, begun: false, dueMs: atMs + patienceMs });
    }
    const backlogs = queues.map((queue) => {
      while (queue.length > 0 && !queue[0]!.begun && queue[0]!.dueMs < now) queue.shift();
      return queue.reduce((sum, { left }) => sum + left, 0);
    });
    for (const before of [true, false]) {
      const wanted = backlogs.map((backlog, agent) => (first.has(agent) === before ? backlog : 0));
      for (const [agent, share] of maxMinShares(wanted, level - (before ? 0 : kept)).entries()) {
        level -= share;
        due[agent]! += share;
        serve(queues[agent]!, share);
      }
    }
  }
  return due;
}

function serve(queue: { left: number; begun: boolean }[], share: number): void {
  let rest = share;
  while (rest > 0 && queue.length > 0) {
    const part = Math.min(rest, queue[0]!.left);
    queue[0]!.left -= part;
    queue[0]!.begun = true;
    rest -= part;
    if (queue[0]!.left <= 1e-6) queue.shift();
  }
}
