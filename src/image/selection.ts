/**
 * What a spec uses of its source: the files to copy, the requirements with all they refer to, and their digest.
 *
 * Pure, so that the operator (inline files), a look Job and the build pod come to the same digest for the
 * same content, whatever kind of source it came from.
 */
import { createHash } from 'node:crypto';
import type { Problem } from './effective.ts';
import { flytekitDigests, isIgnored } from './flytekit/content.ts';
import type { ResolvedSource, Selection } from './inputs.ts';
import { type Requirements, readRequirements } from './requirement-files.ts';
import {
  conflictIn,
  type Entry,
  type FileEntry,
  LIMITS,
  type LinkEntry,
  placeOf,
  spoken,
  type Tree,
  treeOf,
  treeOfFiles,
} from './tree.ts';

/** One file or link of the source, and where below workdir it goes. */
export interface Copy {
  readonly destination: string;
  readonly entry: FileEntry | LinkEntry;
}

export interface Selected {
  readonly source: ResolvedSource;
  /** Sorted by destination. */
  readonly copies: readonly Copy[];
  /** By their path in the source; links are followed. */
  readonly requirements: ReadonlyMap<string, FileEntry>;
}

export type Selecting =
  | { readonly ok: true; readonly selected: Selected }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Chooses from a tree, or says everything of the selection that cannot be had. */
export function select(tree: Tree, selection: Selection): Selecting {
  const problems: Problem[] = [];
  const copies = copiesOf(tree, selection, problems);
  const requirements = requirementsOf(tree, selection, problems);
  if (problems.length > 0) return { ok: false, problems };

  const part = requirements && {
    kind: requirements.kind,
    main: requirements.main,
    digest: requirementsDigest(requirements),
  };
  const source: ResolvedSource = {
    digest: digestOf(copies, part?.digest),
    copied: copies.length > 0,
    ...(part === undefined ? {} : { requirements: part }),
    ...(requirements?.namesFlytekit ? { namesFlytekit: true } : {}),
    ...(selection.flytekit ? { flytekit: flytekitDigests(tree, selection) } : {}),
  };
  return { ok: true, selected: { source, copies, requirements: requirements?.files ?? new Map() } };
}

/**
 * What a spec uses of files that are at hand, its own or those of a ConfigMap; no I/O.
 *
 * @param files text, or bytes, by path
 */
export function resolveFiles(
  files: Readonly<Record<string, string | Uint8Array>>,
  selection: Selection,
):
  | { readonly ok: true; readonly source: ResolvedSource }
  | { readonly ok: false; readonly problems: readonly Problem[] } {
  const conflict = conflictIn(Object.keys(files));
  if (conflict !== undefined) {
    const message = `${spoken(conflict)} cannot be a file and a folder: rename it, or what lies below it`;
    return { ok: false, problems: [{ field: 'spec.source.files', message }] };
  }
  const selecting = select(treeOfFiles(files), selection);
  return selecting.ok ? { ok: true, source: selecting.selected.source } : selecting;
}

/** A path of the spec without the slash at its end; the top is ''. */
const plain = (path: string) => path.replace(/^\.?\/?$|\/$/g, '');
const isBelow = (path: string, folder: string) => folder === '' || path.startsWith(`${folder}/`);
const isGit = (path: string) => path.split('/').includes('.git');

function copiesOf(tree: Tree, selection: Selection, problems: Problem[]): Copy[] {
  const found = new Map<string, { copy: Copy; field: string }>();
  const take = (field: string, entry: Entry, destination: string) => {
    const name = spoken(entry.path);
    if (entry.kind === 'other') return problems.push({ field, message: `${name} is ${entry.what}` });
    const before = found.get(destination);
    if (before !== undefined && before.copy.entry !== entry) {
      const other = spoken(before.copy.entry.path);
      const message = `${name} would land on ${other}, copied by ${before.field}: both are ${spoken(destination)} below workdir`;
      return problems.push({ field, message });
    }
    return found.set(destination, { copy: { entry, destination }, field });
  };

  const takeBelow = (field: string, folder: string, cut: number, leave = (_path: string) => false) => {
    let any = false;
    for (const entry of tree.entries.values()) {
      if (!isBelow(entry.path, folder) || isGit(entry.path)) continue;
      any = true;
      if (!leave(entry.path)) take(field, entry, entry.path.slice(cut));
      if (problems.length >= MOST_PROBLEMS) return;
    }
    if (!any) problems.push({ field, message: nothingAt(tree, folder) });
  };

  if (selection.copyAll) {
    const root = plain(selection.sourceRoot ?? '.');
    const field = selection.sourceRoot === undefined ? 'spec.sourceCopyMode' : 'spec.sourceRoot';
    takeBelow(field, root, root === '' ? 0 : root.length + 1, selection.flytekit && isIgnored);
    if (selection.flytekit && placeOf(tree, `${root}/.dockerignore`).kind === 'file') {
      problems.push({ field, message: DOCKERIGNORE });
    }
  }
  for (const [index, written] of selection.copy.entries()) {
    const field = `spec.copy[${index}]`;
    const path = plain(written);
    const own = tree.entries.get(path);
    if (isGit(path)) problems.push({ field, message: `${path}: .git is never copied` });
    else if (own !== undefined) take(field, own, path);
    else takeBelow(field, path, 0);
    if (problems.length >= MOST_PROBLEMS) break;
  }
  const copies = [...found.values()];
  checkDestinations(copies, problems);
  return copies.map(({ copy }) => copy).sort((a, b) => (a.destination < b.destination ? -1 : 1));
}

