/** The identity of images under profile Flytekit, against answers that the real flytekit gave. */
import { describe, expect, it } from 'vitest';
import { asDict } from '../../../src/image/flytekit/parameters.ts';
import { repr, type Value } from '../../../src/image/flytekit/python.ts';
import type { Inputs } from '../../../src/image/inputs.ts';
import { printReference } from '../../../src/image/reference.ts';
import { readSpec, targetOf } from '../../../src/image/target.ts';
import { imageSpec, settings } from '../../support/objects.ts';
import { argumentsFrom, held, identityOf } from './arguments.ts';
import vectors from './vectors.json' with { type: 'json' };

describe('known answers of flytekit 1.16.24', () => {
  it.each(Object.entries(vectors))('%s', (_name, { input, preimage_of_id, id, tag, image_name }) => {
    const given = argumentsFrom(input);
    expect(repr(asDict(held(given)))).toBe(preimage_of_id);
    expect(identityOf(given)).toEqual({ id, tag, imageName: image_name });
  });
});

describe('Python prints', () => {
  it.each([
    ['it’s', `'it’s'`],
    ["it's", `"it's"`],
    [`it's "so"`, `'it\\'s "so"'`],
    ['a\\b\n\r\t', `'a\\\\b\\n\\r\\t'`],
    ['\0\x1b\x7f\x80\xa0\xad', `'\\x00\\x1b\\x7f\\x80\\xa0\\xad'`],
    ['\u200b\u2028\ufeff\ue000', `'\\u200b\\u2028\\ufeff\\ue000'`],
    ['é😀漢', `'é😀漢'`],
    // Unassigned in Unicode 14, a private use, no character at all.
    ['\u{1fae8}\u{f0000}\u{10ffff}', `'\\U0001fae8\\U000f0000\\U0010ffff'`],
    ['\ud800', `'\\ud800'`],
    [3.11, '3.11'],
    [-0.00001, '-1e-05'],
    [1.5e-300, '1.5e-300'],
    [0.0001, '0.0001'],
    [9007199254740991, '9007199254740991'],
    [true, 'True'],
    [null, 'None'],
    [[], '[]'],
    [new Map([['a', [false, null]]]), `{'a': [False, None]}`],
  ] satisfies [Value, string][])('%j as %s', (value, printed) => {
    expect(repr(value)).toBe(printed);
  });
});

function target(spec: object, inputs = {}) {
  const judged = targetOf(imageSpec({ profile: 'Flytekit', ...spec }), settings, inputs);
  if (!judged.ok) throw new Error(JSON.stringify(judged.problems));
  return { image: printReference(judged.target.image), id: judged.target.effective.flytekitId };
}

describe('an ImageSpec of profile Flytekit is named as flytekit names it', () => {
  const registry = 'ghcr.io/flyteorg';
  it.each([
    [
      { registry, packages: ['scikit-learn', 'tensorflow==2.5.0'], aptPackages: ['curl', 'wget'] },
      'ghcr.io/flyteorg/flytekit:TsWedqp9Dtnf3M4CcQYakg',
    ],
    [
      { registry, condaPackages: ['langchain'], condaChannels: ['conda-forge'] },
      'ghcr.io/flyteorg/flytekit:hvwhJ7Q3xotAQXCBL3M_hA',
    ],
    [
      { registry, packages: ['pandas'], pythonVersion: '3.9' },
      'ghcr.io/flyteorg/flytekit:c7z8XB_ZPv7MmE5JBBDvlw',
    ],
    [
      { registry, packages: ['pandas'], platforms: ['linux/arm64'] },
      'ghcr.io/flyteorg/flytekit:zuBQIOK2OFARvVxUBIiGaQ',
    ],
    [
      { registry, name: 'my-image', packages: ['pandas'], tagFormat: '{spec_hash}-dev' },
      'ghcr.io/flyteorg/my-image:MU_gQpRH7MfXg8yPFxTctQ-dev',
    ],
    [{ registry: 'GHCR.io/FlyteOrg', name: 'myimage' }, 'ghcr.io/flyteorg/myimage:RIWCS_U1ewkyQde_rBAjow'],
  ])('%j', (spec, image) => {
    expect(target(spec).image).toBe(image);
  });

  it('and the container computes the id, which keeps its -', () => {
    const spec = { registry, condaPackages: ['langchain'], condaChannels: ['conda-forge'] };
    expect(target(spec).id).toBe('hvwhJ7Q3xotAQXCBL3M-hA');
  });
});

