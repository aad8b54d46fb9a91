/** Trees made of text, for tests of what is chosen from them. */
import { type Entry, type Tree, treeOf } from '../../src/image/tree.ts';

/** A plain file. */
export const file = (path: string, text = path, executable = false): Entry => {
  const bytes = new TextEncoder().encode(text);
  return { kind: 'file', path, executable, size: bytes.length, content: () => [bytes] };
};

export const link = (path: string, target: string): Entry => ({ kind: 'link', path, target });

/** A tree of files by path, and of further entries. */
export function tree(files: Readonly<Record<string, string>>, ...more: Entry[]): Tree {
  return treeOf([...Object.entries(files).map(([path, text]) => file(path, text)), ...more]);
}
