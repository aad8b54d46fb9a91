import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { select } from '../../src/image/selection.ts';
import { layOut } from '../../src/step/source.ts';
import { file, link, tree } from '../support/tree.ts';

let folder: string;
const umask = process.umask();
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'imagespec-source-'));
});
afterEach(() => {
  process.umask(umask);
  rmSync(folder, { recursive: true });
});

/** Everything below the folder: path, mode and time, then content or target. */
function laid(): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((path) => {
      const stat = lstatSync(join(folder, path));
      const content = stat.isSymbolicLink()
        ? `-> ${readlinkSync(join(folder, path))}`
        : stat.isFile()
          ? readFileSync(join(folder, path), 'utf8')
          : '';
      const mode = stat.isSymbolicLink() ? 'link' : (stat.mode & 0o7777).toString(8);
      return `${path} ${mode} ${stat.mtime.getUTCFullYear()} ${content}`.trim();
    });
}

test.each([0o022, 0o077])('the same bytes, modes and times, whatever the umask (%o)', (mask) => {
  process.umask(mask);
  const source = tree(
    {
      'src/app/main.py': 'main',
      'req/requirements.txt': '-r more.txt',
      'req/more.txt': 'requests',
      unused: '',
    },
    file('src/run.sh', 'run', true),
    link('src/main', 'app/main.py'),
  );
  const selecting = select(source, {
    copy: ['req/more.txt'],
    copyAll: true,
    sourceRoot: 'src',
    requirements: 'req/requirements.txt',
  });
  if (!selecting.ok) throw new Error(JSON.stringify(selecting.problems));
  layOut(selecting.selected, folder);
  expect(laid()).toEqual([
    'requirements 755 2000',
    'requirements/req 755 2000',
    'requirements/req/more.txt 644 2000 requests',
    'requirements/req/requirements.txt 644 2000 -r more.txt',
    'source 755 2000',
    'source/app 755 2000',
    'source/app/main.py 644 2000 main',
    'source/main link 2000 -> app/main.py',
    'source/req 755 2000',
    'source/req/more.txt 644 2000 requests',
    'source/run.sh 755 2000 run',
  ]);
});

test('nothing chosen is nothing written', () => {
  layOut({ source: { digest: '', copied: false }, copies: [], requirements: new Map() }, folder);
  expect(laid()).toEqual([]);
});
