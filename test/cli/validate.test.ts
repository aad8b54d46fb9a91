import { describe, expect, it } from 'vitest';
import { printed } from '../../src/cli/findings.ts';
import { nearest } from '../../src/cli/unknown-fields.ts';
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
      'a.yaml:5: spec.pythonVersion: Invalid input: expected string, received number',
    ],
    ['spec:\n  cudnn: "9"', 'a.yaml:5: spec.cudnn: write cuda beside cudnn'],
    ['spec:\n  copy: [a]', 'a.yaml:4: spec.source: write source: requirements, copy'],
    ['spec:\n  source: {files: {a: x}}\n  copy:\n    - b', 'a.yaml:7: spec.copy[0]: the source has no b'],
    ['spec:\n  runtimePackages: [a]', 'a.yaml:5: spec.runtimePackages: put them in packages'],
    [
      'spec:\n  builder: docker',
      'a.yaml:5: spec.builder: there is no builder docker; choose one of: buildkit',
    ],
    [
      'spec:\n  builderOptions: {speed: 1}',
      'a.yaml:5: spec.builderOptions: Unrecognized key: "speed" (builder buildkit)',
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

describe('a field that does not exist is a warning with what was meant', () => {
  it.each([
    [
      'apt_packages: [curl]',
      'a.yaml:4: warning: spec.apt_packages: there is no such field; did you mean aptPackages?',
    ],
    ['pakages: [a]', 'did you mean packages?'],
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
  ['condaPackage', 'condaPackages'],
  ['python_version', 'pythonVersion'],
  ['PythonVersion', 'pythonVersion'],
  ['cudda', 'cuda'],
  ['x', undefined],
])('nearest to %s is %s', (name, known) => {
  expect(nearest(name, ['condaPackages', 'pythonVersion', 'cuda', 'name', 'env'])).toBe(known);
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

  it('that is no YAML is said to be', () => {
    expect(said('a: [')).toEqual([expect.stringMatching(/^a\.yaml:1: /)]);
  });
});
