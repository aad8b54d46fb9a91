/** flytekit's digests of files, against answers that the real flytekit gave. */
import { expect, it } from 'vitest';
import { flytekitDigests } from '../../../src/image/flytekit/content.ts';
import { resolveFiles, select } from '../../../src/image/selection.ts';
import { treeFrom } from './tree.ts';

const FILES = {
  'requirements.txt': '\n pandas==2.2.3\n# a comment\n\n',
  'app/main.py': 'print(1)\n',
  'app/b/two.py': '2',
  'app/a.txt': 'a',
  'app/__pycache__/main.pyc': 'compiled',
  'uffee/\uffee': 'x',
  'uffee/😀': 'y',
};
const digests = (selection: object) =>
  flytekitDigests(treeFrom(FILES), { copy: [], copyAll: false, ...selection });

it.each([
  [{ requirements: 'requirements.txt' }, { requirements: 'c950ee20b9826159b288f844c814c6659bc24fbe' }],
  [{ copy: ['app/a.txt'] }, { copy: '59f2d2d7cc0b902aebfb88c118c3b7f9' }],
  [{ copy: ['app', 'uffee/'] }, { copy: '191700cd57f3868f42d44add437fffa7' }],
  [{ copyAll: true, sourceRoot: 'app' }, { sourceRoot: 'cd5255693280820e80ce44299c610ee0' }],
  [{ copyAll: true, sourceRoot: '.' }, { sourceRoot: '51407e0e8c630c0ca46de27281c36c5f' }],
])('%j', (selection, answer) => {
  expect(digests(selection)).toEqual(answer);
});

it('white space around the requirements is what Python takes off bytes', () => {
  const digest = (text: string) =>
    flytekitDigests(treeFrom({ r: text }), { copy: [], copyAll: false, requirements: 'r' });
  expect(digest('\t\n\v\f\r a b \r\n')).toEqual(digest('a b'));
  expect(digest(' \r\n')).toEqual(digest(''));
  for (const other of ['\x08', '\x0e', '\x1c', '\xa0']) expect(digest(`a${other}`)).not.toEqual(digest('a'));
});

it('enters the source only where the profile asks for it', () => {
  const selection = { requirements: 'requirements.txt', copy: [], copyAll: false };
  const flytekit = (more: object) => {
    const resolved = resolveFiles(FILES, { ...selection, ...more });
    return resolved.ok ? resolved.source.flytekit : resolved.problems;
  };
  expect(flytekit({})).toBeUndefined();
  expect(flytekit({ flytekit: true })).toEqual(digests(selection));
});

it('compiled Python is neither counted nor copied from a source root', () => {
  const selected = select(treeFrom(FILES), { copy: [], copyAll: true, sourceRoot: 'app', flytekit: true });
  const copied = selected.ok ? selected.selected.copies.map(({ destination }) => destination) : [];
  expect(copied).toEqual(['a.txt', 'b/two.py', 'main.py']);
});

it('a source root with patterns that nothing here reads is refused', () => {
  const files = { ...FILES, 'app/.dockerignore': '*.txt' };
  const problems = (sourceRoot: string, flytekit?: true) => {
    const selected = select(treeFrom(files), { copy: [], copyAll: true, sourceRoot, flytekit });
    return selected.ok ? [] : selected.problems;
  };
  expect(problems('app', true)).toMatchObject([
    { field: 'spec.sourceRoot', message: expect.stringContaining('flytekit leaves out what .dockerignore') },
  ]);
  expect(problems('.', true)).toEqual([]);
  expect(problems('app')).toEqual([]);
});
