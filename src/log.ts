/** The log: JSON lines on stdout, made once in `main` and passed in. */
import { type Logger, pino } from 'pino';

export type Log = Logger;

/** @param level pino's level name; `info` unless told otherwise */
export function makeLog(level = 'info'): Log {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime });
}
