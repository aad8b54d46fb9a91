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
    ['a: {1: b, "y": c}', { a: { 1: 'b', y: 'c' } }],
    ['a: {<<: {b: 1}, c: 2}', { a: { b: 1, c: 2 } }],
    ['a: [., -., ._, e3, +E1]', { a: ['.', '-.', '._', 'e3', '+E1'] }],
    ['a: [.5, 1., 1e3, -.5e1]', { a: [0.5, 1, 1000, -5] }],
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
    ['a: 1\nb: [1', 2, 'the list that begins here with \\[ has no end'],
    ['a: 1\nb: [x>=2 # words]\n\nc: 1', 2, 'after a space, # begins a comment'],
    ['a: 1\nb: {c: 1\nd: 1', 2, 'the mapping that begins here with { has no end'],
    ['a: 1\na: 2', 2, 'written twice'],
    ['a:\n  b: 1\n c: 1', 3, 'indent it as the fields beside it'],
    ['a:\n  b:\n\t- c', 3, 'indent with spaces'],
    ['a: b: c', 1, 'in quotes: it holds a colon'],
    ['a: [b[c], d]', 1, 'quotes around one that holds \\['],
    ['a:1\nb: 2', 1, 'the space after the colon'],
    ['a:\n  N: 1', 2, 'write a name: N is read as false; put it in quotes'],
    ['a: {1.0: x}', 1, '1.0 is read as 1'],
    ['~: x', 1, '~ is read as null'],
    ['a: {{ x }}', 1, 'a list or mapping stands here'],
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

  it('and what follows from it is not told', () => {
    expect(read('a:\n  b:\n\t- c\n\t- d\ne: f').problems).toHaveLength(1);
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
