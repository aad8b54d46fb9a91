/** The program as npm gives it to others: packed, installed into an empty folder, run. */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../../scripts/cluster/run.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const SAMPLE = join(ROOT, 'manifests/samples/hello.yaml');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imagespec-package-'));
  await run('npm', ['pack', '--pack-destination', folder], { cwd: ROOT });
  const [archive = ''] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
  await writeFile(join(folder, 'package.json'), '{}');
  await run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', `./${archive}`], {
    cwd: folder,
  });
  await writeFile(join(folder, 'settings.yaml'), 'defaults: {registry: ghcr.io/acme}\n');
}, 300_000);
afterAll(() => rm(folder, { recursive: true }));

/** Runs it as `npx` does. */
async function imagespec(args: readonly string[], input = '') {
  const env = { ...process.env, NODE_COMPILE_CACHE: join(folder, 'cache') };
  const child = spawn('npx', ['--no', 'imagespec', ...args], { cwd: folder, env, stdio: 'pipe' });
  child.stdin.end(input);
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { out, err, code };
}

test('holds the compiled program, the CRD and the pages, and nothing else', async () => {
  const installed = join(folder, 'node_modules', 'imagespec-operator');
  expect((await readdir(installed)).sort()).toEqual([
    'LICENSE',
    'README.md',
    'crds',
    'dist',
    'docs',
    'package.json',
  ]);
});

test('renders, the second time by the code that the first has kept', async () => {
  const args = ['render', '-f', SAMPLE, '--settings', 'settings.yaml', '-o', 'json'];
  const first = await imagespec(args);
  expect(first).toMatchObject({ err: '', code: 0 });
  expect(JSON.parse(first.out)).toMatchObject({
    image: 'ghcr.io/acme/hello:b57873f79c71aafa79fe4f28703c2fca',
    files: { 'apt/packages.txt': 'hello\n' },
  });
  const cached = await readdir(join(folder, 'cache'), { recursive: true });
  expect(cached.filter((name) => /\/imagespec-[0-9a-f]+$/.test(name))).toHaveLength(1);
  expect(await imagespec(args)).toEqual(first);
});

test('converts what it then finds valid', async () => {
  const converted = await imagespec(
    ['convert', '-'],
    'registry: ghcr.io/acme\npython_version: 3.11\npackages: sklearn\n',
  );
  expect(converted.code).toBe(0);
  const judged = await imagespec(['validate', '-f', '-'], converted.out);
  expect(judged).toMatchObject({
    err: '',
    code: 0,
    out: expect.stringContaining('stdin is valid: ghcr.io/acme/stdin:'),
  });
});

test('ends with 1 where something is refused, and with 2 where the command is wrong', async () => {
  const object =
    'apiVersion: imagespec.dev/v1alpha1\nkind: ImageSpec\nmetadata: {name: a}\nspec: {user: root}\n';
  expect(await imagespec(['validate', '-f', '-'], object)).toMatchObject({
    code: 1,
    err: expect.stringContaining('<stdin>:4: spec.user: write a numeric user'),
  });
  expect((await imagespec(['validate'])).code).toBe(2);
});

test('says which Node it needs', async () => {
  const older = join(folder, 'older.cjs');
  await writeFile(older, "Object.defineProperty(process.versions, 'node', { value: '20.20.2' });\n");
  const program = join(folder, 'node_modules/.bin/imagespec');
  const child = spawn('node', ['--require', older, program, '--version'], { stdio: 'pipe' });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  expect({ out, err, code }).toEqual({
    out: '',
    err: 'imagespec needs Node 24 or later; this is 20.20.2\n',
    code: 2,
  });
});

test('says its version', async () => {
  expect((await imagespec(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
});
