/**
 * What flytekit's tag counts of files: its own digests of the requirements, of `copy` and of `source_root`.
 *
 * The rules are those of flytekit 1.16.31, for a Python program that runs at the top of the source: names are joined
 * without a separator, modes do not count, links count as the file they lead to. flytekit takes folders in the order
 * in which the disk lists them; here they are sorted.
 */
import { createHash, type Hash } from 'node:crypto';
import type { FlytekitDigests, Selection } from '../inputs.ts';
import { bytesOf, type FileEntry, placeOf, type Tree } from '../tree.ts';
import { byCodePoint } from './python.ts';

/** @param selection whose files the tree holds */
export function flytekitDigests(tree: Tree, selection: Selection): FlytekitDigests {
  const { requirements, copy, copyAll, sourceRoot } = selection;
  const main = requirements === undefined ? undefined : placeOf(tree, requirements);
  return {
    ...(main?.kind === 'file' ? { requirements: strippedDigest(main.file) } : {}),
    ...(copy.length > 0 ? { copy: copyDigest(tree, copy) } : {}),
    ...(copyAll && sourceRoot !== undefined ? { sourceRoot: rootDigest(tree, sourceRoot) } : {}),
  };
}

/**
 * What flytekit leaves out of a source root: compiled Python, and a cache at the top of where it runs.
 *
 * @param path from the top of the source on, or from the source root where that is the top
 */
export function isIgnored(path: string): boolean {
  return path.endsWith('.pyc') || /^\.cache(\/|$)|(^|\/)__pycache__\//.test(path);
}

/** sha1 of the content without the white space around it. */
function strippedDigest(file: FileEntry): string {
  const bytes = bytesOf(file);
  const isText = (byte: number) => byte !== 32 && (byte < 9 || byte > 13);
  const from = bytes.findIndex(isText);
  const text = from < 0 ? bytes.subarray(0, 0) : bytes.subarray(from, bytes.findLastIndex(isText) + 1);
  return createHash('sha1').update(text).digest('hex');
}

/** md5 over the files and folders in the order in which they are named; the name of a folder itself does not count. */
function copyDigest(tree: Tree, copy: readonly string[]): string {
  const hash = createHash('md5');
  for (const path of copy) {
    const place = placeOf(tree, path);
    if (place.kind === 'file') count(hash, place.file, path.slice(path.lastIndexOf('/') + 1));
    if (place.kind !== 'folder') continue;
    const files = filesBelow(tree, place.path).sort(([a], [b]) => inWalkOrder(a, b));
    for (const [below, file] of files) count(hash, file, below);
  }
  return hash.digest('hex');
}

/** md5 over all files below a folder, sorted by their paths. */
function rootDigest(tree: Tree, sourceRoot: string): string {
  const hash = createHash('md5');
  const place = placeOf(tree, sourceRoot);
  const files = place.kind === 'folder' ? filesBelow(tree, place.path) : [];
  for (const [below, file] of files.sort(([a], [b]) => byCodePoint(a, b))) {
    if (!isIgnored(`${sourceRoot.replace(/\/$/, '')}/${below}`)) count(hash, file, below);
  }
  return hash.digest('hex');
}

function count(hash: Hash, file: FileEntry, name: string): void {
  for (const piece of file.content()) hash.update(piece);
  hash.update(name.replaceAll('/', ''), 'utf8');
}

/** Files, and links to files, by their path below a folder; nothing of git's own. */
function filesBelow(tree: Tree, folder: string): [string, FileEntry][] {
  const cut = folder === '' ? 0 : folder.length + 1;
  const files: [string, FileEntry][] = [];
  for (const path of tree.entries.keys()) {
    if (!path.startsWith(folder === '' ? '' : `${folder}/`) || path.split('/').includes('.git')) continue;
    const place = placeOf(tree, path);
    if (place.kind === 'file') files.push([path.slice(cut), place.file]);
  }
  return files;
}

/** As `os.walk` gives them: the files of a folder first, then what lies in its folders, one after the other. */
function inWalkOrder(a: string, b: string): number {
  const left = a.split('/');
  const right = b.split('/');
  const depth = left.findIndex((part, index) => part !== right[index]);
  const isFile = (parts: readonly string[]) => depth === parts.length - 1;
  if (isFile(left) !== isFile(right)) return isFile(left) ? -1 : 1;
  return byCodePoint(left[depth] ?? '', right[depth] ?? '');
}
