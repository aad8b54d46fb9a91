/**
 * The bytes of recipe v1. A golden file that changes renames nothing but makes the same tag hold another
 * image, so a difference here is an error, not an update, once v1 is released.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PATHS } from '../../src/build/engine.ts';
import type { RequirementsKind, ResolvedSource } from '../../src/image/inputs.ts';
import { FOLDERS, type Options, PLAIN, recipeOf } from '../../src/image/recipe.ts';
import { targetOf } from '../../src/image/target.ts';
import { imageSpec, settings } from '../support/objects.ts';

const options: Options = { dialect: 'BuildKit', secretPaths: [] };

function render(spec: object, { source, ...given }: { source?: ResolvedSource } & Partial<Options> = {}) {
  const judged = targetOf(imageSpec(spec), settings, source === undefined ? {} : { source });
  if (!judged.ok) throw new Error(JSON.stringify(judged.problems));
  return recipeOf(judged.target, { ...options, ...given });
}

/** A source of which some files are used. */
const sourceOf = (main?: string, kind: RequirementsKind = 'requirements.txt'): ResolvedSource => ({
  digest: 'd'.repeat(64),
  copied: main === undefined,
  ...(main === undefined ? {} : { requirements: { kind, main, digest: 'e'.repeat(64) } }),
});

const FILES = { source: { files: { 'src/main.py': 'print(1)' } } };

interface Golden {
  readonly spec: object;
  readonly source?: ResolvedSource;
  readonly secretPaths?: readonly string[];
}

/** Every field, alone or with those it acts upon. */
const golden: Readonly<Record<string, Golden>> = {
  nothing: { spec: {} },
  packages: { spec: { packages: ['requests', 'pydantic==2.*'] } },
  apt: { spec: { aptPackages: ['git', 'curl'] } },
  everything: {
    spec: {
      baseImage: 'ghcr.io/acme/base:1',
      pythonVersion: '3.11',
      packages: ['pandas==2.2.3'],
      aptPackages: ['curl'],
      env: [
        { name: 'GREETING', value: 'hello "world" $HOME $(id) `id` \\' },
        { name: 'PATH', value: '/opt/mine/bin:/usr/bin' },
      ],
      commands: ['mkdir -p /data', 'printf %s "it\'s $((1+1))" > /data/made'],
      entrypoint: ['python', '-c', 'print("$HOME \u2028 \\n")'],
      workdir: '/srv/app',
      user: '1000:1000',
      labels: { 'org.opencontainers.image.title': 'a "title"', b: '$x' },
    },
  },
  'pip-options': {
    spec: {
      packages: ['requests'],
      pipIndex: 'https://pypi.example.com/simple',
      pipExtraIndexUrls: ['https://a.example.com/simple', 'https://b.example.com/simple'],
      pipExtraArgs: ['--prerelease=allow', '--config-setting', 'a=$(id) "b"'],
    },
    secretPaths: ['/root/.netrc', '/etc/pip/token'],
  },
  'python-exec': { spec: { baseImage: 'spark:3.5', pythonExec: '/usr/bin/python3', packages: ['six'] } },
  'python-exec-alone': {
    spec: { baseImage: 'spark:3.5', pythonExec: '/usr/bin/python3', pythonVersion: '3.11' },
  },
  copied: { spec: { ...FILES, copy: ['src'], commands: ['ls'] }, source: sourceOf() },
  'copied-to-the-top': { spec: { ...FILES, copy: ['src'], workdir: '/' }, source: sourceOf() },
  'requirements-txt': { spec: { packages: ['six'] }, source: sourceOf('a folder/requirements.txt') },
  'pyproject-toml': { spec: {}, source: sourceOf('pyproject.toml', 'pyproject.toml') },
  'pylock-toml': { spec: {}, source: sourceOf('pylock.toml', 'pylock.toml') },
  'uv-lock': {
    spec: { pipExtraArgs: ['--extra=gpu'], pythonExec: '/usr/bin/python3', cuda: '12.6' },
    source: sourceOf('app/uv.lock', 'uv.lock'),
  },
  'poetry-lock': {
    spec: { pipIndex: 'https://pypi.example.com/simple', pipExtraArgs: ['--with=plots'] },
    source: sourceOf('poetry.lock', 'poetry.lock'),
  },
  cuda: { spec: { cuda: '12.6', cudnn: '9.5', env: [{ name: 'LD_LIBRARY_PATH', value: '/opt/mine' }] } },
  conda: { spec: { condaPackages: ['numpy >=1.26', 'conda-forge::gdal'] } },
  'conda-and-pip': {
    spec: {
      baseImage: 'debian:bookworm-slim',
      condaPackages: ['gdal'],
      condaChannels: ['https://conda.example.com/team', 'conda-forge'],
      packages: ['six'],
      pipIndex: 'https://pypi.example.com/simple',
      cuda: '13.0',
    },
    secretPaths: ['/root/.netrc'],
  },
  flytekit: { spec: { profile: 'Flytekit', env: [{ name: 'A', value: 'b' }] } },
  'flytekit-as-somebody': { spec: { profile: 'Flytekit', user: '2000', packages: ['flytekit>=1.16'] } },
  'other-platform': { spec: { platforms: ['linux/386'], packages: ['six'] } },
};

