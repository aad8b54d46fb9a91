import { chmod, mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { changesBetween, snapshot, whiteouts } from '../../scripts/images/changes.ts';

let tree: string;

beforeEach(async () => {
  tree = await mkdtemp(join(tmpdir(), 'imagespec-changes-'));
  await mkdir(join(tree, 'usr/bin'), { recursive: true });
  await symlink('usr/bin', join(tree, 'bin'));
  for (const name of ['one', 'two', 'three']) await writeFile(join(tree, 'usr/bin', name), name);
});
afterEach(async () => {
  await rm(tree, { recursive: true, force: true });
});

async function changesAfter(work: () => Promise<unknown>) {
  const before = await snapshot(tree);
  await work();
  const { changed, removed } = changesBetween(before, await snapshot(tree));
  return { changed: changed.sort(), removed: removed.sort() };
}

describe('the changes of a tree', () => {
  it('are none when nothing happened', async () => {
    expect(await changesAfter(async () => {})).toEqual({ changed: [], removed: [] });
  });

  it('name what was written, made, given other rights or touched back to an old time', async () => {
    const { changed } = await changesAfter(async () => {
      await writeFile(join(tree, 'usr/bin/one'), 'eno');
      await utimes(join(tree, 'usr/bin/one'), 1, 1);
      await chmod(join(tree, 'usr/bin/two'), 0o700);
      await mkdir(join(tree, 'etc'));
      await writeFile(join(tree, 'etc/new'), '');
    });
    expect(changed).toEqual(['etc', 'etc/new', 'usr/bin/one', 'usr/bin/two']);
  });

  it('do not follow links to folders', async () => {
    expect([...(await snapshot(tree)).keys()].filter((path) => path.startsWith('bin'))).toEqual(['bin']);
  });

  it('name what is gone, a folder once for all that was in it', async () => {
    const { removed } = await changesAfter(() => rm(join(tree, 'usr/bin'), { recursive: true }));
    expect(removed).toEqual(['usr/bin']);
  });

  it('see a file that took the place of another', async () => {
    const work = () => rename(join(tree, 'usr/bin/one'), join(tree, 'usr/bin/two'));
    expect(await changesAfter(work)).toEqual({
      changed: ['usr/bin', 'usr/bin/two'],
      removed: ['usr/bin/one'],
    });
  });
});

describe('a whiteout', () => {
  it('stands beside what it hides', () => {
    expect(whiteouts(['usr/bin/one', 'top'])).toEqual(['usr/bin/.wh.one', '.wh.top']);
  });
});
