/**
 * How a step waits for `prepare` where both containers start together: for the kubelet to start one after the other takes
 * it up to a second, because it looks once a second for what has ended.
 *
 * While `prepare` runs it holds a socket open, which the kernel closes when the process ends, however it ends; and its
 * last deed is a mark.
 */
import { existsSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PATHS } from '../build/engine.ts';
import { StepError } from './failure.ts';

const PAUSE_MS = 20;
/** A socket is there a moment before it can be connected to. */
const MOST_REFUSALS = 50;
/** The kubelet starts `prepare` first: after so long it is not late, but was never made or ended as it was loaded. */
const PATIENCE_MS = 120_000;

/** Lets others see that `prepare` runs; it keeps the process from nothing. */
export async function showPreparing(socket: string = PATHS.preparing): Promise<void> {
  const server = createServer((other) => other.unref()).unref();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(socket, resolve));
}

/**
 * Resolves once everything is prepared.
 *
 * @throws StepError when `prepare` ended before it was done, or did not begin
 */
export async function prepared(
  socket: string = PATHS.preparing,
  done: string = join(PATHS.times, 'prepare.end'),
  patienceMs: number = PATIENCE_MS,
): Promise<void> {
  const since = performance.now();
  for (let refusals = 0; refusals < MOST_REFUSALS; ) {
    const seen = await ended(socket);
    if (existsSync(done)) return;
    if (seen === 'ended') break;
    if (seen === 'absent' && performance.now() - since > patienceMs)
      throw new StepError('Interrupted', 'the step prepare did not begin');
    if (seen === 'refused') refusals += 1;
    await sleep(PAUSE_MS);
  }
  throw new StepError('Interrupted', 'the step prepare ended before it was done');
}

/** Waits until the one who listens has ended, unless nobody does: not yet, or not any more. */
function ended(socket: string): Promise<'absent' | 'refused' | 'ended'> {
  return new Promise((resolve) => {
    let connected = false;
    const connection = connect(socket, () => {
      connected = true;
    });
    connection.on('error', (error: NodeJS.ErrnoException) =>
      resolve(connected ? 'ended' : error.code === 'ENOENT' ? 'absent' : 'refused'),
    );
    connection.on('close', () => resolve('ended'));
    connection.resume();
  });
}