describe('golden recipes', () => {
  const cases = Object.entries(golden).flatMap(([name, one]) =>
    (['BuildKit', 'Plain'] as const).map((dialect) => ({ name, dialect, ...one })),
  );
  it.each(cases)('$name, $dialect', async ({ name, dialect, spec, source, secretPaths = [] }) => {
    const rendered = render(spec, { dialect, secretPaths, ...(source === undefined ? {} : { source }) });
    const { dockerfile, files, args } = rendered;
    const parts = {
      Dockerfile: dockerfile,
      ...files,
      'build arguments': `${JSON.stringify(args, undefined, 2)}\n`,
    };
    const text = Object.entries(parts)
      .map(([part, content]) => `=== ${part}\n${content}`)
      .join('');
    const folder = dialect === 'Plain' ? 'golden/plain' : 'golden';
    await expect(text).toMatchFileSnapshot(`${folder}/${name}.txt`);
  });
});

/** Instructions of a rendered Dockerfile; it uses no continuation lines and no heredocs. */
const instructions = (dockerfile: string) =>
  dockerfile
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split(' ')[0]);

describe('no user text changes the shape of the Dockerfile', () => {
  const hostile = fc.oneof(
    fc.constantFrom(
      '\n',
      '\r\n',
      '\u2028',
      '\u0085',
      '"',
      "'",
      '`id`',
      '$(id)',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a reference of Dockerfiles and shells
      '${PATH}',
      '\\',
      '\\\n',
      '#',
      '<<EOF',
      'EOF',
      '-',
      '--',
      '\nRUN id',
      '" OTHER="x',
      '\t',
      '\x1b[0m',
      '😀',
      '\ud800',
    ),
    fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0')),
  );
  const text = fc.array(hostile, { maxLength: 6 }).map((parts) => parts.join(''));

  it('values of env and labels, commands and the entrypoint never stand in it as shell or structure', () => {
    const plain = render({
      env: [{ name: 'A', value: '' }],
      labels: { l: '' },
      commands: [''],
      entrypoint: ['x'],
    });
    fc.assert(
      fc.property(text, text, text, text, (env, label, command, entry) => {
        const given = {
          env: [{ name: 'A', value: env }],
          labels: { l: label },
          commands: [command],
          entrypoint: [entry],
        };
        const { dockerfile, args, files } = render(given);
        expect(instructions(dockerfile)).toEqual(instructions(plain.dockerfile));
        // Printable ASCII and line ends only: nothing that any reader of lines could take for an end.
        expect(dockerfile).toMatch(/^[\x20-\x7e\n]*$/);
        expect(Object.values(args)).toEqual([env, label]);
        expect(files['commands/commands.sh']).toBe(`${command}\n`);
        const line = dockerfile.split('\n').find((one) => one.startsWith('ENTRYPOINT '));
        expect(JSON.parse(line?.slice('ENTRYPOINT '.length) ?? '')).toEqual([entry]);
        const others = (one: string) => one.split('\n').filter((l) => !/^(ENTRYPOINT|RUN|LABEL) /.test(l));
        expect(others(dockerfile)).toEqual(others(plain.dockerfile));
      }),
      { numRuns: 3000 },
    );
  });
});

describe('the text of a step changes exactly when what it reads changes', () => {
  const runs = (spec: object) =>
    render(spec)
      .dockerfile.split('\n')
      .filter((line) => line.startsWith('RUN '));
  it('other packages, other line', () => {
    expect(runs({ packages: ['a'] })).not.toEqual(runs({ packages: ['b'] }));
  });
  it('one more apt package leaves the step for Python as it is', () => {
    const [, before] = runs({ aptPackages: ['curl'], packages: ['a'] });
    const [, after] = runs({ aptPackages: ['curl', 'git'], packages: ['a'] });
    expect(after).toBe(before);
  });
});

