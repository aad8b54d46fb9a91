/**
 * The files spec.requirements stands for: the one it names, and all that one refers to.
 *
 * Pure. What would need the code beside it, or may change while the file stays the same, is refused with what to
 * write instead: packages are installed before any file is copied, and equal content must mean equal images.
 */
import { type RequirementsKind, requirementsKind } from './inputs.ts';
import { checkLock } from './lock-files.ts';
import { localPackage, pep503 } from './requirement.ts';
import { bytesOf, type FileEntry, parentOf, placeOf, spoken, type Tree } from './tree.ts';

/** All of them together; lock files of large projects come to a few MiB. */
const MOST_BYTES = 8 * 1024 * 1024;
const MOST_FILES = 64;
const MOST_MESSAGES = 10;

export interface Requirements {
  readonly kind: RequirementsKind;
  readonly main: string;
  readonly files: ReadonlyMap<string, FileEntry>;
  readonly namesFlytekit: boolean;
}

export type ReadRequirements =
  | { readonly ok: true; readonly requirements: Requirements }
  | { readonly ok: false; readonly messages: readonly string[] };

export const unknownKind = (path: string) =>
  `${path}: its name does not say what it is; name it requirements*.txt, uv.lock, poetry.lock, pylock.toml or pyproject.toml`;

/** Reads the requirements at `path`. */
export function readRequirements(tree: Tree, path: string): ReadRequirements {
  const kind = requirementsKind(path);
  if (kind === undefined) return { ok: false, messages: [unknownKind(path)] };
  const files = new Files(tree);
  const named = kind === 'requirements.txt' ? readText(files, path) : readToml(files, path, kind);
  if (files.messages.length > 0) return { ok: false, messages: files.messages.slice(0, MOST_MESSAGES) };
  return {
    ok: true,
    requirements: { kind, main: path, files: files.read, namesFlytekit: named.has('flytekit') },
  };
}

/** What was read so far, within the bounds, and what was wrong with it. */
class Files {
  readonly read = new Map<string, FileEntry>();
  readonly messages: string[] = [];
  readonly #tree: Tree;
  #bytes = 0;

  constructor(tree: Tree) {
    this.#tree = tree;
  }

  has(path: string): boolean {
    return placeOf(this.#tree, path).kind === 'file';
  }

  /** The text of a file; undefined with a message. @param why as in ", which requirements.txt line 3 names" */
  text(path: string, why = ''): string | undefined {
    const place = placeOf(this.#tree, path);
    if (place.kind !== 'file') return this.#no(`${absence(place.kind, path)}${why}`);
    if (this.read.size >= MOST_FILES) return this.#no(`at most ${MOST_FILES} files of requirements are read`);
    this.#bytes += place.file.size;
    if (this.#bytes > MOST_BYTES)
      return this.#no(`${path}: all files of requirements together may have ${MOST_BYTES / 1024 ** 2} MiB`);
    this.read.set(path, place.file);
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytesOf(place.file));
    } catch {
      return this.#no(`${path} is not UTF-8 text; save it as UTF-8 (> of PowerShell writes UTF-16)`);
    }
  }

  #no(message: string): undefined {
    this.messages.push(message);
  }
}

function absence(kind: 'folder' | 'other' | 'nothing', path: string): string {
  if (kind === 'nothing') return `the source has no ${path}`;
  return kind === 'folder' ? `${path} is a folder; name the file in it` : `${path} cannot be read as a file`;
}

/** pip's format, with the files behind -r and -c; gives the names of the packages. */
function readText(files: Files, main: string): Set<string> {
  const names = new Set<string>();
  const waiting: { path: string; why?: string }[] = [{ path: main }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (files.read.has(next.path)) continue;
    const text = files.text(next.path, next.why);
    for (const { number, line } of linesOf(text ?? '')) {
      const at = `${next.path} line ${number}`;
      const found = readLine(line, next.path);
      if (found.kind === 'wrong') files.messages.push(`${at}: ${found.message}`);
      if (found.kind === 'include') waiting.push({ path: found.path, why: `, which ${at} names` });
      if (found.kind === 'package') names.add(found.name);
      if (files.messages.length >= MOST_MESSAGES) return names;
    }
  }
  return names;
}

type Line =
  | { readonly kind: 'include'; readonly path: string }
  | { readonly kind: 'package'; readonly name: string }
  | { readonly kind: 'wrong'; readonly message: string }
  /** What is the installer's business alone. */
  | { readonly kind: 'option' };

