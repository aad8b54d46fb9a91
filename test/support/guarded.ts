/**
 * Programs that never outlive the tests: they end when told to, and also when this process is killed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';

/**
 * The guard waits on a pipe from us. A line names a signal to pass on; when the pipe closes, because we closed it or
 * are no more, it kills its child. Nothing is looked up by name and no id is used after its process ended.
 */
const GUARD = `
exec 3<&0
"$@" </dev/null 3<&- &
child=$!
( while read -r signal <&3; do kill -s "$signal" $child; done; kill -s KILL $child ) 2>/dev/null &
exec 3<&- </dev/null
wait $child
`;

/** One guarded program. */
export interface Guarded {
  /** Sends a signal and waits until the program has ended. */
  end(signal?: 'KILL' | 'TERM'): Promise<void>;
  /** Whether it has ended, by us or by itself. */
  ended(): boolean;
  /** What it ended with, 128 and the signal's number where a signal ended it; null while it runs. */
  exitCode(): number | null;
}

/** Starts a program with its output appended to the file `log`. */
export function startGuarded(command: readonly string[], log: string): Guarded {
  const output = openSync(log, 'a');
  const guard = spawn('/bin/sh', ['-c', GUARD, 'guard', ...command], { stdio: ['pipe', output, output] });
  closeSync(output);
  // A guard that is gone takes no more words; that is what we wanted of it.
  guard.stdin?.on('error', () => {});
  const gone = once(guard, 'exit').then(() => {
    guard.stdin?.end();
  });
  const ended = () => guard.exitCode !== null || guard.signalCode !== null;
  return {
    ended,
    exitCode: () => guard.exitCode,
    async end(signal = 'KILL') {
      if (!ended()) guard.stdin?.write(`${signal}\n`);
      await gone;
    },
  };
}
