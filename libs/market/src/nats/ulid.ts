// Message ids: ULIDs that rise within a process, with randomness drawn from the system in bulk.
import { randomFillSync } from 'node:crypto';

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const pool = new Uint8Array(4096);
let used = pool.length;
let lastMs = -1;
let timeText = '';
/** 16 digits of base 32; raised by one for ids of the same millisecond. */
const tail = new Uint8Array(16);

function draw(): void {
  if (used + 16 > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  for (let index = 0; index < 16; index++) tail[index] = pool[used++]! & 31;
  // A leading zero bit leaves room to rise: a carry out of the tail cannot happen in practice.
  tail[0]! &= 15;
}

function rise(): void {
  let index = 15;
  while (index >= 0 && tail[index] === 31) tail[index--] = 0;
  if (index >= 0) tail[index]!++;
}

function timeOf(ms: number): string {
  let text = '';
  let rest = ms;
  for (let index = 0; index < 10; index++) {
    text = alphabet[rest % 32]! + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

/** A ULID, upper case, 26 characters; later ones of this process sort after earlier ones, also if the clock steps back. */
export function newUlid(nowMs: number = Date.now()): string {
  if (nowMs > lastMs) {
    lastMs = nowMs;
    timeText = timeOf(nowMs);
    draw();
  } else {
    rise();
  }
  let text = timeText;
  for (let index = 0; index < 16; index++) text += alphabet[tail[index]!]!;
  return text;
}

/** The same as an id of a call, an intent or a conversation: lower case, 26 characters. */
export function newId(): string {
  return newUlid().toLowerCase();
}
