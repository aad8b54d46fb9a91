/**
 * What a user reads who writes a field wrongly: the words of the API server at `kubectl apply`, field by field, and of
 * the operator the same sentence. And what is right is taken.
 */
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { crdSchema } from '../../scripts/generate/crd.ts';
import { specSchema } from '../../src/api/image-spec.ts';
import { readSpec } from '../../src/image/target.ts';
import { type Connection, connect } from '../../src/kube/connection.ts';
import { judge } from '../support/judge.ts';
import { BESIDE, long, spoken } from './values.ts';

const { kubeconfig } = inject('controlPlane');

let connection: Connection;
beforeAll(async () => {
  connection = await connect({ kubeconfig });
});
afterAll(async () => {
  await connection.close();
});

/** `[value, field, sentence]`; without a sentence of ours the server's own words, in slashes. */
type Bad = readonly [value: unknown, field: string, words: string | RegExp];
interface Case {
  readonly good: readonly unknown[];
  readonly bad: readonly Bad[];
}

const CREDENTIALS = 'take the user, password or token out of the URL';
const PATH = 'write a relative path below the source, without ..';
const FILES = { files: { a: '' } };
const env = (name: string, value: unknown = 'x') => ({ name, value });

const CASES: Readonly<Record<string, Case>> = {
  recipe: { good: ['v1'], bad: [['v2', 'recipe', /supported values: "v1"/]] },
  profile: {
    good: ['Generic', 'Flytekit'],
    bad: [['flytekit', 'profile', /supported values: "Generic", "Flytekit"/]],
  },
  name: {
    good: ['team/env'],
    bad: [['Env', 'name', 'write a repository name: lower-case letters and digits']],
  },
  registry: {
    good: ['ghcr.io/acme', 'localhost:5000', 'GHCR.io/FlyteOrg', 'flyteorg'],
    bad: [
      ['https://ghcr.io', 'registry', 'write host[:port][/path] without scheme and tag'],
      ['ghcr.io/flyteorg:latest', 'registry', 'without scheme and tag'],
      ['invalid:port:50000', 'registry', 'write host[:port]'],
      [5000, 'registry', /must be of type string/],
    ],
  },
  builder: { good: ['kaniko'], bad: [['Kaniko!', 'builder', 'write the name of a builder of the operator']] },
  builderOptions: {
    good: [{ cache: { mode: 'max' } }],
    bad: [
      ['mode=max', 'builderOptions', /must be of type object/],
      [['a'], 'builderOptions', /must be of type object/],
    ],
  },
  builderConfig: {
    good: [{ uvImage: 'ghcr.io/astral-sh/uv:0.5.1' }],
    bad: [
      [{ uvImage: 'UV latest' }, 'builderConfig.uvImage', 'write an image reference such as'],
      [
        { micromambaImage: 'a/b' },
        'builderConfig',
        'take micromambaImage out: conda packages are installed by rattler',
      ],
    ],
  },
  platforms: {
    good: [['linux/amd64', 'linux/386'], ['linux/arm/v7']],
    bad: [
      [['windows/amd64'], 'platforms[0]', 'write linux/amd64, linux/arm64 or another of'],
      [['linux/amd64,linux/arm64'], 'platforms[0]', 'write linux/amd64, linux/arm64 or another of'],
      [['linux/amd64', 'linux/amd64'], 'platforms[1]', /Duplicate value/],
      [[], 'platforms', /should have at least 1 items/],
      ['linux/amd64', 'platforms', /must be of type array/],
    ],
  },
  tagFormat: {
    good: ['{spec_hash}-dev'],
    bad: [
      [
        'latest',
        'tagFormat',
        'write a tag of at most 128 letters, digits, ., _ and - that contains {spec_hash}',
      ],
      ['{spec_hash:.8}', 'tagFormat', 'contains {spec_hash}'],
    ],
  },
  pushSecretRef: {
    good: [{ name: 'ghcr' }],
    bad: [
      [{ name: 'GHCR' }, 'pushSecretRef.name', 'write the name of a Secret'],
      ['ghcr', 'pushSecretRef', /must be of type object/],
      [{}, 'pushSecretRef.name', /Required value/],
    ],
  },
  pullSecretRefs: {
    good: [[{ name: 'ghcr' }]],
    bad: [
      [[{ name: 'a_b' }], 'pullSecretRefs[0].name', 'write the name of a Secret'],
      [Array(9).fill({ name: 'a' }), 'pullSecretRefs', /must have at most 8 items/],
    ],
  },
  baseImage: {
    good: ['python:3.12-slim', `ghcr.io/acme/base@sha256:${long(64)}`],
    bad: [
      ['Python 3', 'baseImage', 'write an image reference such as python:3.12-slim'],
      [{ name: 'base' }, 'baseImage', /must be of type string/],
    ],
  },
  baseImageSpecRef: {
    good: [{ name: 'base' }],
    bad: [
      [{ name: 'Base' }, 'baseImageSpecRef.name', 'write the name of an ImageSpec of this namespace'],
      [{}, 'baseImageSpecRef.name', /Required value/],
    ],
  },
  pythonVersion: {
    good: ['3.12', '3.9.1'],
    bad: [
      ['>=3.12', 'pythonVersion', 'write a Python version in quotes, for example "3.12"'],
      [3.12, 'pythonVersion', /must be of type string/],
    ],
  },
  pythonExec: {
    good: ['/usr/local/bin/python3'],
    bad: [
      ['python3', 'pythonExec', 'write the absolute path of an interpreter in the base image'],
      ['/usr/bin/python3 -I', 'pythonExec', 'write the absolute path of an interpreter'],
    ],
  },
  packages: {
    good: [
      ['pandas==2.2.3', 'uvicorn[standard]', 'a @ https://h/f.whl', 'git+https://h/r@v1#subdirectory=x'],
    ],
    bad: [
      [
        ['a', '-r requirements.txt'],
        'packages[1]',
        'options (-r, --index-url) and comments do not belong here',
      ],
      [['a\nb'], 'packages[0]', 'write one requirement as pip takes it'],
      [['a @ https://user:secret@h/f'], 'packages[0]', CREDENTIALS],
      [[''], 'packages[0]', 'write one requirement as pip takes it'],
      ['pandas', 'packages', /must be of type array/],
      [Array(513).fill('a'), 'packages', /must have at most 512 items/],
    ],
  },
  requirements: {
    good: ['requirements.txt', 'app/uv.lock'],
    bad: [
      ['../requirements.txt', 'requirements', PATH],
      ['/requirements.txt', 'requirements', PATH],
    ],
  },
  pipIndex: {
    good: ['https://pypi.example.com/simple'],
    bad: [
      ['pypi.example.com', 'pipIndex', 'write the URL of a package index'],
      ['https://user:secret@pypi.example.com/simple', 'pipIndex', CREDENTIALS],
    ],
  },
  pipExtraIndexUrls: {
    good: [['https://download.pytorch.org/whl/cu126']],
    bad: [
      [['https://a/b', 'cu126'], 'pipExtraIndexUrls[1]', 'write the URL of a package index'],
      [['https://token@h/simple'], 'pipExtraIndexUrls[0]', CREDENTIALS],
      ['https://h', 'pipExtraIndexUrls', /must be of type array/],
    ],
  },
  pipExtraArgs: {
    good: [['--no-build-isolation', '--config-setting=a=b c']],
    bad: [
      [['--a\n--b'], 'pipExtraArgs[0]', 'write one argument in one line'],
      [['--index-url=https://user:secret@h/simple'], 'pipExtraArgs[0]', CREDENTIALS],
      ['--a --b', 'pipExtraArgs', /must be of type array/],
      [[''], 'pipExtraArgs[0]', /should be at least 1 chars long/],
    ],
  },
  pipSecretMounts: {
    good: [[{ secretKeyRef: { name: 'index', key: '.netrc' }, path: '/root/.netrc' }]],
    bad: [
      [
        [{ secretKeyRef: { name: 'index', key: 'netrc' }, path: '.netrc' }],
        'pipSecretMounts[0].path',
        'write the absolute path of a file',
      ],
      [
        [{ secretKeyRef: { name: 'index', key: 'a/b' }, path: '/a' }],
        'pipSecretMounts[0].secretKeyRef.key',
        'write a key of letters, digits, -, _ and .',
      ],
      [
        [{ secretKeyRef: { name: 'In Dex', key: 'a' }, path: '/a' }],
        'pipSecretMounts[0].secretKeyRef.name',
        'write the name of a Secret',
      ],
      [
        ['b', 'c'].map((key) => ({ secretKeyRef: { name: 'a', key }, path: '/a' })),
        'pipSecretMounts',
        'write each path once',
      ],
      [[{ path: '/a' }], 'pipSecretMounts[0].secretKeyRef', /Required value/],
      [[['.netrc', '/root/.netrc']], 'pipSecretMounts[0]', /must be of type object/],
    ],
  },
  condaPackages: {
    good: [['numpy', 'python=3.12', 'numpy >=1.26,<2', 'conda-forge::pytorch']],
    bad: [
      [['-c conda-forge'], 'condaPackages[0]', 'write a conda package: name, name=version'],
      [['a; rm'], 'condaPackages[0]', 'write a conda package'],
      [['a', 'a'], 'condaPackages[1]', /Duplicate value/],
    ],
  },
  condaChannels: {
    good: [['conda-forge', 'https://conda.example.com/team']],
    bad: [
      [['/srv/channel'], 'condaChannels[0]', 'write the name or URL of a channel'],
      [['https://user:secret@conda.example.com'], 'condaChannels[0]', CREDENTIALS],
    ],
  },
  cuda: {
    good: ['12.6'],
    bad: [
      ['cuda12', 'cuda', 'write a version of numbers in quotes, for example "12.6"'],
      [12.6, 'cuda', /must be of type string/],
    ],
  },
  cudnn: { good: ['9.5'], bad: [['v9', 'cudnn', 'write a version of numbers in quotes']] },
  publish: {
    good: [{ configMap: { name: 'sklearn-image' } }, { configMap: { name: 'a.b' } }],
    bad: [
      [{ configMap: { name: 'Sklearn_Image' } }, 'publish.configMap.name', 'write the name of a ConfigMap'],
      [{ configMap: { name: long(254) } }, 'publish.configMap.name', /may not be more than 253/],
      [{ configMap: {} }, 'publish.configMap.name', /Required value/],
      [{}, 'publish.configMap', /Required value/],
      [{ configMap: 'sklearn-image' }, 'publish.configMap', /must be of type object/],
    ],
  },
  runtimePackages: {
    good: [['numpy']],
    bad: [
      [['-r x'], 'runtimePackages[0]', 'write one requirement as pip takes it'],
      [['a @ https://user:secret@h/f'], 'runtimePackages[0]', CREDENTIALS],
    ],
  },
  aptPackages: {
    good: [['curl', 'libc6:i386', 'curl=7.88.1-10+deb12u5']],
    bad: [
      [['-y'], 'aptPackages[0]', 'write a Debian package: name, name:architecture or name=version'],
      [['curl', 'curl'], 'aptPackages[1]', /Duplicate value/],
    ],
  },
  env: {
    good: [[env('GREETING', 'hello "world" $(id)\n')], [env('A', '')]],
    bad: [
      [[env('1A')], 'env[0].name', 'write a variable name: letters, digits and _'],
      [[env('IMAGESPEC_X')], 'env', 'choose another name: variables that begin with IMAGESPEC_'],
      [[env('A', 'a\u0000b')], 'env[0].value', 'take out the NUL character'],
      [[env('A', 1)], 'env[0].value', /must be of type string/],
      [[env('A'), env('A')], 'env[1]', /Duplicate value/],
      [{ A: 'x' }, 'env', /must be of type array/],
    ],
  },
  commands: {
    good: [['true', 'a\nb']],
    bad: [
      [['a\u0000'], 'commands[0]', 'take out the NUL character'],
      ['true', 'commands', /must be of type array/],
    ],
  },
  entrypoint: {
    good: [[], ['/bin/sh', '-c']],
    bad: [
      [['\u0000'], 'entrypoint[0]', 'take out the NUL character'],
      ['/bin/sh -c', 'entrypoint', /must be of type array/],
    ],
  },
  workdir: { good: ['/srv/app'], bad: [['srv/$HOME', 'workdir', 'write an absolute path of letters']] },
  user: {
    good: ['1000', '1000:1000'],
    bad: [
      ['root', 'user', 'write a numeric user, with a group if wanted, none above 65535'],
      ['70000', 'user', 'none above 65535'],
      [1000, 'user', /must be of type string/],
    ],
  },
  labels: {
    good: [{ 'org.opencontainers.image.source': 'https://h' }],
    bad: [
      [{ 'a b': 'x' }, 'labels', 'write label names of letters, digits, ., _, / and -'],
      [{ a: 1 }, 'labels.a', /must be of type string/],
    ],
  },
  source: {
    good: [
      FILES,
      { configMapRef: { name: 'app' } },
      { git: { url: 'git@github.com:acme/app.git', ref: 'v1', secretRef: { name: 'key' } } },
      { git: { url: 'https://github.com/acme/app', commit: long(40) } },
      { oci: { image: 'ghcr.io/acme/app-source:main' } },
    ],
    bad: [
      [{}, 'source', 'write exactly one of files, configMapRef, git and oci'],
      [{ ...FILES, configMapRef: { name: 'app' } }, 'source', 'write exactly one of files'],
      [{ files: { '../a': '' } }, 'source.files', 'name each file by a relative path below the source'],
      [{ files: { a: long(131_072), b: 'x' } }, 'source.files', 'write at most 128 KiB of files here'],
      [{ files: { a: 1 } }, 'source.files.a', /must be of type string/],
      [{ configMapRef: { name: 'App' } }, 'source.configMapRef.name', 'write the name of a ConfigMap'],
      [{ git: { url: '/srv/app' } }, 'source.git.url', 'write the URL of a git repository'],
      [
        { git: { url: 'https://user:secret@h/r' } },
        'source.git.url',
        'without password; those go into secretRef',
      ],
      [
        { git: { url: 'https://h/r', ref: '-main' } },
        'source.git.ref',
        'write a branch, a tag or a full ref',
      ],
      [{ git: { url: 'https://h/r', ref: 'a..b' } }, 'source.git.ref', 'write a branch, a tag or a full ref'],
      [
        { git: { url: 'https://h/r', commit: 'abc123' } },
        'source.git.commit',
        'write the full hash of a commit',
      ],
      [
        { git: { url: 'https://h/r', ref: 'main', commit: long(40) } },
        'source.git.commit',
        'write ref or commit, not both',
      ],
      [{ git: {} }, 'source.git.url', /Required value/],
      [{ oci: { image: 'oci://ghcr.io/a' } }, 'source.oci.image', 'write the reference of an artifact'],
    ],
  },
  sourceRoot: { good: ['.', 'src'], bad: [['../src', 'sourceRoot', PATH]] },
  sourceCopyMode: {
    good: ['NoCopy', 'All'],
    bad: [['LOADED_MODULES', 'sourceCopyMode', /supported values: "NoCopy", "All"/]],
  },
  copy: {
    good: [['app', 'config/a.yaml', '.']],
    bad: [
      [['a', '/etc'], 'copy[1]', PATH],
      [['a/../../b'], 'copy[0]', PATH],
      [Array(65).fill(long(1024)), 'copy', 'write at most 64 KiB of paths; name their folder instead'],
      ['app', 'copy', /must be of type array/],
    ],
  },
  build: {
    good: [{ timeoutSeconds: 600, retries: 0, resources: { limits: { memory: '8Gi' } }, queueName: 'team' }],
    bad: [
      [{ timeoutSeconds: 5 }, 'build.timeoutSeconds', /should be greater than or equal to 30/],
      [{ retries: 11 }, 'build.retries', /should be less than or equal to 10/],
      [{ serviceAccountName: 'A' }, 'build.serviceAccountName', 'write the name of a ServiceAccount'],
      [{ queueName: 'Team' }, 'build.queueName', 'write the name of a Kueue LocalQueue'],
    ],
  },
  suspend: { good: [true], bad: [['yes', 'suspend', /must be of type boolean/]] },
  rebuild: {
    good: [1],
    bad: [
      [-1, 'rebuild', /should be greater than or equal to 0/],
      ['1', 'rebuild', /must be of type integer/],
    ],
  },
};

