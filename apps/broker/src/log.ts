// The process's log, which may be lost but never stops the bank: a full disk takes its lines, not its work.
import { writeSync } from 'node:fs';
import { type Logger, pino } from 'pino';
import type { BrokerConfig } from './config.js';

const STDOUT = 1;

/**
 * Writes to stdout, line by line. What cannot be written is dropped. (pino's own destination ends the process then, and
 * its last flush tries for ever: a broker that hangs, and still is sent its share of the requests.)
 */
export function openLog(config: Pick<BrokerConfig, 'LOG_LEVEL' | 'TENDER_MARKET'>): Logger {
  const write = (line: string): void => {
    try {
      for (let left = Buffer.from(line); left.length > 0; ) left = left.subarray(writeSync(STDOUT, left));
    } catch {
      // The next one may find room.
    }
  };
  return pino({ level: config.LOG_LEVEL, base: { market: config.TENDER_MARKET, pid: process.pid } }, { write });
}
