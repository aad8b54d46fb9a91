/**
 * Starts programs that outlive the command, and ends exactly those again.
 *
 * A process is known by its id and the moment it started, so an id that was given to another process
 * since is never touched.
 */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';

/** One process, for as long as the machine runs. */
export interface Started {
  readonly pid: number;
  /** When it started, in clock ticks since boot, and which boot that was. */
  readonly since: string;
}

const STATE_AND_LATER = 2; // fields of /proc/PID/stat after the name, which may contain blanks
const START_TIME = 22;

async function sinceOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields[0];
  if (!state || state === 'Z' || state === 'X') return undefined;
  const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  return `${fields[START_TIME - STATE_AND_LATER - 1]}@${boot}`;
}

/** The process that has this id now, if it runs. */
export async function identify(pid: number): Promise<Started | undefined> {
  const since = await sinceOf(pid);
  return since === undefined ? undefined : { pid, since };
}

/** Whether this very process still runs; a zombie does not. */
export async function alive({ pid, since }: Started): Promise<boolean> {
  return (await sinceOf(pid)) === since;
}

/** Polls until `condition` gives something other than undefined or false; throws after `timeoutMs`. */
export async function until<T>(
  what: string,
  timeoutMs: number,
  condition: () => Promise<T | undefined | false>,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const result = await condition();
    if (result !== undefined && result !== false) return result;
    if (performance.now() > end) throw new Error(`Waited ${timeoutMs / 1000} s in vain for ${what}.`);
    await setTimeout(100);
  }
}

/** Starts a program in a session of its own, with its output appended to `log`. */
export async function startDetached(command: readonly string[], log: string): Promise<Started> {
  const [program = '', ...args] = command;
  mkdirSync(dirname(log), { recursive: true });
  const output = openSync(log, 'a');
  const child = spawn(program, args, { detached: true, stdio: ['ignore', output, output] });
  closeSync(output);
  const pid = await new Promise<number>((resolve, reject) => {
    child.once('spawn', () => resolve(child.pid ?? 0));
    child.once('error', reject);
  });
  child.unref();
  const started = await identify(pid);
  if (!started) throw new Error(`${program} ended at once; see ${log}`);
  return started;
}

/** The children of a process. */
export async function childrenOf(parent: Started): Promise<Started[]> {
  const file = `/proc/${parent.pid}/task/${parent.pid}/children`;
  const pids = (await readFile(file, 'utf8').catch(() => '')).split(' ').filter(Boolean);
  return (await Promise.all(pids.map((pid) => identify(Number(pid))))).filter((found) => found !== undefined);
}

/** The id a process has in its own, innermost process namespace. */
export async function innerPid({ pid }: Started): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const [, ids] = /^NSpid:\s+(.*)$/m.exec(status) ?? [];
  return ids === undefined ? undefined : Number(ids.split(/\s+/).at(-1));
}

/** Kills this very process and waits until it is gone. */
export async function end(started: Started): Promise<void> {
  if (!(await alive(started))) return;
  try {
    process.kill(started.pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // it ended by itself meanwhile
  }
  await until(`process ${started.pid} to end`, 20_000, async () => !(await alive(started)));
}