const FLYTEKIT = { profile: 'Flytekit', registry: 'ghcr.io/acme' };

/** What spans several fields. */
const TOGETHER: readonly [spec: object, field: string, words: string][] = [
  [
    { baseImage: 'debian:12', baseImageSpecRef: { name: 'base' } },
    'baseImageSpecRef',
    'write baseImage or baseImageSpecRef, not both',
  ],
  [
    { pythonExec: '/usr/bin/python3', condaPackages: ['numpy'] },
    'pythonExec',
    'condaPackages and condaChannels do not go with pythonExec',
  ],
  [
    { pythonExec: '/usr/bin/python3', condaChannels: ['conda-forge'] },
    'pythonExec',
    'condaPackages and condaChannels do not go with pythonExec',
  ],
  [{ cudnn: '9' }, 'cudnn', 'write cuda beside cudnn'],
  [
    { copy: ['a'] },
    'source',
    'write source: requirements, copy, sourceRoot and sourceCopyMode need somewhere',
  ],
  [{ requirements: 'requirements.txt' }, 'source', 'write source'],
  [{ sourceRoot: 'src' }, 'source', 'write source'],
  [{ sourceCopyMode: 'All' }, 'source', 'write source'],
  [{ profile: 'Flytekit' }, 'registry', 'write registry: under profile Flytekit it is part of the tag'],
  [
    { profile: 'Flytekit', registry: 'ghcr.io/acme', platforms: ['linux/amd64', 'linux/arm64'] },
    'platforms',
    'write one platform: under profile Flytekit it is part of the tag',
  ],
  [
    { ...FLYTEKIT, source: { files: { a: '' } }, sourceCopyMode: 'All' },
    'sourceRoot',
    'write sourceRoot and sourceCopyMode together under profile Flytekit',
  ],
  [
    { ...FLYTEKIT, source: { files: { a: '' } }, sourceRoot: '.' },
    'sourceRoot',
    'write sourceRoot and sourceCopyMode together under profile Flytekit',
  ],
  [
    { ...FLYTEKIT, pipExtraArgs: ['--no-deps', 'a b'] },
    'pipExtraArgs',
    'write arguments without spaces under profile Flytekit',
  ],
  [
    { publish: { configMap: { name: 'a' } }, source: { configMapRef: { name: 'a' } } },
    'publish',
    'publish to another ConfigMap than that of source.configMapRef',
  ],
  [{ ...FLYTEKIT, workdir: '/app' }, 'workdir', 'take workdir out: under profile Flytekit it is /root'],
  [{ ...FLYTEKIT, labels: { a: 'b' } }, 'labels', 'take labels out under profile Flytekit'],
];

