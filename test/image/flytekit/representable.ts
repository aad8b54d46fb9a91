/** What can be said both in an ImageSpec of profile Flytekit and to flytekit: each in the words of both. */
import fc from 'fast-check';
import { byCodePoint, type Value } from '../../../src/image/flytekit/python.ts';
import type { Arguments } from './arguments.ts';
import type { Files } from './tree.ts';

export interface Both {
  readonly spec: Readonly<Record<string, unknown>>;
  readonly given: Arguments;
}

/** What the source of every spec that wants files holds. */
export const FILES: Files = {
  'requirements.txt': '\n# pinned\npandas==2.2.3\n\n',
  'app/main.py': 'print("é")\n',
  'app/lib/one.py': '',
  'app/lib.txt': ' text ',
  'data/input.csv': 'a,b\n1,2\n',
};

const withoutNul = (text: string) => text.replaceAll(/\0/g, '');
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }).map(withoutNul),
  fc.string({
    unit: fc.constantFrom(
      "'",
      '"',
      '\\',
      '\n',
      '\r',
      '\t',
      '\x7f',
      '\xa0',
      ' ',
      'a',
      '$',
      'é',
      '😀',
      '\u2028',
    ),
    maxLength: 8,
  }),
  fc.constantFrom('', '3.10', 'None', 'it\'s "so"', '$(id)', '\u{1fae8}\u200b'),
);

const PACKAGES = [
  ...['pandas', 'Scikit_Learn >= 1 ,<2', 'uvicorn[standard]==0.30', 'numpy<2; python_version < "3.9"'],
  ...[`six; sys_platform == 'linux'`, 'git+https://github.com/flyteorg/flytekit@90a4455', 'b', 'a'],
  ...['pkg @ https://example.com/pkg-1.0-py3-none-any.whl', 'flytekit>=1.16'],
];
const some = <T>(values: readonly T[]) =>
  fc.shuffledSubarray([...values], { maxLength: Math.min(4, values.length) });

/** The same text or list for both. */
const same = <T>(field: string, parameter: string, value: fc.Arbitrary<T & Value>): fc.Arbitrary<Both> =>
  value.map((one) => ({ spec: { [field]: one }, given: { [parameter]: one } }));

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
const options = fc.letrec<{ any: Json; object: { readonly [key: string]: Json } }>((tie) => ({
  any: fc.oneof(
    { depthSize: 'small' },
    text,
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true, max: 1e15, min: -1e15 }).filter((one) => one % 1 !== 0),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('any'), { maxLength: 3 }),
    tie('object'),
  ),
  object: fc.dictionary(
    // Server-side apply changes keys with control characters.
    fc.oneof(
      fc.stringMatching(/^[a-zA-Z0-9 .'"-]{0,4}$/),
      fc.constantFrom('10', '9', 'b', 'B', 'é', '😀', '\uffee'),
    ),
    tie('any'),
    { maxKeys: 4, noNullPrototype: true },
  ),
})).object;

/** As its user has to write it: keys in order, at every depth. */
function inOrder(value: Json): Value {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(inOrder);
  const entries = Object.entries(value).sort(([a], [b]) => byCodePoint(a, b));
  return new Map(entries.map(([key, item]) => [key, inOrder(item)]));
}

