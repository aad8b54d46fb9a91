/**
 * The CRD on a real API server: accepted, structural, explained; and of one mind with the schema the operator reads
 * with, since both are to refuse the same.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { specSchema } from '../../src/api/image-spec.ts';
import { API_VERSION, KIND } from '../../src/api/names.ts';
import { targetOf } from '../../src/image/target.ts';
import { type Connection, connect } from '../../src/kube/connection.ts';
import { KubeError } from '../../src/kube/errors.ts';
import { IMAGE_SPECS, pathOf } from '../../src/kube/resource.ts';

import { settingsSchema } from '../../src/settings.ts';

const { kubeconfig, kubectl } = inject('controlPlane');
const CRD = 'crd/imagespecs.imagespec.dev';

async function run(...args: string[]): Promise<string> {
  return (await promisify(execFile)(kubectl, ['--kubeconfig', kubeconfig, ...args])).stdout;
}

let connection: Connection;
beforeAll(async () => {
  connection = await connect({ kubeconfig });
  await run('apply', '--server-side', '--force-conflicts', '--kustomize', 'crds');
  await run('wait', '--for=condition=Established', '--timeout=30s', CRD);
});
afterAll(async () => {
  await connection.close();
});

type Judged =
  | { accepted: true; object: { spec: unknown; status?: unknown } }
  | { accepted: false; words: string };

/** What the API server says to a spec; nothing is kept. */
async function judge(spec: unknown, name = 'judged'): Promise<Judged> {
  try {
    const object = await connection.request<{ spec: unknown; status?: unknown }>({
      method: 'POST',
      path: pathOf(IMAGE_SPECS, { namespace: 'default' }),
      query: { dryRun: 'All' },
      body: { apiVersion: API_VERSION, kind: KIND, metadata: { name }, spec },
    });
    return { accepted: true, object };
  } catch (error) {
    if (!(error instanceof KubeError) || (error.code !== 422 && error.code !== 400)) throw error;
    return { accepted: false, words: error.message };
  }
}

describe('the CRD', () => {
  test('is established, structural and without a remark of the API server', async () => {
    const { status } = JSON.parse(await run('get', CRD, '--output=json'));
    const conditions = status.conditions.map(
      ({ type, status: is }: Record<string, string>) => `${type} ${is}`,
    );
    expect(conditions.sort()).toEqual(['Established True', 'NamesAccepted True']);
    expect(status.acceptedNames.shortNames).toEqual(['ispec', 'imgspec']);
  });

  test('gives a new object its defaults and the status of one nobody has seen', async () => {
    expect(await judge({})).toMatchObject({
      accepted: true,
      object: {
        spec: { recipe: 'v1', profile: 'Generic', platforms: ['linux/amd64'], tagFormat: '{spec_hash}' },
        status: { observedGeneration: -1 },
      },
    });
  });

  test('wants a spec and a name that fits a label', async () => {
    expect(await judge(undefined)).toMatchObject({ words: expect.stringContaining('spec: Required value') });
    expect(await judge({}, 'a'.repeat(64))).toMatchObject({
      words: expect.stringContaining('choose a name of at most 63 characters'),
    });
    expect(await judge({}, 'a'.repeat(63))).toMatchObject({ accepted: true });
  });

  test('explains every field of spec and status with a sentence', async () => {
    // The API server shows the schema of a new CRD a moment later.
    await expect
      .poll(() => run('explain', 'imagespec').catch(() => ''), { timeout: 20_000 })
      .toContain('spec');
    for (const part of [
      'spec',
      'spec.build',
      'spec.build.resources.limits',
      'spec.env',
      'status',
      'status.build',
    ]) {
      const [, fields = ''] = (await run('explain', `imagespec.${part}`)).split('FIELDS:\n');
      const entries = fields.split(/\n(?= {2}\S+\t<)/).map((entry) => entry.trim());
      expect(entries.length, part).toBeGreaterThan(1);
      for (const entry of entries) {
        const words = entry.replace(/^.*\n( {2}enum:.*\n)?/, '').replace(/\s+/g, ' ');
        expect(words, `${part}: ${entry}`).toMatch(/^ ?\S.*\.$/);
      }
    }
  });
});

const long = (count: number, character = 'a') => character.repeat(count);
const env = (...names: string[]) => names.map((name) => ({ name, value: 'x' }));

