import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { convert } from '../../src/cli/convert.ts';
import { printed } from '../../src/cli/findings.ts';
import { validate } from '../../src/cli/validate.ts';
import { type Inputs, selectionOf } from '../../src/image/inputs.ts';
import { printReference } from '../../src/image/reference.ts';
import { resolveFiles } from '../../src/image/selection.ts';
import { readSpec, targetOf } from '../../src/image/target.ts';
import { FILES, representable } from '../image/flytekit/representable.ts';
import { layOut } from '../image/flytekit/tree.ts';
import vectors from '../image/flytekit/vectors.json' with { type: 'json' };
import { asYaml } from '../support/flytekit-yaml.ts';
import { imageSpec, settings } from '../support/objects.ts';

let root: string;
/** With nothing but {@link FILES} in it. */
let plain: string;
beforeAll(() => {
  plain = mkdtempSync(join(tmpdir(), 'imagespec-convert-'));
  layOut(plain, FILES);
  root = mkdtempSync(join(tmpdir(), 'imagespec-convert-'));
  const put = (path: string, content: string | Uint8Array) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  };
  layOut(root, FILES);
  put('src/main.py', 'print()');
  put('run.sh', 'true');
  chmodSync(join(root, 'run.sh'), 0o755);
  put('binary', new Uint8Array([0, 255, 254]));
  put('large.txt', 'x'.repeat(131_073));
  for (let n = 0; n < 129; n += 1) put(`many/${n}`, '');
  put('more/requirements.txt', '-r ../requirements.txt\n');
  put('.git/config', 'x');
  put('ignored/.dockerignore', 'x');
  symlinkSync('src/main.py', join(root, 'link.py'));
});
afterAll(() => {
  for (const folder of [root, plain]) rmSync(folder, { recursive: true });
});

type Profile = 'Generic' | 'Flytekit';
const converted = (text: string, profile: Profile = 'Generic', name?: string) =>
  convert({ file: 'dir/my_image.yaml', text }, { profile, root, name });
const said = (text: string, profile?: Profile) => converted(text, profile).findings.map(printed);
const objects = (text: string) =>
  parseAllDocuments(text, { version: '1.1' }).map(
    (document) => document.toJS() as { metadata: { name: string }; spec: Record<string, unknown> },
  );
const specOf = (text: string, profile?: Profile) => objects(converted(text, profile).text).at(-1)?.spec;

/** The image of a converted ImageSpec over one that was converted too. */
function imageOf(spec: unknown, base?: Inputs['base']) {
  const read = readSpec({ spec });
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  const selection = selectionOf(read.spec);
  const files = read.spec.source?.files && selection && resolveFiles(read.spec.source.files, selection);
  const inputs = { ...(files?.ok ? { source: files.source } : {}), ...(base ? { base } : {}) };
  const judged = targetOf(imageSpec(spec as object), settings, inputs);
  if (!judged.ok) throw new Error(JSON.stringify(judged.problems));
  return judged.target.image;
}

const EXAMPLE = `# imageSpec.yaml
python_version: 3.11
registry: pingsutw
packages:
  - sklearn
env:
  Debug: "True"
`;

it("flytekit's own example becomes an ImageSpec that is valid", () => {
  const { text } = converted(EXAMPLE);
  expect(objects(text)).toEqual([
    {
      apiVersion: 'imagespec.dev/v1alpha1',
      kind: 'ImageSpec',
      metadata: { name: 'my-image' },
      spec: {
        pythonVersion: '3.11',
        registry: 'pingsutw',
        packages: ['sklearn'],
        env: [{ name: 'Debug', value: 'True' }],
      },
    },
  ]);
  expect(validate({ file: 'a', text }).good).toEqual([
    expect.stringContaining('my-image is valid: docker.io/pingsutw/my-image:'),
  ]);
  expect(said(EXAMPLE)).toContain(
    'dir/my_image.yaml:2: warning: python_version: 3.11 is no text; taken as "3.11", so write that in quotes',
  );
});

it('under profile Flytekit its number is refused, because flytekit hashes it as one', () => {
  expect(converted(EXAMPLE, 'Flytekit').text).toBe('');
  expect(said(EXAMPLE, 'Flytekit')).toContainEqual(
    expect.stringMatching(
      /^dir\/my_image\.yaml:2: python_version: 3\.11 is no text; .*; flytekit hashes it as it is written/,
    ),
  );
});