describe('whatever is asked for', () => {
  const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
  const word = fc.string({ unit: 'binary', minLength: 1 }).filter((text) => !/[\0\r\n]/.test(text));
  /** What no instruction, flag or file of ours says, so that finding it means that a user's string is there. */
  const marked = word.map((text) => `xx-${text}-xx`);
  const kinds: RequirementsKind[] = [
    'requirements.txt',
    'uv.lock',
    'poetry.lock',
    'pylock.toml',
    'pyproject.toml',
  ];
  const input = fc.record({
    packages: fc.subarray(['xx-one', 'xx-two==1.0', 'xx-three @ https://example.com/three.whl']),
    aptPackages: fc.subarray(['xx-curl', 'xx-git']),
    pipIndex: maybe(fc.constant('https://xx-index.example.com/simple')),
    pipExtraIndexUrls: fc.subarray(['https://xx-a.example.com', 'https://xx-b.example.com']),
    pipExtraArgs: fc.array(
      marked.filter((text) => !/[:@]/.test(text)),
      { maxLength: 3 },
    ),
    pythonExec: maybe(fc.constant('/usr/bin/xx-python')),
    commands: fc.array(marked, { maxLength: 2 }),
    env: fc
      .uniqueArray(marked, { maxLength: 2 })
      .map((values) => values.map((value, index) => ({ name: `E${index}`, value }))),
    main: maybe(marked.map((text) => text.replaceAll(/[\\/\p{Cc}]/gu, ''))),
    kind: fc.constantFrom(...kinds),
    copied: fc.boolean(),
    dialect: fc.constantFrom('BuildKit' as const, 'Plain' as const),
    secrets: fc.boolean(),
  });
  const rendered = ({
    main,
    kind,
    copied,
    dialect,
    secrets,
    ...spec
  }: typeof input extends fc.Arbitrary<infer T> ? T : never) => {
    const lock = main !== undefined && kind.includes('lock');
    const source: ResolvedSource = {
      digest: 'd'.repeat(64),
      copied,
      ...(main === undefined ? {} : { requirements: { kind, main, digest: 'e'.repeat(64) } }),
    };
    const given = { ...spec, packages: lock ? [] : spec.packages };
    return render(given, { dialect, source, secretPaths: secrets ? ['/root/.netrc'] : [] });
  };

  it('no string of a user stands in the Dockerfile', () => {
    fc.assert(
      fc.property(input, (given) => {
        const { dockerfile } = rendered(given);
        expect(dockerfile).not.toContain('xx-');
        expect(dockerfile).toMatch(/^[\x20-\x7e\n]*$/);
        const known = /^(ARG|FROM|USER|RUN|COPY|ENV|WORKDIR|LABEL)$/;
        for (const instruction of instructions(dockerfile)) expect(instruction).toMatch(known);
      }),
      { numRuns: 2000 },
    );
  });

  it('the same input gives the same text, and what a step reads is there', () => {
    fc.assert(
      fc.property(input, (given) => {
        const recipe = rendered(given);
        expect(rendered(given)).toEqual(recipe);
        const { dockerfile, files, args } = recipe;
        const folders = [...Object.keys(files).map((name) => name.split('/')[0]), ...Object.values(FOLDERS)];
        const mounted = [...dockerfile.matchAll(/type=bind,source=([^,]+)/g)].map(([, folder]) => folder);
        const copied = [...dockerfile.matchAll(/^COPY (?!--from).*?([a-z]+)\/ /gm)].map(
          ([, folder]) => folder,
        );
        for (const folder of [...mounted, ...copied]) expect(folders).toContain(folder);
        const declared = [...dockerfile.matchAll(/^ARG (IMAGESPEC_[0-9]+)$/gm)].map(([, name]) => name);
        expect(declared).toEqual(Object.keys(args));
      }),
      { numRuns: 1000 },
    );
  });

  it('a plain Dockerfile mounts nothing and has no labels; its lines tell apart what the engine cannot see', () => {
    const plain = (spec: object) => render(spec, { dialect: 'Plain' });
    const { dockerfile, labels } = plain({ packages: ['six'], labels: { a: '"x"' }, commands: ['true'] });
    expect(dockerfile).not.toMatch(/--mount|LABEL/);
    expect(labels).toMatchObject({
      a: '"x"',
      'imagespec.dev/spec-hash': expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    const last = (spec: object) =>
      plain(spec)
        .dockerfile.split('\n')
        .filter((line) => line.startsWith('RUN '))
        .at(-1);
    const env = [{ name: 'A', value: 'x' }];
    expect(last({ commands: ['true'], env })).not.toBe(last({ commands: ['true'] }));
    expect(PATHS.context).toBe(PLAIN.context);
    expect(PATHS.ca).toBe(PLAIN.ca);
  });
});
