/** What a spec may ask of Python, conda, CUDA and its source, each found in a Pod of the image that was made. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { HOST_ADDRESS } from '../../scripts/cluster/place.ts';
import { type CondaFile, condaPackage, startChannel } from '../support/conda-channel.ts';
import {
  apply,
  cluster,
  conditionsOf,
  createNamespace,
  deleteNamespace,
  hasReason,
  kubectl,
  outputOf,
  RUN,
  ready,
  test,
  type Written,
  withOperator,
} from '../support/e2e.ts';
import { inRegistry } from '../support/in-registry.ts';
import type { Listening } from '../support/listen.ts';
import { type PackageIndex, startPackageIndex } from '../support/package-index.ts';

/** On this host, where pods reach them as they reach any other machine. */
const at = (port: number) => `${HOST_ADDRESS}:${port}`;
const OPEN = at(5741);
const PRIVATE = at(5742);
const CHANNEL = at(5743);
const LOGIN = { username: 'reader', password: 'a-password-of-features' };
const WHEELS = { fromindex: '', another: '' };

/** Says which of the test's packages there are, and where Python is. */
const LOOK = `import importlib.metadata as m, json, os, stat, sys
def version(name):
    try:
        return m.version(name)
    except m.PackageNotFoundError:
        return None
print(json.dumps({
    'versions': {n: v for n in ('fromindex', 'another', 'six', 'idna', 'flytekit') if (v := version(n))},
    'prefix': [sys.prefix, sys.base_prefix],
    'user': [os.getuid(), os.getgid()],
    'files': {p: [oct(stat.S_IMODE((s := os.stat(p)).st_mode)), s.st_uid, s.st_gid, open(p).read() if os.path.isfile(p) else None] for p in sys.argv[1:]},
    'env': dict(os.environ),
    'left': [p for p in ('/root/.netrc', '/root/.local', '/run/imagespec', '/run/imagespec-locked.txt', '/var/cache/imagespec-uv') if os.path.exists(p)] + [p for p in os.listdir('/tmp')],
}))
`;

const UV_PROJECT = `[project]
name = "demo"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["fromindex==1.0"]

[[tool.uv.index]]
url = "http://${OPEN}/simple"
default = true
`;

const uvLock = (digest: string) => `version = 1
revision = 3
requires-python = ">=3.11"

[[package]]
name = "demo"
version = "0.1.0"
source = { virtual = "." }
dependencies = [
    { name = "fromindex" },
]

[package.metadata]
requires-dist = [{ name = "fromindex", specifier = "==1.0" }]

[[package]]
name = "fromindex"
version = "1.0"
source = { registry = "http://${OPEN}/simple" }
wheels = [
    { url = "http://${OPEN}/files/fromindex-1.0-py3-none-any.whl", hash = "sha256:${digest}" },
]
`;

const POETRY_PROJECT = `[project]
name = "demo"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["fromindex (==1.0)"]
`;

/** As poetry hashes what of pyproject.toml its lock depends on. */
const POETRY_CONTENT =
  '{"project": {"dependencies": ["fromindex (==1.0)"], "requires-python": ">=3.11"}, "tool": {"poetry": {}}}';

const poetryLock = (digest: string) => `[[package]]
name = "fromindex"
version = "1.0"
description = ""
optional = false
python-versions = "*"
groups = ["main"]
files = [
    {file = "fromindex-1.0-py3-none-any.whl", hash = "sha256:${digest}"},
]

[metadata]
lock-version = "2.1"
python-versions = ">=3.11"
content-hash = "${createHash('sha256').update(POETRY_CONTENT).digest('hex')}"
`;

const pylock = (digest: string) => `lock-version = "1.0"
created-by = "test"
requires-python = ">=3.11"

[[packages]]
name = "fromindex"
version = "1.0"
index = "http://${OPEN}/simple"
wheels = [
    { url = "http://${OPEN}/files/fromindex-1.0-py3-none-any.whl", hashes = { sha256 = "${digest}" } },
]
`;

