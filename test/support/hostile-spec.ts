// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what looks like a template is what is tested
/** Generated specs whose every field is as hostile as the schema admits. */
import fc from 'fast-check';
import { targetOf } from '../../src/image/target.ts';
import { TEXTS } from './hostile.ts';
import { imageSpec, settings } from './objects.ts';

/** Any text but NUL, put together from the worst and from anything. A lone surrogate never leaves an API server. */
const worst = fc.constantFrom(...TEXTS.filter((text) => text.length < 1000));
const any = fc.string({ unit: 'binary', maxLength: 12 }).filter((text) => !text.includes('\0'));
const text = (longest: number) =>
  fc
    .oneof(
      { weight: 400, arbitrary: fc.array(fc.oneof(worst, any), { maxLength: 3 }).map((all) => all.join('')) },
      { weight: 1, arbitrary: fc.constantFrom('x', 'ü', '"', '\n').map((one) => one.repeat(longest / 2)) },
    )
    .map((made) => made.slice(0, longest).toWellFormed());

/**
 * Values of a field that is held to a grammar: what the worst texts, the field's own signs and `stem` make together,
 * as far as it is admitted.
 */
function admitted(
  stem: string,
  signs: readonly string[],
  as: (value: string) => object,
): fc.Arbitrary<string> {
  const piece = fc.oneof(
    { weight: 1, arbitrary: fc.oneof(worst, any) },
    {
      weight: 3,
      arbitrary: fc.constantFrom(...signs, '-', '_', '.', '#', '"', "'", '`', ';', '&', '<', '$'),
    },
  );
  const parts = fc.tuple(fc.constantFrom(stem, ''), fc.array(piece, { minLength: 1, maxLength: 5 }));
  const made = fc.sample(
    parts.map(([first, rest]) => (first + rest.join('')).slice(0, 200).toWellFormed()),
    { numRuns: 3000, seed: 7 },
  );
  const source = { digest: '0'.repeat(64), copied: true };
  const kept = [...new Set(made)].filter((value) => targetOf(imageSpec(as(value)), settings, { source }).ok);
  return fc.constantFrom(stem, ...kept);
}

const listOf = (value: fc.Arbitrary<string>, maxLength = 3) => fc.uniqueArray(value, { maxLength });
const FILES = { files: { a: 'b' } };
const WORDS = ['a', 'Z', '0', '1'];
const URL_SIGNS = ['/', '?', '=', ':', '@', '%0a', '+', '|', '(', ')', '!', '*', '~', '{', '}', '..', 'x'];

const fields = {
  name: admitted('app', ['/', ...WORDS], (name) => ({ name })),
  registry: admitted('ghcr.io/acme', ['/', ':5000', ...WORDS], (registry) => ({ registry })),
  tagFormat: admitted('{spec_hash}', ['v1', '{', '}', ...WORDS], (tagFormat) => ({ tagFormat })),
  baseImage: admitted('ghcr.io/acme/base', ['/', ':', '@sha256:', ...WORDS], (baseImage) => ({ baseImage })),
  pythonVersion: fc.constantFrom('3.11', '3.12', '3.12.1'),
  pythonExec: admitted('/usr/bin/python3', ['/', ...WORDS], (pythonExec) => ({ pythonExec })),
  packages: listOf(
    fc.oneof(
      admitted(
        'six',
        ['==1', '>=2,<3', '[a]', "; os_name == 'x y'", '(', ')', ' ', '~=1.*', ...WORDS],
        (one) => ({
          packages: [one],
        }),
      ),
      admitted('six @ https://example.com/six', [...URL_SIGNS, ' ; extra == "a"'], (one) => ({
        packages: [one],
      })),
      admitted('git+https://example.com/six@main', URL_SIGNS, (one) => ({ packages: [one] })),
    ),
  ),
  requirements: fc.constantFrom(
    'requirements.txt',
    'uv.lock',
    'poetry.lock',
    'pylock.toml',
    'pyproject.toml',
  ),
  folder: admitted('app', ['/', ' ', '$(id)', '..', '\u2028', '\u0085', ...WORDS], (one) => ({
    source: FILES,
    copy: [one],
  })),
  pipIndex: admitted('https://example.com/simple', URL_SIGNS, (pipIndex) => ({ pipIndex })),
  pipExtraArgs: listOf(
    admitted('--prerelease=allow', ['--index-url', '=', ' ', '/', '--', '-r', '\t', '\u2028'], (one) => ({
      pipExtraArgs: [one],
    })),
  ),
  secretPath: admitted('/root/.netrc', ['/', ...WORDS], (path) => ({
    pipSecretMounts: [{ secretKeyRef: { name: 'a', key: 'b' }, path }],
  })),
  condaPackages: listOf(
    admitted('numpy', ['::', '=1', ' >=1,<2', '[', ']', '|', '*', '!', '/', ...WORDS], (one) => ({
      condaPackages: [one],
    })),
  ),
  condaChannels: listOf(
    fc.oneof(
      admitted('conda-forge', ['/', ...WORDS], (one) => ({ condaChannels: [one] })),
      admitted('https://conda.example.com/team', URL_SIGNS, (one) => ({ condaChannels: [one] })),
    ),
  ),
  cuda: fc.constantFrom('12', '12.6', '13.0.1'),
  aptPackages: listOf(
    admitted('curl', [':amd64', '=1', '+', '~', ...WORDS], (one) => ({ aptPackages: [one] })),
  ),
  workdir: admitted('/app', ['/', '/..', ...WORDS], (workdir) => ({ workdir })),
  user: admitted('1000', [':', '0', '65535'], (user) => ({ user })),
  uvImage: admitted('ghcr.io/acme/uv', ['/', ':', '@sha256:', ...WORDS], (uvImage) => ({
    builderConfig: { uvImage },
  })),
  commands: fc.array(text(16 * 1024), { maxLength: 3 }),
  entrypoint: fc.array(text(4096), { maxLength: 4 }),
};