const DOCKERIGNORE =
  'flytekit leaves out what .dockerignore says, which nothing here reads: name the files in copy, or a folder without .dockerignore';

/** What a status can show of them. */
const MOST_PROBLEMS = 20;

function nothingAt(tree: Tree, path: string): string {
  if (path === '') return 'the source has no files';
  if (placeOf(tree, path).kind !== 'nothing')
    return `${path} leads through a link; name the path it stands for`;
  return `the source has no ${path}${path.includes('*') ? '; name a file or a folder, patterns are not read' : ''}`;
}

/** The files as they will lie below workdir: links must lead to something there, and all must fit. */
function checkDestinations(copies: readonly { copy: Copy; field: string }[], problems: Problem[]): void {
  const first = copies[0];
  if (first === undefined) return;
  const conflict = conflictIn(copies.map(({ copy }) => copy.destination));
  if (conflict !== undefined) {
    const message = `${spoken(conflict)} would be a file and a folder below workdir: copy one of them`;
    problems.push({ field: first.field, message });
  }
  const size = (entry: Entry) => (entry.kind === 'file' ? entry.size : 0);
  const bytes = copies.reduce((sum, { copy }) => sum + size(copy.entry), 0);
  if (copies.length > LIMITS.files || bytes > LIMITS.bytes) {
    const most = `${LIMITS.files} files and ${LIMITS.bytes / 1024 ** 3} GiB`;
    problems.push({
      field: first.field,
      message: `copy at most ${most}; what is larger belongs into a base image`,
    });
  }
  const laid = treeOf(copies.map(({ copy }) => ({ ...copy.entry, path: copy.destination })));
  for (const { copy, field } of copies) {
    if (copy.entry.kind !== 'link' || problems.length >= MOST_PROBLEMS) continue;
    if (placeOf(laid, copy.destination).kind !== 'nothing') continue;
    const message = `${spoken(copy.entry.path)} is a link to ${spoken(copy.entry.target)}, which is not among the copied files; copy that too, or leave the link out`;
    problems.push({ field, message });
  }
}

function requirementsOf(tree: Tree, selection: Selection, problems: Problem[]): Requirements | undefined {
  if (selection.requirements === undefined) return undefined;
  const read = readRequirements(tree, selection.requirements);
  if (read.ok) return read.requirements;
  problems.push(...read.messages.map((message) => ({ field: 'spec.requirements', message })));
  return undefined;
}

/**
 * sha256 over one line of JSON for each file, sorted. Part of the hash of images: never change it.
 */
function digestOf(copies: readonly Copy[], requirements: string | undefined): string {
  const hash = createHash('sha256');
  if (requirements !== undefined) hash.update(line(['requirements', requirements]));
  for (const { destination, entry } of copies) {
    hash.update(
      entry.kind === 'link'
        ? line(['link', destination, entry.target])
        : line(['file', destination, entry.executable ? 'executable' : 'plain', contentDigest(entry)]),
    );
  }
  return hash.digest('hex');
}

function requirementsDigest({ kind, main, files }: Requirements): string {
  const hash = createHash('sha256').update(line([kind, main]));
  for (const path of [...files.keys()].sort()) {
    hash.update(line([path, contentDigest(files.get(path) as FileEntry)]));
  }
  return hash.digest('hex');
}

const line = (values: readonly string[]) => `${JSON.stringify(values)}\n`;

function contentDigest(file: FileEntry): string {
  const hash = createHash('sha256');
  for (const piece of file.content()) hash.update(piece);
  return hash.digest('hex');
}
