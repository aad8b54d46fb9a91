import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { cached } from '../../scripts/cluster/cache.ts';
import { exclusively } from '../../scripts/cluster/lock.ts';

const about = { title: 'Making a thing', usually: '1 s' };
let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'imagespec-cache-'));
  vi.stubEnv('XDG_CACHE_HOME', root);
  build.mockClear();
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  await rm(root, { recursive: true, force: true });
});

const build = vi.fn(async (folder: string) => await writeFile(join(folder, 'thing'), 'made'));

/** Another process that runs `code` as a module, with the folder of this file as its place. */
function other(code: string) {
  return spawn(process.execPath, ['--input-type=module', '--eval', code], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

describe('the cache', () => {
  test('makes a thing once', async () => {
    const first = await cached('thing', ['a', 'b'], build, about);
    expect(await cached('thing', ['a', 'b'], build, about)).toBe(first);
    expect(await readFile(join(first, 'thing'), 'utf8')).toBe('made');
    expect(build).toHaveBeenCalledTimes(1);
  });

  test('tells inputs apart, also where one ends and the next begins', async () => {
    const folders = [['ab'], ['a', 'b'], ['', 'ab']].map((inputs) => cached('thing', inputs, build, about));
    expect(new Set(await Promise.all(folders)).size).toBe(3);
  });

  test('makes a thing once for two who ask at the same time', async () => {
    const [one, two] = await Promise.all([1, 2].map(() => cached('thing', ['a'], build, about)));
    expect(one).toBe(two);
    expect(build).toHaveBeenCalledTimes(1);
  });

  test('keeps nothing of what failed, and tries again', async () => {
    const failing = async (folder: string) => {
      await build(folder);
      throw new Error('no space');
    };
    await expect(cached('thing', ['a'], failing, about)).rejects.toThrow('no space');
    expect(await readdir(join(root, 'imagespec-operator', 'thing'))).toEqual([]);
    await expect(cached('thing', ['a'], build, about)).resolves.toBeTypeOf('string');
  });

  test('keeps the two entries of a part that were used last', async () => {
    for (const input of ['a', 'b', 'a', 'c']) await cached('thing', [input], build, about);
    expect(await readdir(join(root, 'imagespec-operator', 'thing'))).toHaveLength(2);
    await cached('thing', ['a'], build, about);
    expect(build).toHaveBeenCalledTimes(3);
  });

  test('is not blocked by a builder that was killed, and removes what it left', async () => {
    const child = other(`
      import { writeFile } from 'node:fs/promises';
      import { cached } from '../../scripts/cluster/cache.ts';
      await cached('thing', ['a'], async (folder) => {
        await writeFile(folder + '/half', '');
        console.log('building');
        await new Promise((resolve) => setTimeout(resolve, 60_000));
      }, { title: 'A thing', usually: '1 min' });
    `);
    await once(child.stdout, 'data');
    const waiting = cached('thing', ['a'], build, about);
    child.kill('SIGKILL');
    const folder = await waiting;
    expect(await readdir(folder)).toEqual(['thing']);
    expect(await readdir(join(folder, '..'))).toHaveLength(1);
  });
});

describe('the lock', () => {
  test('keeps another process out until its owner is done', async () => {
    const file = join(root, 'lock');
    const done = join(root, 'done');
    const child = other(`
      import { writeFileSync } from 'node:fs';
      import { exclusively } from '../../scripts/cluster/lock.ts';
      await exclusively(${JSON.stringify(file)}, async () => {
        console.log('mine');
        await new Promise((resolve) => setTimeout(resolve, 500));
        writeFileSync(${JSON.stringify(done)}, '');
      });
    `);
    await once(child.stdout, 'data');
    const waiting = vi.fn();
    expect(await exclusively(file, async () => existsSync(done), waiting)).toBe(true);
    expect(waiting).toHaveBeenCalledTimes(1);
  });
});