const variables = fc.dictionary(
  // Names after PATH in the alphabet, so that it keeps its place when others are named anew.
  fc.oneof(
    fc.constantFrom('PATH', 'SHELL', '_', 'http_proxy', 'PYTHONPATH'),
    admitted('a', ['_', ...WORDS], (name) => ({ env: [{ name, value: '' }] })).filter(
      (name) => name >= 'PATH',
    ),
  ),
  text(32 * 1024),
  { maxKeys: 4, noNullPrototype: true },
);
const labels = fc.dictionary(
  admitted('org.example', ['/', ...WORDS], (name) => ({ labels: { [name]: '' } })),
  text(4096),
  { maxKeys: 3, noNullPrototype: true },
);

const LOCKS = ['uv.lock', 'poetry.lock', 'pylock.toml'];

/** What profile Flytekit refuses, taken out. */
const forFlytekit = (pipExtraArgs: string[] | undefined) => ({
  workdir: undefined,
  labels: {} as Record<string, string>,
  sourceCopyMode: undefined,
  pipExtraArgs: pipExtraArgs?.map((argument) => argument.replace(/[ \t]/g, '_')),
});

/** Specs that break no rule between fields; a few are too long and refused for it. */
export const hostileSpec = fc
  .record(
    {
      ...fields,
      pipExtraIndexUrls: fc.array(fields.pipIndex, { maxLength: 2 }),
      copy: listOf(fields.folder),
      sourceCopyMode: fc.constantFrom('NoCopy', 'All'),
      pipSecretMounts: listOf(fields.secretPath, 2),
      env: variables,
      labels,
      cudnn: fc.constantFrom('8.9', '9'),
      profile: fc.constantFrom('Generic', 'Flytekit'),
      platforms: fc.constantFrom(['linux/amd64'], ['linux/arm64'], ['linux/arm/v7']),
    },
    { requiredKeys: ['env', 'labels', 'folder'], noNullPrototype: true },
  )
  .map(({ folder, secretPath: _, requirements, uvImage, env, pipSecretMounts, ...given }) => {
    const spec = given.profile === 'Flytekit' ? { ...given, ...forFlytekit(given.pipExtraArgs) } : given;
    const lock = requirements !== undefined && LOCKS.includes(requirements);
    const conda = (spec.condaPackages ?? []).length + (spec.condaChannels ?? []).length > 0;
    const files = requirements !== undefined || spec.copy !== undefined || spec.sourceCopyMode === 'All';
    return {
      ...spec,
      env: Object.entries(env).map(([name, value]) => ({ name, value })),
      ...(lock ? { packages: [], condaPackages: [] } : {}),
      ...(conda ? { pythonExec: undefined } : {}),
      ...(spec.cuda === undefined ? { cudnn: undefined } : {}),
      ...(files ? { source: FILES } : {}),
      ...(requirements === undefined
        ? {}
        : { requirements: `${folder.replace(/\/?$/, '/')}${requirements}` }),
      ...(uvImage === undefined ? {} : { builderConfig: { uvImage } }),
      pipSecretMounts: (pipSecretMounts ?? []).map((path) => ({
        secretKeyRef: { name: 'a', key: 'b' },
        path,
      })),
    };
  });
export type HostileSpec = typeof hostileSpec extends fc.Arbitrary<infer Spec> ? Spec : never;
