/** What bounds a git that is slow, talkative or greedy. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type Bounds, git } from '../../src/source/git-command.ts';
import { startGitHttp } from '../support/git-http.ts';
import { GitRepository } from '../support/git-repository.ts';
import { listen } from '../support/listen.ts';

const root = mkdtempSync(join(tmpdir(), 'imagespec-git-command-'));
const bounds: Bounds = { timeoutMs: 30_000, mostOutput: 1000 };
const stops: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const stop of stops) await stop();
  rmSync(root, { recursive: true });
});

function options(name: string) {
  mkdirSync(join(root, name));
  return { repository: join(root, name), caFile: '/dev/null' };
}

/** Processes that run in a folder. */
function runningIn(folder: string): string[] {
  const commands = readdirSync('/proc').filter((id) => /^\d+$/.test(id));
  return commands.filter((id) => {
    try {
      return readFileSync(`/proc/${id}/environ`, 'utf8').includes(`GIT_DIR=${folder}\0`);
    } catch {
      return false;
    }
  });
}

test('a server that never answers is left, with all of git’s helpers', async () => {
  const server = await listen(createServer(() => undefined));
  stops.push(server.stop);
  const at = options('slow');
  const result = await git(at, ['ls-remote', '--', `${server.origin}/x.git`], { ...bounds, timeoutMs: 1000 });
  expect(result.stopped).toBe('time');
  await expect.poll(() => runningIn(at.repository)).toEqual([]);
});

test('more output than was bargained for ends it', async () => {
  expect(await git(options('output'), ['help', '-a'], bounds)).toMatchObject({ stopped: 'output' });
});

test('a pack beyond the bound ends it while it comes', async () => {
  const repository = new GitRepository(root, 'large');
  writeFileSync(join(root, 'large.bin'), randomBytes(48 * 1024 * 1024));
  const blob = repository.git('hash-object', '-w', join(root, 'large.bin'));
  repository.commitTree(repository.gitWithInput(`100644 blob ${blob}\tlarge.bin\n`, 'mktree'));
  const server = await startGitHttp({ root });
  stops.push(server.stop);
  const at = options('disk');
  await git(at, ['init', '--bare', '--quiet'], bounds);
  const fetch = ['fetch', '--quiet', '--', `${server.origin}/large.git`, 'main'];
  expect(await git(at, fetch, { ...bounds, mostDisk: 1024 * 1024 })).toMatchObject({ stopped: 'disk' });
});

test('what it wrote is handed on, and an error of whoever takes it is theirs', async () => {
  const at = options('consume');
  const failing = git(at, ['version'], bounds, '', () => {
    throw new Error('enough');
  });
  await expect(failing).rejects.toThrow('enough');
});

test('the environment of this process, its configuration and its hooks are none of git’s business', async () => {
  const at = options('alone');
  process.env.GIT_CONFIG_PARAMETERS = "'user.name=outside'";
  try {
    await git(at, ['init', '--bare', '--quiet'], bounds);
    const { stdout } = await git(at, ['config', '--list'], { ...bounds, mostOutput: 10_000 });
    expect(stdout.toString()).not.toContain('outside');
    expect(stdout.toString()).toContain('core.hookspath=/dev/null');
  } finally {
    delete process.env.GIT_CONFIG_PARAMETERS;
  }
});