/** This host's Python as a conda package: moved to another prefix, it finds its library beside it. */
async function condaPython() {
  const library = '/usr/lib/python3.11';
  const files: Record<string, CondaFile> = {
    'bin/python3.11': { content: readFileSync('/usr/bin/python3.11'), mode: 0o755 },
    'bin/python3': { link: 'python3.11' },
    'bin/python': { link: 'python3.11' },
  };
  for (const entry of readdirSync(library, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (/\/(test|tests|__pycache__|idlelib|tkinter|config-3[^/]*)(\/|$)/.test(path)) continue;
    if (statSync(path).isFile()) files[relative('/usr', path)] = { content: readFileSync(path) };
  }
  return await condaPackage('python', '3.11.2', files);
}

const HELLO = { content: Buffer.from('#!/bin/sh\necho hello from conda\n'), mode: 0o755 };

withOperator('a spec', () => {
  let namespace: string;
  let open: PackageIndex;
  let guarded: PackageIndex;
  let channel: Listening;
  beforeAll(async () => {
    open = await startPackageIndex({ address: OPEN, packages: WHEELS });
    const login = `${LOGIN.username}:${LOGIN.password}`;
    guarded = await startPackageIndex({ address: PRIVATE, login, packages: { another: '' } });
    const hello = condaPackage('hello-tool', '2.0', { 'bin/hello-tool': HELLO }, { noarch: true });
    channel = await startChannel(CHANNEL, await Promise.all([condaPython(), hello]));
    namespace = await createNamespace('the specs of features.e2e');
  });
  afterAll(async () => {
    await Promise.all([open?.stop(), guarded?.stop(), channel?.stop()]);
    await deleteNamespace(namespace);
  });

  /** Builds a spec and runs its image. */
  async function madeFrom(name: string, spec: Written, paths: string[] = []) {
    await apply(namespace, { [name]: { name: `${RUN}/${name}`, ...spec } });
    const { status } = await ready(namespace, name, 240);
    const command = ['python', '-c', LOOK, ...paths];
    const said = JSON.parse(await outputOf(namespace, status.resolvedImage ?? '', { command }));
    return { image: status.resolvedImage ?? '', said };
  }

  test('takes requirements*.txt with what it refers to, packages beside it, a further index and arguments', async () => {
    const files = {
      'a folder/requirements.txt': '-r ../more.txt\nfromindex\n',
      'more.txt': 'six==1.16.0\n',
    };
    const { said } = await madeFrom('text', {
      requirements: 'a folder/requirements.txt',
      packages: ['idna'],
      pipExtraIndexUrls: [open.url],
      pipExtraArgs: ['--no-deps', '--config-setting', 'a=$(touch /pwned) "b"'],
      source: { files },
    });
    expect(said.versions).toEqual({ fromindex: '1.0', six: '1.16.0', idna: expect.any(String) });
    expect(said.prefix).toEqual(['/opt/venv', '/usr']);
    expect(said.left).toEqual([]);
  });

  test('takes uv.lock, and tells one that does not fit its pyproject.toml', async () => {
    const files = { 'app/uv.lock': uvLock(open.digestOf('fromindex')), 'app/pyproject.toml': UV_PROJECT };
    const { said } = await madeFrom('uv', { requirements: 'app/uv.lock', source: { files } });
    expect(said.versions).toEqual({ fromindex: '1.0' });
    expect(said.left).toEqual([]);

    const changed = { ...files, 'app/pyproject.toml': UV_PROJECT.replace('fromindex==1.0', 'another') };
    const spec = { name: `${RUN}/stale`, requirements: 'app/uv.lock', source: { files: changed } };
    await apply(namespace, { stale: spec });
    const failed = await hasReason(namespace, 'stale', 'BuildFailed', 120);
    expect(conditionsOf(failed).message).toContain('uv.lock does not fit the pyproject.toml beside it');
  });

  test('takes poetry.lock', async () => {
    const files = {
      'poetry.lock': poetryLock(open.digestOf('fromindex')),
      'pyproject.toml': POETRY_PROJECT,
    };
    const { said } = await madeFrom('poetry', {
      requirements: 'poetry.lock',
      pipExtraIndexUrls: [open.url],
      source: { files },
    });
    expect(said.versions).toEqual({ fromindex: '1.0' });
    expect(said.left).toEqual([]);
  });

  test('takes pylock.toml', async () => {
    const files = { 'pylock.toml': pylock(open.digestOf('fromindex')) };
    const { said } = await madeFrom('pylock', { requirements: 'pylock.toml', source: { files } });
    expect(said.versions).toEqual({ fromindex: '1.0' });
  });

  test('takes pyproject.toml, from an index instead of the public one', async () => {
    const files = { 'pyproject.toml': POETRY_PROJECT };
    const { said } = await madeFrom('project', {
      requirements: 'pyproject.toml',
      packages: ['another'],
      pipIndex: open.url,
      source: { files },
    });
    expect(said.versions).toEqual({ fromindex: '1.0', another: '1.0' });
  });

  test('puts packages on top of the interpreter it names, and files into workdir for the final user', async () => {
    const files = { 'src/app/main.py': 'print("é")\n', 'src/data.txt': 'x\n', 'other.txt': 'not copied' };
    const { said } = await madeFrom(
      'exec',
      {
        pythonExec: '/usr/bin/python3.11',
        packages: ['six'],
        source: { files },
        copy: ['src'],
        workdir: '/srv/here',
        user: '1234:2345',
        commands: ['test -f src/app/main.py', 'test ! -e other.txt', 'cp src/data.txt /made.txt'],
      },
      ['/srv/here', '/srv/here/src', '/srv/here/src/app/main.py', '/made.txt'],
    );
    expect(said.versions.six).toBeDefined();
    expect(said.files).toEqual({
      '/srv/here': ['0o755', 1234, 2345, null],
      '/srv/here/src': ['0o755', 1234, 2345, null],
      '/srv/here/src/app/main.py': ['0o644', 1234, 2345, 'print("é")\n'],
      '/made.txt': ['0o644', 0, 0, 'x\n'],
    });

    const missing = { name: `${RUN}/missing`, pythonExec: '/usr/bin/python9', packages: ['six'] };
    await apply(namespace, { missing });
    const failed = await hasReason(namespace, 'missing', 'PythonNotFound', 120);
    expect(conditionsOf(failed).message).toContain('/usr/bin/python9');
  });

  test('installs from a private index with a Secret that stays in the build', async () => {
    const stringData = {
      netrc: `machine ${HOST_ADDRESS} login ${LOGIN.username} password ${LOGIN.password}\n`,
    };
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'index' }, stringData };
    await kubectl(['apply', '--namespace', namespace, '--filename', '-'], JSON.stringify(secret));
    const { said } = await madeFrom('private', {
      packages: ['another'],
      pipIndex: guarded.url,
      pipSecretMounts: [{ secretKeyRef: { name: 'index', key: 'netrc' }, path: '/root/.netrc' }],
      commands: ['test ! -e /root/.netrc'],
    });
    expect(said.versions).toEqual({ another: '1.0' });
    expect(said.left).toEqual([]);
    expect(guarded.given).toContain('/simple/another/');
  });

  test.for(['buildkit', 'kaniko'])(
    'gets packages of a conda channel with %s, and those of pip on top of its Python',
    async (builder) => {
      const { image, said } = await madeFrom(`conda-${builder}`, {
        builder,
        condaPackages: ['hello-tool >=1'],
        condaChannels: [channel.origin],
        pythonVersion: '3.11',
        packages: ['six'],
      });
      expect(said.prefix).toEqual(['/opt/venv', '/opt/conda']);
      expect(said.versions.six).toBeDefined();
      expect(said.left).toEqual([]);
      expect(await outputOf(namespace, image, { command: ['hello-tool'] })).toBe('hello from conda\n');

      const again = { condaPackages: ['hello-tool'], condaChannels: [channel.origin], baseImage: image };
      await apply(namespace, { [`again-${builder}`]: { name: `${RUN}/again`, builder, ...again } });
      const failed = await hasReason(namespace, `again-${builder}`, 'BuildFailed', 120);
      expect(conditionsOf(failed).message).toContain('the base image has packages from conda');
    },
  );

  test('is told which conda packages there are not', async () => {
    const spec = { condaPackages: ['hello-tool >=3'], condaChannels: [channel.origin] };
    await apply(namespace, { unknown: { name: `${RUN}/unknown`, ...spec } });
    const failed = await hasReason(namespace, 'unknown', 'PackageNotFound', 120);
    expect(conditionsOf(failed).message).toContain('hello-tool');
  });

  test('finds the libraries of CUDA', async () => {
    await apply(namespace, { cuda: { name: `${RUN}/cuda`, cuda: '12.6' } });
    const { status } = await ready(namespace, 'cuda', 400);
    const load =
      'import ctypes; print([ctypes.CDLL(f"lib{n}.so.12")._name for n in ("cudart", "nvrtc", "cublas")])';
    const said = await outputOf(namespace, status.resolvedImage ?? '', { command: ['python', '-c', load] });
    expect(said).toContain('libcudart.so.12');
  });

  test('under profile Flytekit is an image that Flyte runs as it is', async () => {
    const { image, said } = await madeFrom('flytekit', { profile: 'Flytekit', registry: cluster.registry });
    expect(said.versions.flytekit).toBeDefined();
    expect(said.user).toEqual([1000, 1000]);
    expect(said.env).toMatchObject({ PYTHONPATH: '/root', HOME: '/home/flytekit' });
    expect(said.env._F_IMG_ID).toMatch(/^[A-Za-z0-9_-]{22}$/);
    const { config } = await inRegistry(image);
    expect(config).toMatchObject({ User: '1000:1000', WorkingDir: '/root' });
    // As Flyte does with runtime packages, and as its tasks begin.
    const install = `python -m pip install --quiet --index-url ${open.url} --trusted-host ${HOST_ADDRESS} another`;
    const write = `id -un; touch here $HOME/there; ${install}; python -c 'import another'; pyflyte-execute --help`;
    expect(await outputOf(namespace, image, { command: ['sh', '-ec', write] })).toMatch(/^flytekit\n/);
  });
});