describe('under profile Flytekit the tag is that of flytekit', () => {
  const known = Object.entries(vectors).filter(
    ([name, { input }]) => 'registry' in input && name !== 'seed_yaml',
  );
  it.each(known)('%s', (_name, { input, image_name }) => {
    const { text, findings } = converted(stringify(input), 'Flytekit');
    expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(printReference(imageOf(objects(text)[0]?.spec))).toBe(image_name);
  });

  it('and whatever both can say carries over as it is', () => {
    fc.assert(
      fc.property(representable, ({ spec, given }) => {
        // A shell would take quotes out, and there is none here.
        fc.pre(!String(given.pip_extra_args ?? '').includes("'"));
        // kubectl would drop it.
        fc.pre(!JSON.stringify(spec.builderOptions ?? {}).includes('null'));
        const { text, findings } = convert(
          { file: 'a.yaml', text: asYaml(given) },
          { profile: 'Flytekit', root: plain },
        );
        expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
        expect(imageOf(objects(text)[0]?.spec)).toEqual(imageOf(spec));
      }),
    );
  }, 60_000);

  it('and what would lose it on the way is refused', () => {
    const refused = [
      'registry: a.io\nbuilder_options: {b: 1, a: 2}',
      'registry: a.io\nbuilder_options: {a: 1.0}',
      'registry: a.io\nbuilder_options: {a: [{b: ~}]}',
      'registry: a.io\napt_packages: [curl, curl]',
      'registry: a.io\ntag_format: "{spec_hash}"',
      'registry: a.io\nenv: {A: true}',
      'registry: a.io\ncopy: [./src/main.py]',
      'registry: a.io\nregistry_config: x.json',
      'registry: a.io\npip_extra_args: "--a  --b"',
      'registry: a.io\ncuda: 12.6',
      'registry: ""',
      'registry: a.io\nbuilder_options: {a: 9007199254740993}',
      'registry: a.io\nbuilder_config: {micromamba_image: a/b, uv_image: c/d}',
      'registry: a.io\nbuilder_config: {nix_image: a/b}',
      'registry: a.io\nsource_root: /src\nsource_copy_mode: ALL',
      'registry: a.io\nsource_root: ignored\nsource_copy_mode: ALL',
      'registry: a.io\ntag_format: "{spec_hash:.8}"',
      'registry: a.io\nplatform: linux/amd64,linux/arm64',
      'registry: a.io\nenv: {A-B: x}',
    ];
    for (const text of refused) expect(converted(text, 'Flytekit').text, text).toBe('');
  });

  it('a base image that is an ImageSpec counts by its name', () => {
    const text =
      'name: final\nregistry: ghcr.io/x\npackages: [pandas]\nbase_image: {name: base, registry: ghcr.io/x, packages: [numpy]}';
    const [base, final] = objects(converted(text, 'Flytekit').text);
    expect(final?.spec.baseImageSpecRef).toEqual({ name: 'base' });
    expect(printReference(imageOf(base?.spec))).toBe('ghcr.io/x/base:sfM_ZsmIct3KiMMCNQHzlw');
    const read = readSpec({ spec: base?.spec });
    if (!read.ok) throw new Error();
    const image = 'ghcr.io/x/base:sfM_ZsmIct3KiMMCNQHzlw';
    const digest = `sha256:${'0'.repeat(64)}`;
    expect(
      printReference(
        imageOf(final?.spec, { name: image, image: `${image}@${digest}`, digest, spec: read.spec }),
      ),
    ).toBe('ghcr.io/x/final:VSZRdVFDJwTL_FfXnpCpQg');
  });
});

it('ImageSpecs within one another have names of their own', () => {
  const text = 'name: a\nbase_image: {name: b, base_image: {name: a, base_image: {packages: [x]}}}';
  const made = objects(converted(text).text);
  expect(made.map(({ metadata }) => metadata.name)).toEqual(['a-2-base', 'a-2', 'b', 'a']);
  const bases = made.map(({ spec }) => (spec.baseImageSpecRef as { name: string } | undefined)?.name);
  expect(bases).toEqual([undefined, 'a-2-base', 'a-2', 'b']);
});