/** Values of one field each, good and bad alike: what matters is that both judges say the same. */
const VALUES: Readonly<Record<string, readonly unknown[]>> = {
  recipe: ['v1', 'v2', '', 1, null],
  name: [
    'a',
    'a/b',
    'a__b',
    'a---b',
    'a.b_c-d/e',
    'A',
    'a..b',
    'a_/b',
    '/a',
    'a/',
    'a:b',
    'ä',
    '',
    long(255),
    long(256),
  ],
  registry: [
    ...[
      'ghcr.io',
      'ghcr.io/acme',
      'GHCR.IO/Acme',
      'localhost:5000',
      'r.example.com:5000/a/b',
      'acme',
      'a-b.c/d_e',
    ],
    ...[
      'https://ghcr.io',
      'ghcr.io/acme:v1',
      'ghcr.io/acme@x',
      'a:port',
      '-a.io',
      'a.io-',
      'a..b',
      'a/',
      'a b',
      'a\n',
    ],
    ...['a:123456', '[::1]:5000', '', 'ä.io', long(255), long(256)],
  ],
  builder: ['buildkit', 'b', 'b-2', '-b', 'b-', 'B', 'b.c', '', long(63), long(64)],
  baseImage: [
    ...[
      'python',
      'python:3.12-slim',
      'ghcr.io/a/b',
      'localhost:5000/a:b',
      'My.Host/a',
      `a@sha256:${long(64)}`,
    ],
    ...[`a:b@sha256:${long(64, '0')}`, 'a__b/c-d', `a:${long(128)}`, `a:${long(129)}`],
    ...[
      'Python',
      'a:',
      'a:-b',
      'a@sha256:abc',
      'a@md5:abc',
      'https://a/b',
      'a b',
      'a$b',
      `$\{A}`,
      'a\nb',
      '',
      '/a',
      'a//b',
    ],
  ],
  pythonVersion: [
    '3.12',
    '3.9.1',
    '3.100',
    '3',
    '2.7',
    '3.12.1000',
    '3.x',
    '3.12 ',
    '3.12\n',
    '>=3.12',
    '',
    3.12,
  ],
  packages: [
    ...[
      'pandas',
      'pandas==2.2.3',
      'uvicorn[standard]>=0.1,<1',
      'a; python_version<"3.9"',
      'a @ https://h/f.whl',
    ],
    ...[
      'git+https://h/r@v1#subdirectory=x',
      'git+ssh://git@h/r',
      'https://h/f.whl',
      'a @ https://h/f#egg=a ; x',
    ],
    ...[
      '-r x.txt',
      '--index-url=https://h',
      '# comment',
      'a # comment',
      'a\nb',
      'a\r',
      'a\tb',
      '$HOME',
      'a$b',
      'a\\b',
    ],
    ...[
      'https://u:p@h/f',
      'a @ https://u:p@h/f',
      'https://u@h/f',
      'ftp://h/f',
      'file:///f',
      './a',
      '../a',
      '',
      ' a',
    ],
    ...[
      'a @ https://h/f\u00a0x',
      'https://h/\u00a0',
      'https://h/\u2028',
      'https://h/\u3000f',
      'https://h/\ufefff',
      'a\u2028b',
    ],
    ...['a\u0085b', 'https://h/\u0085', 'https://h/\u000bf', 'ä', long(1024), long(1025)],
  ].map((value) => [value]),
  aptPackages: [
    ...['curl', 'g++', 'libc6:i386', 'curl=7.88.1-10+deb12u5', 'a=1:2.3~rc1', '0ad', 'lib.so'],
    ...[
      'c',
      'Curl',
      '-y',
      'curl ',
      'a b',
      'a;b',
      'a=1=2',
      'a=-',
      'a/stable',
      'a*',
      '$a',
      'a\nb',
      'curl-',
      'a=1-',
      '',
      'ä',
    ],
  ].map((value) => [value]),
  env: [
    ...[
      'A',
      '_a',
      'A1',
      '1A',
      'A-B',
      'A B',
      'A=B',
      'Ä',
      '',
      'IMAGESPEC_X',
      'IMAGESPEC',
      'imagespec_x',
      long(256),
      long(257),
    ].map((name) => env(name)),
    ...['', 'x y', '"\'`$(id)\n\t\r\\', '\u2028', '\u0000', 'a\u0000b', '😀', long(32_768), long(32_769)].map(
      (value) => [{ name: 'A', value }],
    ),
    [{ name: 'A', value: long(32_768, '😀') }],
    [{ name: 'A', value: long(16_385, '😀') }],
    env('A', 'B'),
    env('A', 'A'),
    [{ name: 'A' }],
    [{ value: 'x' }],
    [],
    env(...Array.from({ length: 128 }, (_, index) => `A${index}`)),
    env(...Array.from({ length: 129 }, (_, index) => `A${index}`)),
  ],
  commands: [
    ...[
      [],
      ['true'],
      ['a\nb\u2028"\'$(id)'],
      [''],
      ['\u0000'],
      ['a\u0000'],
      [long(16_384)],
      [long(16_385)],
      [1],
    ],
    ...[[long(16_384, 'ü')], [long(16_384, '😀')], Array(64).fill('a'), Array(65).fill('a'), 'true'],
  ],
  entrypoint: [
    [],
    ['a', ''],
    ['\u0000'],
    [long(4096)],
    [long(4097)],
    [long(4096, '😀')],
    Array(65).fill('a'),
  ],
  workdir: [
    '/',
    '/app',
    '/a/b.c_d-e',
    'app',
    '/a/',
    '//a',
    '/a b',
    '/$A',
    '/a"',
    '/ä',
    '',
    '/a\n',
    '/..',
    `/${long(511)}`,
    `/${long(512)}`,
  ],
  user: ['0', '1000', '1000:1000', 'root', '1000:', ':1', '-1', '1000 ', '12345678901', '', '1\n', 1000],
  labels: [
    ...[
      'a',
      'org.example/x-y_z',
      'aB',
      '1a',
      'A',
      '-a',
      'a-',
      'a b',
      'a=b',
      '',
      'a"',
      '$a',
      'ä',
      long(128),
      long(129),
    ].map((name) => ({ [name]: 'x' })),
    ...['', 'x\ny', '"$(id)\\', '\u0000', long(4096), long(4097), long(4096, '😀')].map((value) => ({
      a: value,
    })),
    {},
    Object.fromEntries(Array.from({ length: 64 }, (_, index) => [`a${index}`, 'x'])),
  ],
  platforms: [
    ['linux/amd64'],
    ['linux/arm/v7'],
    ['linux'],
    ['windows/amd64'],
    ['linux/AMD64'],
    [],
    ['linux/amd64', 'linux/386'],
    ['linux/a/b/c'],
  ],
  tagFormat: [
    ...['{spec_hash}', 'v1-{spec_hash}', '{spec_hash}-{spec_hash}', '_{spec_hash}', `${long(96)}{spec_hash}`],
    ...[
      'v1',
      '{hash}',
      '-{spec_hash}',
      '.{spec_hash}',
      'a b{spec_hash}',
      '{spec_hash}{x}',
      `${long(97)}{spec_hash}`,
      '',
    ],
  ],
  pushSecretRef: [
    { name: 'a' },
    { name: 'a.b-c' },
    { name: 'A' },
    { name: '-a' },
    { name: '' },
    {},
    { name: long(253) },
    { name: long(254) },
  ],
  pullSecretRefs: [
    [{ name: 'a' }],
    [{ name: 'A' }],
    [],
    Array(8).fill({ name: 'a' }),
    Array(9).fill({ name: 'a' }),
  ],
  build: [
    ...[29, 30, 86_400, 86_401, 30.5, '30'].map((timeoutSeconds) => ({ timeoutSeconds })),
    ...[-1, 0, 10, 11].map((retries) => ({ retries })),
    ...['builder', 'A', 'a_b', '', '-a'].map((serviceAccountName) => ({ serviceAccountName })),
    ...['team-a', 'Team', '', long(63), long(64)].map((queueName) => ({ queueName })),
    ...['500m', '2', '1.5Gi', '1e3', '-1', '1 Gi', '', 'Gi', '1KiB', '1\n'].map((memory) => ({
      resources: { limits: { memory } },
    })),
    { resources: { requests: { cpu: '1', memory: '1Gi', 'ephemeral-storage': '1Gi' } } },
    { resources: { limits: { 'nvidia.com/gpu': '1' } } },
    { resources: {} },
    {},
  ],
  suspend: [true, false, 'true', 1],
  rebuild: [0, 1, 2_147_483_647, 2_147_483_648, -1, 1.5, '1'],
  somethingOfALaterRelease: [1],
};