/** Both judges refuse it, at that field; where the sentence is ours, with the same one. */
async function refused(spec: object, field: string, words: string | RegExp): Promise<void> {
  const server = await judge(connection, spec);
  expect(server.accepted ? 'accepted' : server.words).toContain(`spec.${field}`);
  if (server.accepted) return;
  expect(server.words).toMatch(words instanceof RegExp ? words : quoted(words));
  const operator = readSpec({ spec });
  const problems = operator.ok ? [] : operator.problems;
  if (typeof words === 'string') {
    expect(problems).toContainEqual({ field: `spec.${field}`, message: expect.stringContaining(words) });
  }
}

const quoted = (text: string) => new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));

describe.each(Object.entries(CASES))('spec.%s', (field, { good, bad }) => {
  test('takes what is right', async () => {
    for (const value of good) {
      const spec = { ...BESIDE[field], [field]: value };
      expect(await judge(connection, spec), JSON.stringify(value)).toMatchObject({ accepted: true });
      expect(readSpec({ spec }), JSON.stringify(value)).toMatchObject({ ok: true });
    }
  });

  test.each(bad.map((one) => [spoken(one[0]), ...one] as const))('%s', async (_title, value, at, words) => {
    await refused({ ...BESIDE[field], [field]: value }, at, words);
  });
});

test.each(TOGETHER)('%j', async (spec, field, words) => {
  await refused(spec, field, words);
});

test('every field of the spec has its bad values here', () => {
  expect(Object.keys(specSchema.shape).filter((field) => !(field in CASES))).toEqual([]);
});

test('every rule of the CRD has its sentence here', () => {
  const said = [
    ...Object.values(CASES).flatMap(({ bad }) => bad.map(([, , words]) => words)),
    ...TOGETHER.map(([, , words]) => words),
  ];
  // The server repeats the value first, and our client does not read that far; kubectl does (refused.e2e).
  const sentences = [...said.filter((words) => typeof words === 'string'), 'write at most 32 KiB'];
  const messages = [...messagesIn(crdSchema().spec)];
  expect(messages.length).toBeGreaterThan(50);
  expect(messages.filter((message) => !sentences.some((words) => message.includes(words)))).toEqual([]);
});

/** The sentences of all rules, at every depth. */
function* messagesIn(node: unknown): Generator<string> {
  if (typeof node !== 'object' || node === null) return;
  for (const [key, value] of Object.entries(node)) {
    if (key === 'x-kubernetes-validations')
      yield* (value as { message: string }[]).map(({ message }) => message);
    else yield* messagesIn(value);
  }
}
