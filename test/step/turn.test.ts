/** A step that waits for `prepare`, with a process in its place. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { prepared } from '../../src/step/turn.ts';

const TURN = pathToFileURL(join(import.meta.dirname, '../../src/step/turn.ts')).href;

let folder: string;
let socket: string;
let done: string;
let child: ChildProcess | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'imagespec-turn-'));
  [socket, done] = [join(folder, 'preparing'), join(folder, 'prepare.end')];
});
afterEach(() => {
  child?.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** Prepares for as long as `work` takes, in a process of its own. */
function prepare(work: string): void {
  const script = `
    import { writeFileSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    import { showPreparing } from '${TURN}';
    await showPreparing('${socket}');
    ${work}`;
  child = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: 'inherit' });
}
const DONE = () => `writeFileSync('${done}', '');`;
const waiting = () => prepared(socket, done);
const begun = async () => {
  while (!existsSync(socket)) await sleep(5);
};

it('waits for one that has not begun, and goes on when it is done', async () => {
  const wait = waiting();
  await sleep(60);
  prepare(`await sleep(150); ${DONE()}`);
  await wait;
  expect(existsSync(done)).toBe(true);
});

it('goes on at once after one that is done and gone', async () => {
  prepare(DONE());
  await new Promise((resolve) => child?.once('exit', resolve));
  await waiting();
});

it('keeps nobody from ending who has done its part, though others wait for it', async () => {
  prepare(`await sleep(150); ${DONE()}`);
  await begun();
  const others = [waiting(), waiting()];
  const code = await new Promise((resolve) => child?.once('exit', resolve));
  await Promise.all(others);
  expect(code).toBe(0);
});

it.each([
  ['fails', 'await sleep(100); process.exit(1)'],
  ['is killed', `await sleep(100); process.kill(process.pid, 'SIGKILL')`],
])('does not wait for one that %s', async (_what, work) => {
  prepare(work);
  await begun();
  await expect(waiting()).rejects.toThrow('the step prepare ended before it was done');
});

it('does not wait for ever for one that never begins, nor cuts short one that has begun', async () => {
  await expect(prepared(socket, done, 100)).rejects.toThrow('the step prepare did not begin');
  prepare(`await sleep(400); ${DONE()}`);
  await begun();
  await prepared(socket, done, 100);
});

it('does not wait for one that was killed before anybody looked', async () => {
  prepare(`process.kill(process.pid, 'SIGKILL')`);
  await new Promise((resolve) => child?.once('exit', resolve));
  expect(existsSync(socket)).toBe(true);
  await expect(waiting()).rejects.toThrow('the step prepare ended before it was done');
});