describe('every parameter carries over', () => {
  it.each<[string, object]>([
    ['name: My-Image', { name: 'my-image' }],
    ['python_version: "3.12"', { pythonVersion: '3.12' }],
    ['python_version: 3.10', { pythonVersion: '3.10' }],
    ['builder: noop\nbase_image: debian:12', { builder: 'noop', baseImage: 'debian:12' }],
    [
      'env: {B: x, A: "3"}',
      {
        env: [
          { name: 'B', value: 'x' },
          { name: 'A', value: '3' },
        ],
      },
    ],
    [
      'env: {A: yes, B: 3.50}',
      {
        env: [
          { name: 'A', value: 'True' },
          { name: 'B', value: '3.50' },
        ],
      },
    ],
    ['registry: GHCR.io/Acme', { registry: 'ghcr.io/acme' }],
    ['packages: pandas', { packages: ['pandas'] }],
    ['packages: ~\nname: a', { name: 'a' }],
    ['conda_packages: [a, a]\nconda_channels: [b]', { condaPackages: ['a'], condaChannels: ['b'] }],
    ['apt_packages: [curl]', { aptPackages: ['curl'] }],
    ['cuda: 12.6\ncudnn: "9"', { cuda: '12.6', cudnn: '9' }],
    ['base_image: debian:12', { baseImage: 'debian:12' }],
    ['platform: linux/amd64, linux/arm64', { platforms: ['linux/amd64', 'linux/arm64'] }],
    ['pip_index: https://h/simple', { pipIndex: 'https://h/simple' }],
    ['pip_extra_index_url: https://h/simple', { pipExtraIndexUrls: ['https://h/simple'] }],
    ['pip_extra_args: --no-deps --pre', { pipExtraArgs: ['--no-deps', '--pre'] }],
    [
      'pip_secret_mounts: [[conf/.netrc, /root/.netrc]]',
      { pipSecretMounts: [{ secretKeyRef: { name: 'pip-secrets', key: '.netrc' }, path: '/root/.netrc' }] },
    ],
    ['entrypoint: []', { entrypoint: [] }],
    ['commands: [mkdir /x]', { commands: ['mkdir /x'] }],
    ['tag_format: "{spec_hash}-dev"', { tagFormat: '{spec_hash}-dev' }],
    ['copy: [./src/main.py]', { copy: ['src/main.py'], source: { files: { 'src/main.py': 'print()' } } }],
    [
      'source_root: src\nsource_copy_mode: CopyFileDetection.ALL',
      { sourceRoot: 'src', sourceCopyMode: 'All', source: { files: { 'src/main.py': 'print()' } } },
    ],
    ['source_root: src\nsource_copy_mode: NO_COPY', { sourceCopyMode: 'NoCopy' }],
    [
      'requirements: requirements.txt',
      {
        requirements: 'requirements.txt',
        source: { files: { 'requirements.txt': FILES['requirements.txt'] } },
      },
    ],
    [
      'requirements: more/requirements.txt',
      {
        source: {
          files: {
            'more/requirements.txt': '-r ../requirements.txt\n',
            'requirements.txt': FILES['requirements.txt'],
          },
        },
      },
    ],
    ['python_exec: /usr/bin/python3', { pythonExec: '/usr/bin/python3' }],
    ['builder_options: {}', { builderOptions: {} }],
    ['builder_config: {uv_image: a/uv, micromamba_image: b/m}', { builderConfig: { uvImage: 'a/uv' } }],
  ])('%s', (text, spec) => {
    expect(specOf(text)).toMatchObject(spec);
    if (text.includes('NO_COPY')) expect(specOf(text)).not.toHaveProperty('source');
    expect(
      validate({ file: 'a', text: converted(text).text }).findings.filter((one) => one.severity === 'error'),
    ).toEqual([]);
  });

  it('runtime_packages under profile Flytekit', () => {
    expect(specOf('registry: a.io\nruntime_packages: [numpy]', 'Flytekit')).toMatchObject({
      runtimePackages: ['numpy'],
    });
  });

  it('the name of the ImageSpec is the one given, that in the file, or that of the file', () => {
    const names = [
      converted('packages: [a]'),
      converted('name: A_b'),
      converted('name: A_b', 'Generic', 'given'),
    ];
    expect(names.map(({ text }) => objects(text)[0]?.metadata.name)).toEqual(['my-image', 'a-b', 'given']);
  });
});

