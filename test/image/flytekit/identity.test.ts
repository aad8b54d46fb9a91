/** The identity of images under profile Flytekit, against answers that the real flytekit gave. */
import { describe, expect, it } from 'vitest';
import { asDict } from '../../../src/image/flytekit/parameters.ts';
import { repr, type Value } from '../../../src/image/flytekit/python.ts';
import { printReference } from '../../../src/image/reference.ts';
import { targetOf } from '../../../src/image/target.ts';
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
