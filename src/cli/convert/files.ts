/** The local files that flytekit would copy, as inline files of an ImageSpec. */
import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Problem } from '../../image/effective.ts';
import type { Selection } from '../../image/inputs.ts';
import { select } from '../../image/selection.ts';
import { bytesOf, type Entry, type FileEntry, type Tree, treeOf } from '../../image/tree.ts';
import { fileOnDisk } from '../../source/disk.ts';

/** A folder of code has fewer; whoever points at more has named the wrong one. */
const MOST_FILES = 50_000;
/** What a spec may hold, by its own rules. */
const MOST_INLINE = { files: 128, bytes: 128 * 1024 };

const ELSEWHERE = 'put the files into git or an artifact, and write spec.source by hand';

export type Inline =
  | { readonly ok: true; readonly files: Record<string, string>; readonly warnings: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Reads what a selection names, from a folder of this machine. */
export function inlineFiles(folder: string, selection: Selection): Inline {
  const tree = treeOfFolder(folder);
  if (!tree) {
    const message = `${folder} holds more than ${MOST_FILES} files; name the folder that paths are relative to by --root`;
    return { ok: false, problems: [{ field: 'spec.source', message }] };
  }
  const selecting = select(tree, selection);
  if (!selecting.ok) return selecting;
  const { copies, requirements } = selecting.selected;
  const entries = new Map<string, Entry>(requirements);
  for (const { entry } of copies) entries.set(entry.path, entry);
  return inlined(entries);
}

function inlined(entries: ReadonlyMap<string, Entry>): Inline {
  const files: Record<string, string> = {};
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  let bytes = 0;
  const field = 'spec.source';
  for (const [path, entry] of [...entries].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const text = entry.kind === 'file' && entry.size <= MOST_INLINE.bytes ? textOf(entry) : undefined;
    if (text === undefined) {
      const message = `${path} is no text of at most 128 KiB, so it cannot stand in a spec; ${ELSEWHERE}`;
      problems.push({ field, message });
      continue;
    }
    if (entry.kind === 'file' && entry.executable) {
      const message = `${path} will not be executable: files in a spec are not; chmod it by commands, or ${ELSEWHERE}`;
      warnings.push({ field, message });
    }
    bytes += entry.kind === 'file' ? entry.size : 0;
    files[path] = text;
  }
  if (entries.size > MOST_INLINE.files || bytes > MOST_INLINE.bytes) {
    const size = `${entries.size} files of ${Math.ceil(bytes / 1024)} KiB`;
    problems.push({ field, message: `${size} are too much for a spec (128 files, 128 KiB); ${ELSEWHERE}` });
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, files, warnings };
}

function textOf(file: FileEntry): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytesOf(file));
  } catch {
    return undefined;
  }
}

/** All files below a folder but those of git; undefined if they are too many. */
function treeOfFolder(folder: string): Tree | undefined {
  const entries: Entry[] = [];
  const folders = [''];
  for (let at = folders.pop(); at !== undefined; at = folders.pop()) {
    for (const name of readdirSync(join(folder, at))) {
      if (name === '.git') continue;
      const path = at === '' ? name : `${at}/${name}`;
      const file = join(folder, path);
      const stat = lstatSync(file);
      if (stat.isDirectory()) folders.push(path);
      else if (stat.isSymbolicLink()) entries.push({ kind: 'link', path, target: readlinkSync(file) });
      else if (stat.isFile()) entries.push(fileOnDisk(file, path, stat.size, (stat.mode & 0o111) !== 0));
      else entries.push({ kind: 'other', path, what: 'neither a file nor a link' });
    }
    if (entries.length > MOST_FILES) return undefined;
  }
  return treeOf(entries);
}
