// What the same demand could be worth at most, so that a run's value is judged by more than its own figures.
import type { Job } from './job.js';

interface Piece {
  readonly job: Job;
  /** Slot-ms in each bucket, sparse. */
  readonly placed: Map<number, number>;
}

interface Bucket {
  free: number;
  readonly pieces: Set<Piece>;
}

interface Step {
  readonly bucket: number;
  /** Moves this piece's work from the bucket before in the path to this one; the first step places the new job. */
  readonly piece: Piece;
  readonly from?: Step | undefined;
}

/**
 * An upper bound on the value that any scheduler can realise: a clairvoyant one that knows all jobs in advance, may
 * interrupt them at no cost, and is paid for parts of a job in proportion. Exact for that relaxation: the amounts of
 * work that fit between arrivals and deadlines form a polymatroid (they are the flows of a network), on which taking
 * jobs greedily by value per slot-ms, and moving earlier ones aside without dropping them, is optimal (Edmonds 1970).
 * No job starts after `tradingMs`. Times are widened to whole buckets of `bucketMs`, which only raises the bound. Micro-credits.
 */
export function valueBound(demand: readonly Job[], slots: number, tradingMs: number, bucketMs = 1000): number {
  const jobs = demand.map((job) => ({ ...job, deadlineMs: Math.min(job.deadlineMs, tradingMs + job.durationMs) }));
  const horizonMs = Math.max(0, ...jobs.map((job) => job.deadlineMs));
  const buckets = Array.from(
    { length: Math.ceil(horizonMs / bucketMs) + 1 },
    (): Bucket => ({ free: slots * bucketMs, pieces: new Set() }),
  );
  const density = (job: Job) => job.valueMicro / (job.units * job.durationMs);
  let bound = 0;
  for (const job of [...jobs].sort((a, b) => density(b) - density(a))) {
    bound += density(job) * place({ job, placed: new Map() }, buckets, bucketMs);
  }
  return Math.floor(bound);
}

/** Places as much of a job's work as fits, moving other jobs' work to other buckets where needed; returns how much. */
function place(piece: Piece, buckets: Bucket[], bucketMs: number): number {
  let left = piece.job.units * piece.job.durationMs;
  const all = left;
  // Work below a slot-ms is rounding, not work.
  while (left > 1) {
    const path = findRoom(piece, buckets, bucketMs);
    if (path === undefined) break;
    left -= push(path, left, buckets, bucketMs);
  }
  return all - left;
}

/** How much more of a job a bucket takes: it may run on its own number of slots there, between arrival and deadline. */
function room(piece: Piece, bucket: number, bucketMs: number): number {
  const { arrivesAtMs, deadlineMs, units } = piece.job;
  if ((bucket + 1) * bucketMs <= arrivesAtMs || bucket * bucketMs >= deadlineMs) return 0;
  return units * bucketMs - (piece.placed.get(bucket) ?? 0);
}

/** Breadth first over buckets, from the new job to one with free slots. */
function findRoom(piece: Piece, buckets: Bucket[], bucketMs: number): Step | undefined {
  const seen = new Set<number>();
  const queue: Step[] = [];
  const visit = (moved: Piece, from: Step | undefined) => {
    const first = Math.floor(moved.job.arrivesAtMs / bucketMs);
    const last = Math.min(buckets.length - 1, Math.ceil(moved.job.deadlineMs / bucketMs));
    for (let bucket = first; bucket <= last; bucket++) {
      if (seen.has(bucket) || room(moved, bucket, bucketMs) < 1) continue;
      seen.add(bucket);
      queue.push({ bucket, piece: moved, from });
    }
  };
  visit(piece, undefined);
  for (let head = 0; head < queue.length; head++) {
    const step = queue[head]!;
    const bucket = buckets[step.bucket]!;
    if (bucket.free >= 1) return step;
    for (const other of bucket.pieces) visit(other, step);
  }
  return undefined;
}

function push(end: Step, atMost: number, buckets: Bucket[], bucketMs: number): number {
  let amount = Math.min(atMost, buckets[end.bucket]!.free);
  for (let step: Step | undefined = end; step !== undefined; step = step.from) {
    amount = Math.min(amount, room(step.piece, step.bucket, bucketMs));
    if (step.from !== undefined) amount = Math.min(amount, step.piece.placed.get(step.from.bucket) ?? 0);
  }
  buckets[end.bucket]!.free -= amount;
  for (let step: Step | undefined = end; step !== undefined; step = step.from) {
    add(step.piece, step.bucket, amount, buckets);
    if (step.from !== undefined) add(step.piece, step.from.bucket, -amount, buckets);
  }
  return amount;
}

function add(piece: Piece, bucket: number, amount: number, buckets: Bucket[]): void {
  const placed = (piece.placed.get(bucket) ?? 0) + amount;
  if (placed > 0.5) {
    piece.placed.set(bucket, placed);
    buckets[bucket]!.pieces.add(piece);
  } else {
    piece.placed.delete(bucket);
    buckets[bucket]!.pieces.delete(piece);
  }
}
