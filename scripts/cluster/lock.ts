/**
 * One piece of work at a time, across processes.
 *
 * The lock is an exclusive SQLite transaction on an empty file: the operating system lets go of it when
 * its owner ends, however it ends, so a `kill -9` leaves nothing to clean. The file itself stays.
 */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';

const SQLITE_BUSY = 5;
const POLL_MS = 200;

function tryLock(file: string): DatabaseSync | undefined {
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database.close();
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return undefined;
    throw new Error(`The lock ${file} cannot be taken.`, { cause: error });
  }
}

/** Runs `work` while holding `file`; `waiting` is called once if another holder has to be waited for. */
export async function exclusively<T>(file: string, work: () => Promise<T>, waiting?: () => void): Promise<T> {
  await mkdir(dirname(file), { recursive: true });
  let lock = tryLock(file);
  if (!lock) waiting?.();
  while (!lock) {
    await setTimeout(POLL_MS);
    lock = tryLock(file);
  }
  try {
    return await work();
  } finally {
    lock.close();
  }
}