describe('every field counts, in the order and the words of flytekit', () => {
  const everything = {
    name: 'all',
    registry: 'ghcr.io/acme',
    pythonVersion: '3.12',
    sourceRoot: 'src',
    sourceCopyMode: 'NoCopy',
    source: { files: { 'src/a.py': '' } },
    env: [
      { name: 'Z', value: '1' },
      { name: 'A', value: "it's" },
    ],
    packages: ['b', 'a'],
    aptPackages: ['wget', 'curl'],
    cuda: '12.6',
    cudnn: '9',
    baseImage: 'python:3.12',
    platforms: ['linux/arm64'],
    pipIndex: 'https://e.example.com/simple',
    pipExtraIndexUrls: ['https://f.example.com'],
    pipExtraArgs: ['--no-deps', '--pre'],
    entrypoint: [],
    commands: ['g "h"'],
    tagFormat: 'v1-{spec_hash}',
    copy: [],
    // The API server gives keys back in order, whatever the order they were written in.
    builderOptions: { b: 'x', B: { a: true }, 1: [1, 2.5, null] },
    builderConfig: { micromambaImage: 'mm:1', uvImage: 'uv:1' },
    runtimePackages: ['pip'],
  };
  it.each([
    [{ condaPackages: ['c'], condaChannels: ['d', 'conda-forge'] }, 'BbXAzD_PeRNDNZR-1O6Hbw'],
    [{ pythonExec: '/usr/bin/python3' }, 'oOmFMQWjZ2V93kzAtxLgSw'],
  ])('with %j', (more, id) => {
    const image = `ghcr.io/acme/all:v1-${id.replaceAll('-', '_')}`;
    expect(target({ ...everything, ...more })).toEqual({ image, id });
  });
});

describe('what only flytekit can say', () => {
  it.each([
    // The path of a file with logins is in the id only; an empty format is none, and counts.
    [
      { registry_config: 'a.json', tag_format: '' },
      'flytekit:ddMXMFNRGMaDnhhFXChjtA',
      'RpsWx5naxnPJ22pEwopB1w',
    ],
    [
      { python_version: 3.1, packages: [], registry: '' },
      'flytekit:3Gfuov0KCMANY4ow7mmBHA',
      '3Gfuov0KCMANY4ow7mmBHA',
    ],
  ])('%j', (given, imageName, id) => {
    expect(identityOf(given)).toMatchObject({ imageName, id });
  });
});

describe('over another ImageSpec', () => {
  const digest = `sha256:${'0'.repeat(64)}`;
  /** The ImageSpec as a base, named as the operator names its image. */
  function base(spec: object, name: string, below: Inputs['base'] = undefined): NonNullable<Inputs['base']> {
    const read = readSpec(imageSpec(spec));
    if (!read.ok) throw new Error(JSON.stringify(read.problems));
    return { spec: read.spec, name, image: `${name}@${digest}`, digest, ...(below ? { base: below } : {}) };
  }
  const over = (below: NonNullable<Inputs['base']>, spec: object) =>
    target({ baseImageSpecRef: { name: 'below' }, ...spec }, { base: below });

  const first = { profile: 'Flytekit', name: 'base', registry: 'ghcr.io/x', packages: ['numpy'] };
  const firstBase = base(first, 'ghcr.io/x/base:sfM_ZsmIct3KiMMCNQHzlw');
  const second = { name: 'final', registry: 'ghcr.io/x', packages: ['pandas'] };

  it('the tag counts the name of its image, the id what it is', () => {
    expect(over(firstBase, second)).toEqual({
      image: 'ghcr.io/x/final:VSZRdVFDJwTL_FfXnpCpQg',
      id: 'fUfEXPP9BEOSlNJCqif_0w',
    });
  });

  it('and so over a third', () => {
    const spec = { profile: 'Flytekit', baseImageSpecRef: { name: 'below' }, ...second };
    const below = base(spec, 'ghcr.io/x/final:VSZRdVFDJwTL_FfXnpCpQg', firstBase);
    expect(over(below, { name: 'third', registry: 'ghcr.io/x' })).toEqual({
      image: 'ghcr.io/x/third:VFlTvOm7HJxoR2qlXovwjw',
      id: 'WQizdKo_m98Nvgz7XKyjAw',
    });
  });

  it('on Docker Hub the name has no host', () => {
    const below = base({ ...first, registry: 'acme' }, 'docker.io/acme/base:QZkLzxZpZdhXoXQNR2uMgg');
    expect(over(below, { registry: 'acme' })).toEqual({
      image: 'docker.io/acme/flytekit:ObusLgzdvzC79Bardx57Zw',
      id: 'LdQlVbQTgMtkmaH955AOOA',
    });
  });

  it('that builds nothing, the tag counts the base as it is written there', () => {
    const noop = { profile: 'Flytekit', registry: 'ghcr.io/x', baseImage: 'python:3.12', builder: 'noop' };
    expect(over(base(noop, 'docker.io/library/python:3.12'), { registry: 'ghcr.io/x' })).toEqual({
      image: 'ghcr.io/x/flytekit:t66kTW0BLGnHsgdUtZB31w',
      id: 'gF5fxbBVNRA_qKZp5T6rOg',
    });
  });

  it('of profile Generic, which flytekit only knows as an image, both count its name', () => {
    const name = 'ghcr.io/acme/tools:abc';
    const { image, id } = over(base({}, name), {});
    expect({ image, id }).toEqual(target({ baseImage: name }));
  });
});

it("a source without the digests that flytekit counts is nobody's fault but ours", () => {
  const source = { digest: '0'.repeat(64), copied: true };
  const spec = { source: { files: { a: '' } }, copy: ['a'] };
  expect(() => target(spec, { source })).toThrow('resolved without the digests');
});