// Files may be large and hostile: no pattern here looks at a character more than a few times.
const INCLUDE = /^(?:-[rc]\s*=?|--(?:requirement|constraint)(?:\s*=|\s))\s*(.*)$/s;
const EDITABLE = /^(?:-e\s*=?|--editable(?:\s*=|\s))\s*(.*)$/s;
const FIND_LINKS = /^(?:-f\s*=?|--find-links(?:\s*=|\s))\s*(.*)$/s;

function readLine(line: string, file: string): Line {
  const included = INCLUDE.exec(line)?.[1];
  if (included !== undefined) return include(unquoted(included), file);
  const editable = EDITABLE.exec(line)?.[1];
  if (editable !== undefined && !/^[a-z]+\+[a-z]+:\/\//.test(unquoted(editable))) {
    return wrong(
      `${spoken(line)} installs a folder, and there are none yet; take it out and name the code in spec.copy`,
    );
  }
  const folder = FIND_LINKS.exec(line)?.[1];
  if (folder !== undefined && !/^https?:\/\//.test(unquoted(folder)))
    return wrong(
      `${spoken(line)} names a folder, and there are none yet; write the URL of a page with the files`,
    );
  if (line.startsWith('-')) return { kind: 'option' };

  const requirement = (line.split(/\s--?[a-z]/)[0] as string).trimEnd();
  if (localPackage(requirement)) {
    return wrong(
      `${spoken(requirement)} is a package in a folder, and there are none yet; write name==version, name @ https://… or name @ git+https://…`,
    );
  }
  const name = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?/.exec(requirement)?.[0];
  return name === undefined ? { kind: 'option' } : { kind: 'package', name: pep503(name) };
}

function include(written: string, file: string): Line {
  if (/^[a-z][a-z0-9+.-]*:/i.test(written))
    return wrong(
      `${spoken(written)} is not a file of the source; put its content into one, as what stands behind a URL may change`,
    );
  const path = joined(parentOf(file), written);
  if (written === '' || /[\s"'$\\]/.test(written))
    return wrong(
      `${spoken(written) || 'nothing'} is not a path that can be read; write one file a line, without spaces, quotes and $`,
    );
  if (path === undefined) return wrong(`${spoken(written)} is outside the source; name a file of the source`);
  return { kind: 'include', path };
}

/** A path relative to `folder`, without `.` and `..`; undefined outside the top. */
function joined(folder: string, path: string): string | undefined {
  if (path.startsWith('/')) return undefined;
  const parts = folder === '' ? [] : folder.split('/');
  for (const part of path.split('/')) {
    if (part === '..' && parts.pop() === undefined) return undefined;
    if (part !== '' && part !== '.' && part !== '..') parts.push(part);
  }
  return parts.join('/');
}

const unquoted = (text: string) => /^(["'])(.*)\1$/.exec(text.trim())?.[2] ?? text.trim();
const wrong = (message: string): Line => ({ kind: 'wrong', message });

/** Lines as pip joins them: a backslash at the end continues one, ` #` begins a comment. */
function* linesOf(text: string): Generator<{ number: number; line: string }> {
  let begun = '';
  let first = 0;
  for (const [index, raw] of text
    .replace(/^\ufeff/, '')
    .split(/\r\n|[\r\n]/)
    .entries()) {
    if (begun === '') first = index + 1;
    const comment = /^\s*#/.test(raw);
    if (raw.endsWith('\\') && !comment) {
      begun += `${raw.slice(0, -1)} `;
      continue;
    }
    const line = (comment && begun !== '' ? begun : begun + raw).replace(/(^|\s)#.*$/s, '').trim();
    begun = '';
    if (line !== '') yield { number: first, line };
  }
  if (begun.trim() !== '') yield { number: first, line: begun.trim() };
}

/** A lock file or pyproject.toml; the tools that read locks want the project beside it. */
function readToml(
  files: Files,
  path: string,
  kind: Exclude<RequirementsKind, 'requirements.txt'>,
): Set<string> {
  const text = files.text(path);
  const folder = parentOf(path);
  const beside = (name: string) => (folder === '' ? name : `${folder}/${name}`);
  if (kind === 'uv.lock' || kind === 'poetry.lock')
    files.text(beside('pyproject.toml'), `, which ${kind} needs beside it`);
  if (kind === 'uv.lock' && files.has(beside('uv.toml'))) files.text(beside('uv.toml'));
  if (text === undefined) return new Set();
  const { names, messages } = checkLock(text, kind);
  files.messages.push(...messages.map((message) => `${path}: ${message}`));
  return new Set(names);
}
