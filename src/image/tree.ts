/**
 * The files of a source, wherever they come from, and where a path in them leads.
 *
 * Pure: content is asked for when it is needed, from whoever made the tree.
 */

/** Most of what one source may hold: beyond it nobody means a source of files. */
export const LIMITS = { files: 100_000, bytes: 1024 * 1024 * 1024 } as const;

export interface FileEntry {
  readonly kind: 'file';
  readonly path: string;
  /** All of a file's mode that counts. */
  readonly executable: boolean;
  /** Bytes. */
  readonly size: number;
  /** The content, in pieces, from its beginning each time. */
  content(): Iterable<Uint8Array>;
}

export interface LinkEntry {
  readonly kind: 'link';
  readonly path: string;
  readonly target: string;
}

/** What no image can be given: a device, a submodule. It only matters to whoever wants it. */
export interface OtherEntry {
  readonly kind: 'other';
  readonly path: string;
  /** What it is, as in "a submodule, which is not fetched". */
  readonly what: string;
}

export type Entry = FileEntry | LinkEntry | OtherEntry;

/** Files and links by path; folders are there by what lies in them. */
export interface Tree {
  readonly entries: ReadonlyMap<string, Entry>;
  /** Every folder; the top is ''. */
  readonly folders: ReadonlySet<string>;
}

/** What a path leads to, links followed. */
export type Place =
  | { readonly kind: 'file'; readonly file: FileEntry }
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'other'; readonly what: string }
  /** No such path, or a link that leads out of the tree or round in a circle. */
  | { readonly kind: 'nothing' };

/** A tree of these entries; of two with the same path the later counts. What no disk can hold becomes `other`. */
export function treeOf(list: Iterable<Entry>): Tree {
  const entries = new Map<string, Entry>();
  const folders = new Set(['']);
  for (const entry of list) {
    const wrong = wrongName(entry.path) ?? (entry.kind === 'link' ? wrongTarget(entry.target) : undefined);
    entries.set(entry.path, wrong ? { kind: 'other', path: entry.path, what: wrong } : entry);
    for (let folder = parentOf(entry.path); !folders.has(folder); folder = parentOf(folder))
      folders.add(folder);
  }
  return { entries, folders };
}

/** A tree of files that are at hand, by path. */
export function treeOfFiles(files: Readonly<Record<string, string | Uint8Array>>): Tree {
  return treeOf(
    Object.entries(files).map(([path, content]) => {
      const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
      return { kind: 'file', path, executable: false, size: bytes.length, content: () => [bytes] };
    }),
  );
}

/** The folder a path lies in; '' at the top. */
export const parentOf = (path: string) => path.slice(0, Math.max(0, path.lastIndexOf('/')));

/** A path that is a file and also a folder of another, if there is one: no disk holds both. */
export function conflictIn(paths: Iterable<string>): string | undefined {
  const all = new Set(paths);
  for (const path of all) {
    for (let folder = parentOf(path); folder !== ''; folder = parentOf(folder)) {
      if (all.has(folder)) return folder;
    }
  }
  return undefined;
}

/** Bytes of a link's target that Linux could follow. */
export const MOST_TARGET = 4095;

/** As many links as Linux follows on the way to one file. */
const MOST_LINKS = 40;

/**
 * Where a relative path leads, as the kernel would go: link by link, `..` after what came before it.
 *
 * @param from folder the path starts in
 */
export function placeOf(tree: Tree, path: string, from = ''): Place {
  const rest = path.split('/').reverse();
  let at = from;
  for (let links = 0; rest.length > 0; ) {
    const part = rest.pop() as string;
    if (part === '' || part === '.') continue;
    if (part === '..') {
      if (at === '') return { kind: 'nothing' };
      at = parentOf(at);
      continue;
    }
    const next = at === '' ? part : `${at}/${part}`;
    const entry = tree.entries.get(next);
    if (entry === undefined) {
      if (!tree.folders.has(next)) return { kind: 'nothing' };
      at = next;
    } else if (entry.kind === 'link') {
      links += 1;
      if (links > MOST_LINKS || entry.target.startsWith('/')) return { kind: 'nothing' };
      rest.push(...entry.target.split('/').reverse());
    } else if (rest.length > 0) {
      return { kind: 'nothing' };
    } else {
      return entry.kind === 'file' ? { kind: 'file', file: entry } : { kind: 'other', what: entry.what };
    }
  }
  return { kind: 'folder', path: at };
}

/** The whole content of a file. */
export function bytesOf(file: FileEntry): Uint8Array {
  const whole = new Uint8Array(file.size);
  let at = 0;
  for (const piece of file.content()) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole.subarray(0, at);
}

/** What a path is called in a message: foreign names may hold anything. */
export function spoken(path: string): string {
  const flat = path.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
  return flat.length > 200 ? `${flat.slice(0, 200)}…` : flat;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const UNPRINTABLE = /[\x00-\x1f\x7f\\\ufffd]/;

function wrongName(path: string): string | undefined {
  if (path.split('/').some((part) => part === '' || part === '.' || part === '..'))
    return 'a file whose path holds an empty part, . or ..';
  if (path.split('/').some((part) => part.startsWith('.wh.')))
    return 'a file whose path holds a name with .wh. before it, by which images say that something is gone';
  if (UNPRINTABLE.test(path) || !path.isWellFormed())
    return 'a file whose name holds control characters, \\ or what is not UTF-8';
  const bytes = (text: string) => new TextEncoder().encode(text).length;
  if (bytes(path) > 2048 || path.split('/').some((part) => bytes(part) > 255))
    return 'a file whose name is longer than 255 bytes';
  return undefined;
}

function wrongTarget(target: string): string | undefined {
  const bytes = new TextEncoder().encode(target).length;
  return bytes === 0 || bytes > MOST_TARGET ? 'a link to nothing that can be named' : undefined;
}
