// Priorities: what a cluster's QoS classes mean here for worth and patience.

/** Highest last: a job's `priority` is its index. The trace's QoS names stand beside ours. */
export const priorities = [
  { name: 'best-effort', qos: 'BE', worth: 1, patienceMs: 15_000 },
  { name: 'burstable', qos: 'Burstable', worth: 2, patienceMs: 8_000 },
  { name: 'guaranteed', qos: 'Guaranteed', worth: 3, patienceMs: 4_000 },
  { name: 'latency-sensitive', qos: 'LS', worth: 4, patienceMs: 2_000 },
] as const;

/** 0 best-effort, 1 burstable, 2 guaranteed, 3 latency-sensitive. */
export type Priority = 0 | 1 | 2 | 3;

export function priorityOfQos(qos: string): Priority | undefined {
  const index = priorities.findIndex((priority) => priority.qos === qos);
  return index < 0 ? undefined : (index as Priority);
}