const FIELDS: readonly fc.Arbitrary<Both>[] = [
  same('name', 'name', fc.constantFrom('my-image', 'a.b_c', 'flytekit')),
  same('pythonVersion', 'python_version', fc.constantFrom('3.9', '3.10', '3.12.1')),
  same('packages', 'packages', some(PACKAGES)),
  same('aptPackages', 'apt_packages', some(['wget', 'curl', 'libc6:amd64', 'git=1:2.39'])),
  fc.oneof(
    same('condaPackages', 'conda_packages', some(['langchain', 'python=3.11', 'numpy >=1,<2'])),
    same('condaChannels', 'conda_channels', some(['nvidia', 'conda-forge', 'https://conda.example.com/x'])),
    same('pythonExec', 'python_exec', fc.constantFrom('/usr/bin/python3')),
  ),
  fc.constant({ spec: { cuda: '12.6', cudnn: '9' }, given: { cuda: '12.6', cudnn: '9' } }),
  same('pipIndex', 'pip_index', fc.constantFrom('https://pypi.example.com/simple')),
  same(
    'pipExtraIndexUrls',
    'pip_extra_index_url',
    some(['https://download.pytorch.org/whl/cu118', 'http://b.example.com/a?b=c', 'https://a.example.com/']),
  ),
  some(['--no-deps', '--prerelease=allow', "--config-settings=a='b'"]).map((list) => ({
    spec: { pipExtraArgs: list },
    given: { pip_extra_args: list.join(' ') },
  })),
  fc
    .uniqueArray(fc.tuple(fc.constantFrom('Z', 'A', 'Debug', '_a', 'PATH'), text), {
      selector: ([name]) => name,
    })
    .map((pairs) => ({
      spec: { env: pairs.map(([name, value]) => ({ name, value })) },
      given: { env: new Map(pairs) },
    })),
  same('commands', 'commands', fc.array(text, { maxLength: 3 })),
  same('entrypoint', 'entrypoint', fc.array(text, { maxLength: 3 })),
  same('tagFormat', 'tag_format', fc.constantFrom('{spec_hash}-dev', 'v1_{spec_hash}.{spec_hash}')),
  fc.constantFrom('linux/amd64', 'linux/arm64', 'linux/arm/v7').map((platform) => ({
    spec: { platforms: [platform] },
    given: { platform },
  })),
  options.map((object) => ({
    spec: { builderOptions: object },
    given: { builder_options: inOrder(object) },
  })),
  fc.constantFrom<Both>(
    { spec: { builderConfig: {} }, given: { builder_config: new Map() } },
    {
      spec: { builderConfig: { micromambaImage: 'b.io/mamba:2', uvImage: 'a.io/uv:1' } },
      given: {
        builder_config: new Map([
          ['uv_image', 'a.io/uv:1'],
          ['micromamba_image', 'b.io/mamba:2'],
        ]),
      },
    },
  ),
  // In no hash of either.
  fc.constant({
    spec: {
      runtimePackages: ['pip'],
      pipSecretMounts: [{ secretKeyRef: { name: 'a', key: 'b' }, path: '/c' }],
    },
    given: { runtime_packages: ['pip'] },
  }),
  some(['data/', 'app/lib.txt', 'app']).map((copy) => ({
    spec: { copy, source: { files: FILES } },
    given: { copy },
  })),
  fc.constant({
    spec: { requirements: 'requirements.txt', source: { files: FILES } },
    given: { requirements: 'requirements.txt' },
  }),
  fc.tuple(fc.constantFrom('.', 'app', 'app/'), fc.boolean()).map(([sourceRoot, all]) => ({
    spec: { sourceRoot, sourceCopyMode: all ? 'All' : 'NoCopy', source: { files: FILES } },
    given: {
      source_root: sourceRoot,
      source_copy_mode: { printed: all ? '<CopyFileDetection.ALL: 2>' : '<CopyFileDetection.NO_COPY: 3>' },
    },
  })),
];

const merged = (parts: readonly Both[]): Both => ({
  spec: Object.assign({}, ...parts.map(({ spec }) => spec)),
  given: Object.assign({}, ...parts.map(({ given }) => given)),
});

const REGISTRY = same(
  'registry',
  'registry',
  fc.constantFrom(
    'ghcr.io/flyteorg',
    'GHCR.io/FlyteOrg',
    'flyteorg',
    'my.registry.com:5000/a_b',
    '192.168.1.1:30000',
  ),
);

/** Without a base image of its own. */
const baseless = fc
  .subarray([...FIELDS])
  .chain((fields) => fc.tuple(REGISTRY, ...fields))
  .map(merged);

const withBaseImage = fc
  .tuple(
    baseless,
    same(
      'baseImage',
      'base_image',
      fc.constantFrom('python:3.12', 'nvidia/cuda:12.6.1-cudnn-devel-ubuntu22.04'),
    ),
  )
  .map(merged);

/** Profile, registry and whatever else; about half of them name a base image. */
export const representable: fc.Arbitrary<Both> = fc
  .oneof(baseless, withBaseImage)
  .map(({ spec, given }) => ({ spec: { profile: 'Flytekit', ...spec }, given }));

/** May be given another ImageSpec to build on. */
export const representableBaseless: fc.Arbitrary<Both> = baseless.map(({ spec, given }) => ({
  spec: { profile: 'Flytekit', ...spec },
  given,
}));
