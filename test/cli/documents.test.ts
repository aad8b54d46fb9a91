import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readDocuments } from '../../src/cli/documents.ts';
import { pathOf } from '../../src/cli/findings.ts';
import { disputedIn, yamlText } from '../../src/cli/yaml-text.ts';

const read = (text: string) => readDocuments({ file: 'a.yaml', text });
const parsed = (text: string) => read(text).documents[0]?.value;

describe('scalars are what the API server would get from kubectl', () => {
  it.each([
    ['a: yes', { a: true }],
    ['a: on', { a: true }],
    ['a: "on"', { a: 'on' }],
    ['a: 3.10', { a: 3.1 }],
    ['a: 1000:30', { a: '1000:30' }],
    ['a: 2026-01-02', { a: '2026-01-02' }],
    ['a: 0755', { a: 493 }],
    ['a: ~', { a: null }],
    ['a: &x [1]\nb: *x', { a: [1], b: [1] }],
    ['a: {<<: {b: 1}, c: 2}', { a: { b: 1, c: 2 } }],
  ])('%j', (text, value) => {
    expect(parsed(text)).toEqual(value);
  });
});

it('a scalar is known as it was written', () => {
  const [document] = read('version: 3.10').documents;
  expect(document?.writtenAt(['version'])).toBe('3.10');
  expect(document?.writtenAt(['nothing'])).toBeUndefined();
});

it('every field has its line, a missing one that of what it is missing in', () => {
  const [, document] = read(
    'a: 1\n---\n# words\nspec:\n  packages:\n    - a\n    - b\n  env: [{name: A,\n    value: x}]\n',
  ).documents;
  const lines = ['spec', 'spec.packages', 'spec.packages[1]', 'spec.env[0].value', 'spec.nothing', 'nothing'];
  expect(lines.map((field) => document?.lineOf(pathOf(field)))).toEqual([4, 5, 7, 9, 4, 4]);
});

describe('a mistake of the YAML has its line', () => {
  it.each([
    ['a: 1\nb: [1', 2, 'flow'],
    ['a: 1\na: 2', 2, 'unique'],
    ['a: 1\n---\nb: "x', 3, 'quote'],
    ['a: *nobody', 1, 'alias'],
    [
      'a: 1\nb: x\u2028y',
      2,
      'readers of YAML do not agree on U\\+2028: write it as \\\\u2028 in double quotes',
    ],
    ['a: "\u007f"', 1, 'do not agree on U\\+007F'],
  ])('%j', (text, line, words) => {
    expect(read(text).problems).toContainEqual({
      line,
      message: expect.stringMatching(new RegExp(words, 'i')),
    });
  });

  it('and aliases that unfold without end are one', () => {
    const layers = Array.from(
      { length: 9 },
      (_, n) => `l${n + 1}: &l${n + 1} [${`*l${n}, `.repeat(9)}*l${n}]`,
    );
    const { documents, problems } = read(`l0: &l0 [a]\n${layers.join('\n')}`);
    expect(documents).toEqual([]);
    expect(problems).toEqual([{ line: 1, message: expect.stringContaining('alias') }]);
  });
});

it('what is written is read as it was, whatever it holds, and has nothing in it that readers do not agree on', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), { noNullPrototype: true }),
      (value) => {
        const text = yamlText(new Map(Object.entries(value)));
        expect(disputedIn(text)).toBeUndefined();
        const [document] = read(text).documents;
        expect(document?.ordered()).toEqual(new Map(Object.entries(value)));
      },
    ),
  );
});
