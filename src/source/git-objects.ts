/** The files of a commit, read from git's objects: nothing is checked out. */
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Entry, LIMITS, MOST_TARGET, type Tree, treeOf } from '../image/tree.ts';
import { fileOnDisk } from './disk.ts';
import { SourceFailure } from './fetched.ts';
import { type Bounds, type GitOptions, type GitResult, git } from './git-command.ts';

/** One line of `git ls-tree`. */
interface Listed {
  readonly mode: string;
  readonly object: string;
  readonly size: number;
  readonly path: string;
}

const LIST_BOUNDS: Bounds = { timeoutMs: 60_000, mostOutput: 32 * 1024 * 1024 };
const LFS_POINTER = 'version https://git-lfs.github.com/spec/';
const MOST_LFS_POINTER = 1024;

/** @param folder gets the content of the files, by the hash of the content */
export async function treeOfCommit(options: GitOptions, commit: string, folder: string): Promise<Tree> {
  const listing = await git(options, ['ls-tree', '-r', '-z', '-l', '--full-tree', commit], LIST_BOUNDS);
  // Trees may hold one tree many times over, level by level.
  if (listing.stopped === 'output') throw tooMuch();
  if (listing.code !== 0) throw unreadable(listing);
  const listed = lines(listing.stdout);
  const blobs = new Map(listed.filter(({ mode }) => mode !== SUBMODULE).map((one) => [one.object, one.size]));
  const bytes = [...blobs.values()].reduce((sum, size) => sum + size, 0);
  if (listed.length > LIMITS.files || bytes > LIMITS.bytes) throw tooMuch();
  mkdirSync(folder, { recursive: true });
  await readBlobs(options, blobs, folder);
  return treeOf(listed.map((one) => entryOf(one, join(folder, one.object))));
}

const SUBMODULE = '160000';
const LINK = '120000';

function entryOf({ mode, path, size }: Listed, file: string): Entry {
  if (mode === SUBMODULE) return { kind: 'other', path, what: 'a submodule, which is not fetched' };
  if (mode === LINK) {
    if (size > MOST_TARGET) return { kind: 'other', path, what: 'a link to nothing that can be named' };
    return { kind: 'link', path, target: readFileSync(file, 'utf8') };
  }
  if (size < MOST_LFS_POINTER && readFileSync(file, 'utf8').startsWith(LFS_POINTER))
    return { kind: 'other', path, what: 'kept in Git LFS, which is not fetched' };
  return fileOnDisk(file, path, size, mode === '100755');
}

/** `<mode> <type> <object> <size>\t<path>`, each ended by NUL; a submodule's size is `-`. */
function lines(output: Buffer): Listed[] {
  return output
    .toString()
    .split('\0')
    .filter((line) => line !== '')
    .map((line) => {
      const tab = line.indexOf('\t');
      const [mode = '', , object = '', size = ''] = line.slice(0, tab).split(/ +/);
      return { mode, object, size: size === '-' ? 0 : Number(size), path: line.slice(tab + 1) };
    });
}

/** Writes each blob into a file of its name. */
async function readBlobs(
  options: GitOptions,
  blobs: ReadonlyMap<string, number>,
  folder: string,
): Promise<void> {
  const reader = new BatchReader(folder);
  const input = [...blobs.keys()].map((object) => `${object}\n`).join('');
  const bounds = { timeoutMs: 300_000, mostOutput: LIMITS.bytes + blobs.size * 128 };
  try {
    const result = await git(options, ['cat-file', '--batch'], bounds, input, (piece) => reader.take(piece));
    if (result.code !== 0 || reader.blobs !== blobs.size) throw unreadable(result);
  } finally {
    reader.close();
  }
}

const NEWLINE = 0x0a;

/**
 * Reads what `git cat-file --batch` writes: `<object> blob <size>\n`, the content, `\n`.
 *
 * @throws SourceFailure at anything else, such as a missing object
 */
class BatchReader {
  /** Completed ones. */
  blobs = 0;
  readonly #folder: string;
  #header: Buffer = Buffer.alloc(0);
  #descriptor: number | undefined;
  /** Bytes of content still to come, the newline behind it included. */
  #left = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  take(piece: Buffer): void {
    let rest = piece;
    while (rest.length > 0)
      rest = this.#descriptor === undefined ? this.#readHeader(rest) : this.#readContent(rest);
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #readHeader(piece: Buffer): Buffer {
    const end = piece.indexOf(NEWLINE);
    this.#header = Buffer.concat([this.#header, end < 0 ? piece : piece.subarray(0, end)]);
    if (this.#header.length > 256) throw invalid('a file of the commit cannot be read');
    if (end < 0) return Buffer.alloc(0);
    const found = /^([0-9a-f]{40,64}) blob ([0-9]+)$/.exec(this.#header.toString());
    if (!found) throw invalid('a file of the commit cannot be read');
    this.#header = Buffer.alloc(0);
    this.#left = Number(found[2]) + 1;
    this.#descriptor = openSync(join(this.#folder, found[1] as string), 'w');
    return piece.subarray(end + 1);
  }

  #readContent(piece: Buffer): Buffer {
    const part = piece.subarray(0, this.#left);
    const isLast = part.length === this.#left;
    const content = isLast ? part.subarray(0, -1) : part;
    if (content.length > 0) writeFileSync(this.#descriptor as number, content);
    this.#left -= part.length;
    if (isLast) {
      this.close();
      this.blobs += 1;
    }
    return piece.subarray(part.length);
  }
}

function unreadable({ stopped }: GitResult): SourceFailure {
  if (stopped === 'time') {
    const message = 'its files could not be read in time';
    return new SourceFailure('unavailable', { field: 'spec.source.git', message });
  }
  return invalid('what it names is no commit whose files can be read');
}

const tooMuch = () =>
  invalid(`the commit holds more than ${LIMITS.files} files or ${LIMITS.bytes / 1024 ** 3} GiB`);

const invalid = (message: string) => new SourceFailure('invalid', { field: 'spec.source.git', message });