describe('what cannot carry over is refused at its line, with what to write', () => {
  it.each([
    [
      'a: 1\napt_pakages: [a]',
      'dir/my_image.yaml:2: apt_pakages: flytekit has no such parameter; did you mean apt_packages?',
    ],
    ['constructor: 1', ':1: constructor: flytekit has no such parameter'],
    ['force_push: true', ':1: force_push: it is no parameter: set spec.rebuild to a new number'],
    [
      'packages: [a]\nsource_copy_mode: LOADED_MODULES',
      ':2: source_copy_mode: the modules that a Python process has loaded',
    ],
    ['source_root: src', ':1: source_root: the modules that a Python process has loaded'],
    ['source_copy_mode: some', 'write ALL or NO_COPY'],
    ['runtime_packages: [a]', 'put them in packages, or convert with --profile Flytekit'],
    ['packages: {a: 1}', 'packages: write a list of texts'],
    ['packages:\n  - a\n  - [b]', ':3: packages[1]: write a text'],
    ['packages:\n  - a\n  - -r x', ':3: packages (spec.packages[1]): write one requirement as pip takes it'],
    ['env: [A=b]', 'env: write a mapping of names to texts'],
    ['env:\n  A: {}', ':2: env.A: write a text'],
    ['cudnn: "9"', 'cudnn (spec.cudnn): write cuda beside cudnn'],
    [
      'pip_index: https://u:p@h/simple',
      'pip_index (spec.pipIndex): take the user, password or token out of the URL',
    ],
    ['pip_extra_args: "--a \'b\'"', 'a shell reads this in flytekit, and none does here'],
    ['pip_secret_mounts: secrets.txt', 'write a list of pairs'],
    ['tag_format: v1', 'tag_format (spec.tagFormat): write a tag of at most 128'],
    ['platform: windows/amd64', 'platform (spec.platforms[0]): write linux/amd64, linux/arm64'],
    ['builder_options: fast', 'builder_options: write a mapping'],
    [
      'builder_config: {nix_image: a}',
      'builder_config.nix_image: there are only uv_image and micromamba_image',
    ],
    ['registry: "a:port:1"', 'registry (spec.registry): write host[:port][/path]'],
    ['copy: [/etc/passwd]', 'copy[0]: write a path below the folder of --root'],
    ['copy: [a, ../b]', 'copy[1]: write a path below the folder of --root'],
    ['copy: [nothing]', 'copy: the source has no nothing'],
    [
      'copy: [binary]',
      'copy: binary is no text of at most 128 KiB, so it cannot stand in a spec; put the files into git',
    ],
    ['copy: [large.txt]', 'large.txt is no text of at most 128 KiB'],
    ['copy: [many]', '129 files of 0 KiB are too much for a spec'],
    ['copy: [link.py, src]', 'link.py is no text'],
    ['requirements: nothing.txt', 'requirements: '],
    ['base_image: {name: b, packages: [-r x]}', 'packages (spec.packages[0]): write one requirement'],
    ['- a', 'write a mapping of the parameters of a flytekit ImageSpec'],
    ['', 'the file is empty'],
    ['a: [', ':1: '],
    ['name: a\n---\nname: b', 'flytekit reads one document a file: split it'],
    ['kind: ImageSpec', 'this is an ImageSpec already'],
  ])('%j', (text, words) => {
    expect(said(text)).toContainEqual(expect.stringContaining(words));
    expect(converted(text).text).toBe('');
  });

  it('a registry is needed under profile Flytekit', () => {
    expect(said('packages: [a]', 'Flytekit')).toContainEqual(
      expect.stringContaining('write registry: under profile Flytekit'),
    );
  });
});

describe('what carries over only nearly is a warning', () => {
  it.each([
    [
      'builder: envd',
      "builder: envd builds on the machine of the user; here the operator's default builder does",
    ],
    ['packages: a', 'packages: a list belongs here, which flytekit insists on; taken as a list of one'],
    ['env: {A: $HOME/x}', 'env.A: $ is taken literally; flytekit leaves it to Docker to expand'],
    ['registry_config: x.json', 'kubectl create secret docker-registry'],
    [
      'pip_secret_mounts: [[.netrc, /root/.netrc]]',
      'kubectl create secret generic pip-secrets --from-file=.netrc=.netrc',
    ],
    ['commands: [a]', 'commands: they run in workdir; flytekit runs them in /'],
    ['copy: [run.sh]', 'copy: run.sh will not be executable'],
    ['builder_config: {micromamba_image: a}', 'conda packages are installed by rattler: left out'],
    ['packages: [a]', 'python_version: flytekit takes the Python of whoever builds; name one'],
    ['packages: [a]', '--profile Flytekit makes such images'],
    ['tag_format: "{spec_hash}"', 'this is the default: take it out'],
  ])('%j', (text, words) => {
    expect(said(text)).toContainEqual(expect.stringMatching(/: warning: /));
    expect(said(text)).toContainEqual(expect.stringContaining(words));
    expect(converted(text).text).not.toBe('');
  });
});
