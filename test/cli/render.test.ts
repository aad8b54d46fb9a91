import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { printed } from '../../src/cli/findings.ts';
import { render, spoken } from '../../src/cli/render.ts';
import { recipeOf } from '../../src/image/recipe.ts';
import { targetOf } from '../../src/image/target.ts';
import { settingsSchema } from '../../src/settings.ts';
import { imageSpec } from '../support/objects.ts';

const settings = settingsSchema.parse({ defaults: { registry: 'ghcr.io/acme' } });
const document = (spec: object, name = 'sklearn') =>
  JSON.stringify({ apiVersion: 'imagespec.dev/v1alpha1', kind: 'ImageSpec', metadata: { name }, spec });
const rendering = (...texts: string[]) =>
  render({ file: 'a.yaml', text: texts.map((text) => `---\n${text}\n`).join('') }, settings);

const SPEC = {
  registry: 'ghcr.io/acme',
  packages: ['pandas'],
  aptPackages: ['curl'],
  env: [{ name: 'A', value: '"' }],
};

it('is what the operator makes of the same spec', () => {
  const [one] = rendering(document(SPEC)).rendered;
  const judged = targetOf(imageSpec(SPEC), settings);
  if (!judged.ok) throw new Error();
  const { dockerfile, files, args } = recipeOf(judged.target);
  expect(one).toEqual({
    name: 'sklearn',
    image: `ghcr.io/acme/sklearn:${judged.target.specHash.slice(0, 32)}`,
    tag: judged.target.image.tag,
    specHash: judged.target.specHash,
    inputs: expect.stringContaining('"packages":["pandas"]'),
    builder: 'buildkit',
    dialect: 'BuildKit',
    dockerfile,
    files,
    args,
  });
});

it('its inputs are the very text that is hashed', () => {
  const [one] = rendering(document(SPEC)).rendered;
  expect(
    createHash('sha256')
      .update(one?.inputs ?? '')
      .digest('hex'),
  ).toBe(one?.specHash);
});

it('says what the pod of a Flyte task needs for packages that are installed when it starts', () => {
  const spec = {
    ...SPEC,
    profile: 'Flytekit',
    platforms: ['linux/amd64'],
    runtimePackages: ['six==1.17.0', 'idna'],
  };
  const [one] = rendering(document(spec)).rendered;
  expect(one?.podEnv).toEqual({ _F_RUNTIME_PACKAGES: 'six==1.17.0 idna' });
  if (one) expect(spoken(one)).toContain('_F_RUNTIME_PACKAGES=six==1.17.0 idna\n');
});

it('in either dialect', () => {
  const text = document(SPEC);
  const plain = render({ file: 'a', text }, settings, 'Plain').rendered[0];
  expect(plain?.dialect).toBe('Plain');
  expect(plain?.labels).toEqual({ 'imagespec.dev/spec-hash': plain?.specHash });
  expect(plain?.dockerfile).not.toContain('--mount');
  expect(plain?.specHash).toBe(rendering(text).rendered[0]?.specHash);
});

it('every document of a file, and what is wrong with one keeps the others', () => {
  const { findings, rendered } = rendering(
    document({ packages: ['a'] }, 'one'),
    document({ packages: ['-r x'] }, 'two'),
    document({}, 'three'),
  );
  expect(rendered.map(({ name }) => name)).toEqual(['one', 'three']);
  expect(findings.map(printed)).toEqual([
    expect.stringMatching(/^a\.yaml:4: spec\.packages\[0\]: write one requirement/),
  ]);
});

it('inline files count by their content', () => {
  const spec = (content: string) => ({ source: { files: { 'a.txt': content } }, copy: ['a.txt'] });
  const [one, same, other] = rendering(
    document(spec('x')),
    document(spec('x')),
    document(spec('y')),
  ).rendered;
  expect(one?.specHash).toBe(same?.specHash);
  expect(one?.specHash).not.toBe(other?.specHash);
});

describe('what only the cluster knows is refused by name, with what to do', () => {
  it.each([
    [{ source: { git: { url: 'https://h/r', ref: 'main' } }, copy: ['a'] }, 'spec.source.git', 'https://h/r'],
    [{ source: { configMapRef: { name: 'app' } }, copy: ['a'] }, 'spec.source.configMapRef', 'ConfigMap app'],
    [
      { source: { oci: { image: 'ghcr.io/a/b:c' } }, copy: ['a'] },
      'spec.source.oci',
      'artifact ghcr.io/a/b:c',
    ],
    [{ baseImageSpecRef: { name: 'base' } }, 'spec.baseImageSpecRef', 'name its image in baseImage instead'],
  ])('%j', (spec, field, words) => {
    const { findings, rendered } = rendering(document(spec));
    expect(rendered).toEqual([]);
    expect(findings).toMatchObject([{ severity: 'error', field, message: expect.stringContaining(words) }]);
    expect(findings[0]?.message).toMatch(
      /^it cannot be rendered here: .* instead, or status.image of the ImageSpec/,
    );
  });
});

it('several platforms: the index, and an image for each', () => {
  const [one] = rendering(document({ platforms: ['linux/amd64', 'linux/386'] })).rendered;
  expect(one?.dockerfile).toBeUndefined();
  expect(one?.platforms?.map(({ tag }) => tag)).toEqual([`${one?.tag}-linux-386`, `${one?.tag}-linux-amd64`]);
  expect(one?.platforms?.every(({ dockerfile }) => dockerfile?.includes('FROM'))).toBe(true);
});

it('a builder that builds nothing gives the base image', () => {
  const [one] = rendering(document({ builder: 'noop', baseImage: 'debian:12' })).rendered;
  expect(one).toMatchObject({ image: 'docker.io/library/debian:12', builder: 'noop' });
  expect(one?.dockerfile).toBeUndefined();
  expect(spoken(one!)).toContain('builder    noop, which builds nothing');
});

it('for people it shows everything in one text', () => {
  const text = rendering(document(SPEC)).rendered.map(spoken).join('\n');
  for (const part of [
    'image      ghcr.io/acme/sklearn:',
    '--- Dockerfile (BuildKit)\nARG ',
    '--- apt/packages.txt\ncurl\n',
    'IMAGESPEC_0="\\""',
  ]) {
    expect(text).toContain(part);
  }
});
