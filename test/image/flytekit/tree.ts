/** Trees of files for comparing flytekit's digests with ours. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { conflictIn, type Entry, type Tree, treeOf } from '../../../src/image/tree.ts';

export type Files = Readonly<Record<string, string>>;

const PART = fc.oneof(
  fc.constantFrom(
    'a',
    'b',
    'a.txt',
    'ab',
    'B',
    'é',
    '😀',
    '\uffee',
    'm.pyc',
    '__pycache__',
    '.cache',
    '.git',
    'a b',
  ),
  fc.stringMatching(/^[a-c.-]{1,3}$/).filter((part) => part !== '.' && part !== '..'),
);
// A file .git belongs to a submodule, whose files nobody fetches.
const PATH = fc
  .array(PART, { minLength: 1, maxLength: 4 })
  .filter((parts) => parts.at(-1) !== '.git')
  .map((parts) => parts.join('/'));
const CONTENT = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.constantFrom('', '\n pandas \n\n', '\v\f\t# x\x1c '),
);

export const someFiles: fc.Arbitrary<Files> = fc
  .dictionary(PATH, CONTENT, { minKeys: 1, maxKeys: 8 })
  .filter((files) => conflictIn(Object.keys(files)) === undefined);

/** The same as a tree. `links` lead from their path to another. */
export function treeFrom(files: Files, links: Files = {}): Tree {
  const entries = Object.entries(files).map(([path, text]): Entry => {
    const bytes = new TextEncoder().encode(text);
    return { kind: 'file', path, executable: false, size: bytes.length, content: () => [bytes] };
  });
  const linked = Object.entries(links).map(([path, target]): Entry => ({ kind: 'link', path, target }));
  return treeOf([...entries, ...linked]);
}

/** The same below a folder of the disk. */
export function layOut(folder: string, files: Files, links: Files = {}): void {
  for (const path of [...Object.keys(files), ...Object.keys(links)]) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
  }
  for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), text);
  for (const [path, target] of Object.entries(links)) symlinkSync(target, join(folder, path));
}