/** What only the server refuses, and what the operator makes of it where it slipped in: it means no harm. */
const SERVER_ONLY: readonly [string, unknown, string][] = [
  ['aptPackages', ['curl', 'curl'], 'Duplicate value'],
];

const settings = settingsSchema.parse({ defaults: { registry: 'registry.example.com' } });
const metadata = { name: 'judged', namespace: 'default', uid: 'u', generation: 1, resourceVersion: '1' };

const spoken = (value: unknown) => {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 50)}… (${text.length})` : text;
};

describe.each(Object.entries(VALUES))('spec.%s', (field, values) => {
  test('is judged alike by the API server and the operator', async () => {
    const differ: string[] = [];
    for (const value of values) {
      const spec = { [field]: value };
      const server = await judge(spec);
      const operator = targetOf({ metadata, spec }, settings);
      // What the server keeps is what the operator reads: fields it does not know are gone, defaults are in.
      const kept = server.accepted ? specSchema.safeParse(server.object.spec) : undefined;
      if (kept && !kept.success) differ.push(`${spoken(value)}: kept by the server, ${kept.error.message}`);
      if (!server.accepted && operator.ok)
        differ.push(`${spoken(value)}: refused by the server only, ${server.words}`);
    }
    expect(differ).toEqual([]);
  });
});

test.each(SERVER_ONLY)('spec.%s of %j is refused by the server only', async (field, value, words) => {
  expect(await judge({ [field]: value })).toMatchObject({ words: expect.stringContaining(words) });
  expect(targetOf({ metadata, spec: { [field]: value } }, settings).ok).toBe(true);
});
