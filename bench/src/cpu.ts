// Who used how much of the machine: CPU time of processes, threads included, and of the whole host.
import { readdirSync, readFileSync } from 'node:fs';

/** /proc/stat counts hundredths of a second on every Linux that Node runs on. */
const TICK_MICROS = 10_000;

/**
 * User and system time of a process so far, in µs. Taken from the scheduler's own count (nanoseconds) of each thread,
 * because /proc/<pid>/stat is kept in steps of 10 ms; where the kernel keeps no such count, from there all the same.
 */
export function processMicros(pid: number): number {
  try {
    let nanos = 0;
    for (const task of readdirSync(`/proc/${pid}/task`)) nanos += threadNanos(`/proc/${pid}/task/${task}/schedstat`);
    if (nanos > 0) return nanos / 1000;
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_MICROS;
  } catch (error) {
    throw new Error(`process ${pid} is gone: ${String(error)}`);
  }
}

function threadNanos(path: string): number {
  try {
    return Number(readFileSync(path, 'utf8').split(' ')[0]);
  } catch {
    // A thread that ended between the listing and the reading.
    return 0;
  }
}

/** Busy time of all cores so far, in µs: everything but idle and waiting for the disk; stolen time counts. */
export function hostMicros(): number {
  const fields = readFileSync('/proc/stat', 'utf8').split('\n')[0]!.trim().split(/\s+/).slice(1).map(Number);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = fields;
  return (user + nice + system + irq + softirq + steal) * TICK_MICROS;
}

export const cpuGroups = ['broker', 'nats', 'redis', 'client'] as const;
export type CpuGroup = (typeof cpuGroups)[number];
export type CpuMicros = Readonly<Record<CpuGroup, number>>;

/** What each group has used so far; `all` holds every process of the bench, idle ones too. */
export interface CpuReading {
  readonly groups: CpuMicros;
  readonly all: number;
  readonly host: number;
  readonly atMs: number;
}

export function readCpu(pids: Readonly<Record<CpuGroup, readonly number[]>>, others: readonly number[]): CpuReading {
  const sum = (list: readonly number[]) => list.reduce((total, pid) => total + processMicros(pid), 0);
  const groups = { broker: sum(pids.broker), nats: sum(pids.nats), redis: sum(pids.redis), client: sum(pids.client) };
  const ours = groups.broker + groups.nats + groups.redis + groups.client + sum(others);
  return { groups, all: ours, host: hostMicros(), atMs: performance.now() };
}

/** What was used between two readings, and the share of the machine that others took. */
export function between(before: CpuReading, after: CpuReading, cores: number) {
  const difference = (group: CpuGroup) => after.groups[group] - before.groups[group];
  const wallMs = after.atMs - before.atMs;
  const foreign = after.host - before.host - (after.all - before.all);
  return {
    wallMs,
    cpuMicros: Object.fromEntries(cpuGroups.map((group) => [group, difference(group)])) as unknown as CpuMicros,
    foreignShare: Math.max(0, foreign / (wallMs * 1000 * cores)),
  };
}
