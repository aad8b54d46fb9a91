import { describe, expect, it } from 'vitest';
import { nearest } from '../../src/api/nearest.ts';
import { printed } from '../../src/cli/findings.ts';

import { validate } from '../../src/cli/validate.ts';
import { settingsSchema } from '../../src/settings.ts';

const HEAD = 'apiVersion: imagespec.dev/v1alpha1\nkind: ImageSpec\nmetadata: {name: a}\n';
const settings = settingsSchema.parse({ defaults: { registry: 'ghcr.io/acme' } });
const said = (text: string, given = settings) =>
  validate({ file: 'a.yaml', text }, given).findings.map(printed);

it('a good one is said to be, with the name of its image', () => {
  const { findings, good } = validate(
    { file: 'a.yaml', text: `${HEAD}spec: {packages: [pandas]}` },
    settings,
  );
  expect(findings).toEqual([]);
  expect(good).toEqual([expect.stringMatching(/^a.yaml: a is valid: ghcr\.io\/acme\/a:[0-9a-f]{32}$/)]);
});

describe('what is wrong is said with file, line, field and what to write', () => {
  it.each([
    [
      'spec:\n  packages:\n    - pandas\n    - -r x',
      'a.yaml:7: spec.packages[1]: write one requirement as pip takes it',
    ],
    ['spec:\n  packages: [pandas==]', 'a.yaml:5: spec.packages[0]: pandas==: "==" is not a version; write'],
    [
      'spec:\n  pythonVersion: 3.12',
      'a.yaml:5: spec.pythonVersion: write a string, not a number: put it in quotes',
    ],
    [
      'spec:\n  packages: pandas',
      'a.yaml:5: spec.packages: write a list, not a string: each entry in a line of its own, after "- "',
    ],
    [
      'spec:\n  env: {A: x}',
      'a.yaml:5: spec.env: write a list of mappings with name, value, not a mapping: each entry',
    ],
    ['spec:\n  env: [{name: A}]', 'a.yaml:5: spec.env[0].value: it is missing: write a string'],
    ['spec:\n  pushSecretRef: ghcr', 'a.yaml:5: spec.pushSecretRef: write a mapping with name, not a string'],
    [
      'spec:\n  suspend: "true"',
      'a.yaml:5: spec.suspend: write true or false, not a string: take the quotes off',
    ],
    [
      'spec:\n  rebuild: "1"',
      'a.yaml:5: spec.rebuild: write a whole number, not a string: take the quotes off',
    ],
    ['spec:\n  build: {retries: 11}', 'a.yaml:5: spec.build.retries: write at most 10'],
    ['spec:\n  profile: Flyte', 'a.yaml:5: spec.profile: write Generic or Flytekit'],
    ['spec:', 'a.yaml:4: spec: nothing stands here: write a mapping, or take the field out'],
    [
      'spec:\n  source: {git: {url: "https://h/r"}}\n  requirements: uv.lock\n  packages: [six]',
      'a.yaml:7: spec.packages: a lock file says which packages there are: take packages out, or lock them into uv.lock',
    ],
    [
      'spec:\n  source: {git: {url: "https://h/r"}}\n  requirements: environment.yml',
      'a.yaml:6: spec.requirements: environment.yml: its name does not say what it is; name it requirements*.txt',
    ],
    ['packages: [a]\nspec: {}', 'a.yaml:4: packages: this is a field of spec: indent it below spec'],
    ['spec: {}\nmetadatas: {}', 'a.yaml:5: metadatas: there is no such field; did you mean metadata?'],
    ['spec:\n  cudnn: "9"', 'a.yaml:5: spec.cudnn: write cuda beside cudnn'],
    ['spec:\n  copy: [a]', 'a.yaml:4: spec.source: write source: requirements, copy'],
    ['spec:\n  source: {files: {a: x}}\n  copy:\n    - b', 'a.yaml:7: spec.copy[0]: the source has no b'],
    [
      'spec:\n  source: {files: {a.py: x}}\n  copy: ["*.py"]',
      'the source has no *.py; name a file or a folder',
    ],
    ['spec:\n  runtimePackages: [a]', 'a.yaml:5: spec.runtimePackages: put them in packages'],
    [
      'spec:\n  builder: docker',
      'a.yaml:5: spec.builder: there is no builder docker; choose one of: buildkit',
    ],
    [
      'spec:\n  builderOptions: {speed: 1}',
      'a.yaml:5: spec.builderOptions.speed: there is no such field; take it out (builder buildkit)',
    ],
    ['', 'a.yaml:1: spec: write spec: what the image contains'],
  ])('%j', (spec, words) => {
    expect(said(HEAD + spec)).toContainEqual(expect.stringContaining(words));
  });

  it.each([
    ['{}', 'metadata.name: name the ImageSpec'],
    ['{name: A_b}', 'metadata.name: A_b: choose a name of at most 63 lower-case letters'],
    [`{name: ${'a'.repeat(64)}}`, 'choose a name of at most 63'],
  ])('metadata: %s', (metadata, words) => {
    expect(said(`${HEAD.replace('{name: a}', metadata)}spec: {}`)).toContainEqual(
      expect.stringContaining(words),
    );
  });
});

