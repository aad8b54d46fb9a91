import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { select } from '../../src/image/selection.ts';
import { anonymous } from '../../src/registry/credentials.ts';
import { RegistryClient } from '../../src/registry/registry-client.ts';
import { layOut, lookAtSource, type Places, writeSource } from '../../src/step/source.ts';
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

describe('inside a pod', () => {
  const selection = { copy: ['main.py'], copyAll: false };
  const registry = new RegistryClient({ registries: [], credentials: anonymous });
  let places: Places;
  beforeEach(() => {
    const at = (name: string) => join(folder, name);
    places = {
      ca: at('ca.crt'),
      auth: at('auth'),
      context: at('context'),
      configMap: at('config-map'),
      gitSecret: at('git-secret'),
      fetched: at('fetched'),
    };
    for (const name of ['auth', 'config-map']) mkdirSync(at(name));
    writeFileSync(at('config-map/main.py'), 'main');
  });

  test('a look says what is used, and leaves nothing behind', async () => {
    const found = await lookAtSource({ selection }, registry, {}, places);
    expect(found).toEqual({
      kind: 'found',
      source: { copied: true, digest: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    expect(readFileSync(places.ca, 'utf8')).toContain('BEGIN CERTIFICATE');
    expect(existsSync(places.fetched)).toBe(false);
  });

  test('a look says what lacks, and what cannot be read, each by its field', async () => {
    const lacking = { selection: { ...selection, copy: ['gone.py'] } };
    expect(await lookAtSource(lacking, registry, {}, places)).toEqual({
      kind: 'problems',
      problems: [{ field: 'spec.copy[0]', message: 'the source has no gone.py' }],
    });
    const closed = { selection, git: { url: 'git@nowhere.invalid:x.git' } };
    expect(await lookAtSource(closed, registry, {}, places)).toMatchObject({
      kind: 'denied',
      problem: { field: 'spec.source.git.secretRef' },
    });
    const away = { selection, oci: '127.0.0.1:1/x:v1' };
    expect(await lookAtSource(away, registry, {}, places)).toMatchObject({
      kind: 'denied',
      problem: { field: 'spec.source.oci.image' },
    });
  });

  test('a build gets what the hash counted, or nothing at all', async () => {
    const look = await lookAtSource({ selection }, registry, {}, places);
    const digest = look.kind === 'found' ? look.source.digest : '';
    const source = { kind: 'configMap', selection, digest } as const;
    await writeSource(source, registry, {}, places);
    expect(readFileSync(join(places.context, 'source/main.py'), 'utf8')).toBe('main');

    rmSync(places.context, { recursive: true });
    writeFileSync(join(places.configMap, 'main.py'), 'changed');
    await expect(writeSource(source, registry, {}, places)).rejects.toMatchObject({
      reason: 'SourceUnavailable',
      message: 'the source changed after it was looked at',
    });
    rmSync(join(places.configMap, 'main.py'));
    await expect(writeSource(source, registry, {}, places)).rejects.toThrow(
      'the source changed after it was looked at (spec.copy[0]: the source has no main.py)',
    );
    const gone = { ...source, kind: 'oci', oci: '127.0.0.1:1/x:v1' } as const;
    await expect(writeSource(gone, registry, {}, places)).rejects.toMatchObject({
      reason: 'SourceUnavailable',
    });
    expect(existsSync(places.context)).toBe(false);
  });
});
