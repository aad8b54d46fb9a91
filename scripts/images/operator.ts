/**
 * The operator's image, which is also the image of the prepare and verify steps: Debian with git and ssh,
 * Node, BuildKit's client, the production packages and the compiled sources, those of the steps also as one file.
 *
 * What changes rarely lies below, kept as layers of their own: after an edit of a source only the compiler
 * runs and the archive is put together again. The Dockerfile says the same for people with Docker.
 */
import { chmod, copyFile, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { run } from '../cluster/run.ts';
import { bootstrap, inside } from './debian.ts';
import { digestOfFile } from './digest.ts';
import { keptImage, keptLayer } from './kept.ts';
import { type Layer, layerFromFolder } from './layer.ts';
import { DEBIAN_PATH } from './writer.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const MODULES = join(ROOT, 'node_modules');

/** Layers that are made once and pulled often are worth gzip's best. */
const BEST = 9;

/**
 * The archive of the operator's image.
 *
 * @param buildctl path of BuildKit's client, a static binary
 */
export async function operatorImage(buildctl: string): Promise<string> {
  const files = await programFiles();
  const below = [await systemLayer(), await nodeLayer(), await clientLayer(buildctl), await packagesLayer()];
  return await keptImage({
    part: 'image-operator',
    about: { title: "Making the operator's image", usually: '3 s' },
    sources: ['operator.ts'],
    inputs: [...below.map(({ digest }) => digest), ...[...files].flat()],
    reference: 'docker.io/imagespec/operator:dev',
    config: {
      User: '65532:65532',
      Env: [DEBIAN_PATH, 'HOME=/tmp', 'NODE_ENV=production'],
      Entrypoint: ['/usr/local/bin/node', '/app/dist/main.js'],
      WorkingDir: '/app',
    },
    layers: async (work) => [...below, await programLayer(files, work)],
  });
}

async function systemLayer(): Promise<Layer> {
  const script = await readFile(join(import.meta.dirname, 'slim-system.sh'), 'utf8');
  return await keptLayer(
    {
      part: 'layer-operator-system',
      about: { title: "Making the system layer of the operator's image", usually: '1 to 2 min' },
      sources: ['debian.ts', 'slim-system.sh'],
      inputs: [String(BEST)],
    },
    async (work, file) => {
      await bootstrap(work, ['ca-certificates', 'git', 'openssh-client', 'openssl']);
      await inside(work, script);
      await layerFromFolder(work, file, { level: BEST });
    },
  );
}

async function nodeLayer(): Promise<Layer> {
  const { version } = JSON.parse(await readFile(join(MODULES, 'node', 'package.json'), 'utf8'));
  return await keptLayer(
    {
      part: 'layer-operator-node',
      about: { title: `Packing Node ${version}`, usually: '15 s' },
      sources: [],
      inputs: [String(version), String(BEST)],
    },
    (work, file) => layerOfProgram(join(MODULES, 'node', 'bin', 'node'), work, file),
  );
}

async function clientLayer(buildctl: string): Promise<Layer> {
  return await keptLayer(
    {
      part: 'layer-operator-buildctl',
      about: { title: "Packing BuildKit's client", usually: '3 s' },
      sources: [],
      inputs: [await digestOfFile(buildctl), String(BEST)],
    },
    (work, file) => layerOfProgram(buildctl, work, file),
  );
}

async function layerOfProgram(program: string, work: string, file: string): Promise<void> {
  const bin = join(work, 'usr', 'local', 'bin');
  await mkdir(bin, { recursive: true });
  await copyFile(program, join(bin, basename(program)));
  await chmod(join(bin, basename(program)), 0o755);
  await layerFromFolder(work, file, { level: BEST, ownedByRoot: true });
}

/** The production packages of the lock file, without what only compilers and readers look at. */
async function packagesLayer(): Promise<Layer> {
  const lock = await readFile(join(ROOT, 'package-lock.json'));
  return await keptLayer(
    {
      part: 'layer-operator-packages',
      about: { title: 'Packing the production packages', usually: '20 s' },
      sources: ['operator.ts', 'slim-packages.sh'],
      inputs: [lock],
    },
    async (work, file) => {
      const app = join(work, 'app');
      await mkdir(app);
      for (const name of ['package.json', 'package-lock.json', '.npmrc']) {
        await copyFile(join(ROOT, name), join(app, name));
      }
      await run('npm', ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: app });
      for (const name of ['package.json', 'package-lock.json', '.npmrc']) await rm(join(app, name));
      await run('sh', [join(import.meta.dirname, 'slim-packages.sh')], { cwd: app });
      await layerFromFolder(work, file, { level: BEST, ownedByRoot: true });
    },
  );
}

/** The files the compiled program follows from, by their path from the root. */
async function programFiles(): Promise<Map<string, string>> {
  const entries = await readdir(join(ROOT, 'src'), { recursive: true, withFileTypes: true });
  const sources = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const others = [
    'package.json',
    'package-lock.json',
    'tsconfig.json',
    'tsconfig.build.json',
    'rolldown.config.ts',
  ];
  const paths = [...sources.map((file) => relative(ROOT, file)).sort(), ...others];
  const read = paths.map(async (path) => [path, await readFile(join(ROOT, path), 'utf8')] as const);
  return new Map(await Promise.all(read));
}

/** Compiles and bundles a copy, so that what is kept under the name of these files is made from them and no later ones. */
async function programLayer(files: ReadonlyMap<string, string>, work: string): Promise<Layer> {
  const [copy, app] = [join(work, 'copy'), join(work, 'tree', 'app')];
  for (const [path, text] of files) {
    await mkdir(dirname(join(copy, path)), { recursive: true });
    await writeFile(join(copy, path), text);
  }
  await symlink(MODULES, join(copy, 'node_modules'));
  await mkdir(app, { recursive: true });
  const tool = (name: string) => join(MODULES, '.bin', name);
  await run(tool('tsc'), ['--project', 'tsconfig.build.json'], { cwd: copy });
  await run(tool('rolldown'), ['--config', 'rolldown.config.ts'], { cwd: copy });
  await rename(join(copy, 'dist'), join(app, 'dist'));
  await copyFile(join(copy, 'package.json'), join(app, 'package.json'));
  return await layerFromFolder(join(work, 'tree'), join(work, 'layer.tar.gz'), { ownedByRoot: true });
}