describe('a field that does not exist is refused with what was meant', () => {
  it.each([
    [
      'apt_packages: [curl]',
      'a.yaml:4: spec.apt_packages: there is no such field; did you mean aptPackages?',
    ],
    ['pakages: [a]', 'did you mean packages?'],
    ['apt: [a]', 'did you mean aptPackages?'],
    ['conda: [a]', 'did you mean condaPackages or condaChannels?'],
    ['somethingElse: 1', 'spec.somethingElse: there is no such field; take it out'],
    ['env: [{name: A, value: x, valueFrom: {}}]', 'spec.env[0].valueFrom: there is no such field'],
    [
      'build: {resources: {limit: {}}}',
      'spec.build.resources.limit: there is no such field; did you mean limits?',
    ],
    [
      'source: {git: {url: "https://h/r", branch: main}}',
      'spec.source.git.branch: there is no such field; take it out',
    ],
  ])('%s', (spec, words) => {
    expect(said(`${HEAD}spec: {${spec}}`)).toContainEqual(expect.stringContaining(words));
  });

  it('but what a map of the user holds is theirs', () => {
    expect(said(`${HEAD}spec: {labels: {anything: x}, source: {files: {a: b}}}`)).toEqual([]);
  });
});

it.each([
  ['condaPackage', ['condaPackages']],
  ['python_version', ['pythonVersion']],
  ['PythonVersion', ['pythonVersion']],
  ['cudda', ['cuda']],
  ['python', ['pythonVersion']],
  ['packages', ['condaPackages']],
  ['x', []],
  ['n', []],
])('nearest to %s is %s', (name, known) => {
  expect(nearest(name, ['condaPackages', 'pythonVersion', 'cuda', 'name', 'env'])).toEqual(known);
});

describe('without the settings of the operator', () => {
  const bare = (spec: string) => validate({ file: 'a.yaml', text: HEAD + spec });

  it('what only they decide is a warning', () => {
    const { findings, good } = bare('spec: {builder: fastest}');
    expect(findings.map(printed)).toEqual([
      expect.stringContaining(
        'warning: spec.registry: none is named, so the settings of the operator must name one',
      ),
      expect.stringContaining(
        'warning: spec.builder: the settings of the operator must have a builder fastest',
      ),
    ]);
    expect(good).toEqual(['a.yaml: a is valid']);
  });

  it('and what they do not decide is judged', () => {
    expect(bare('spec: {registry: a.io, builder: noop}').findings).toMatchObject([
      { severity: 'error', field: 'spec.baseImage' },
    ]);
  });
});

it('what only the cluster knows does not make an ImageSpec wrong', () => {
  const { findings, good } = validate(
    { file: 'a.yaml', text: `${HEAD}spec: {source: {git: {url: "https://h/r"}}, copy: [a]}` },
    settings,
  );
  expect(findings).toEqual([]);
  expect(good).toEqual(['a.yaml: a is valid; only the cluster knows its tag, because of spec.source.git']);
});

describe('a file', () => {
  it('may hold other objects, but one ImageSpec', () => {
    const map = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n';
    expect(said(`${map}---\n${HEAD}spec: {}`)).toEqual([]);
    expect(said(map)).toEqual([
      'a.yaml:1: there is no ImageSpec here: apiVersion: imagespec.dev/v1alpha1, kind: ImageSpec',
    ]);
    expect(said('')).toHaveLength(1);
  });

  it.each([
    [HEAD.replace('v1alpha1', 'v1'), 'a.yaml:1: apiVersion: write apiVersion: imagespec.dev/v1alpha1'],
    [HEAD.replace('ImageSpec', 'Imagespec'), 'a.yaml:2: kind: write kind: ImageSpec'],
    ['kind: ImageSpec\n', 'a.yaml:1: apiVersion: write apiVersion: imagespec.dev/v1alpha1'],
  ])('with something that was meant as one says so: %j', (head, words) => {
    expect(said(`${HEAD}spec: {}\n---\n${head}spec: {}`)).toEqual([
      words.replace(/\d/, (at) => `${Number(at) + 5}`),
    ]);
  });

  it('may hold a List of them, as kubectl get -o yaml does', () => {
    const item = (spec: string) =>
      `- apiVersion: imagespec.dev/v1alpha1\n  kind: ImageSpec\n  metadata: {name: a}\n  spec: ${spec}\n`;
    const list = `apiVersion: v1\nkind: List\nitems:\n${item('{packages: [six]}')}${item('{user: root}')}`;
    expect(said(list)).toEqual([expect.stringMatching(/^a\.yaml:11: spec\.user: write a numeric user/)]);
    const { good } = validate({ file: 'a.yaml', text: list }, settings);
    expect(good).toHaveLength(1);
  });

  it('with what flytekit reads leads to convert', () => {
    expect(said('packages: [pandas]')).toEqual([expect.stringContaining('imagespec convert')]);
  });

  it('has what is wrong with it in the order of its lines, each thing once', () => {
    const spec =
      'spec:\n  user: root\n  packages: a\n  build: {resources: {limits: {nvidia: 1}}}\n  platforms: linux/amd64\n';
    expect(said(HEAD + spec)).toEqual([
      expect.stringMatching(/^a\.yaml:5: spec\.user: write a numeric user/),
      expect.stringMatching(/^a\.yaml:6: spec\.packages: write a list/),
      'a.yaml:7: spec.build.resources.limits.nvidia: there is no such field; take it out',
      expect.stringMatching(/^a\.yaml:8: spec\.platforms: write a list/),
    ]);
  });

  it('that is no YAML is said to be', () => {
    expect(said('a: [')).toEqual([expect.stringMatching(/^a\.yaml:1: /)]);
  });
});
