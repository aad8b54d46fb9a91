/**
 * What commands changed in a tree: how a layer is told from the image below it.
 *
 * The kernel changes an inode's ctime with every write, chmod, chown, link or capability, and nobody can
 * set it back, so two walks over the names tell everything without reading a file.
 */
import { lstat, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';

/** Every name below a tree, with a text that changes when the file does. */
export type Snapshot = ReadonlyMap<string, string>;

/** Looks at every name below `tree`; paths are relative to it. */
export async function snapshot(tree: string): Promise<Snapshot> {
  // With file types, because without them readdir walks into links to folders.
  const entries = await readdir(tree, { recursive: true, withFileTypes: true });
  const seen = new Map<string, string>();
  for (const { parentPath, name } of entries) {
    const path = join(parentPath, name);
    const { ino, ctimeNs } = await lstat(path, { bigint: true });
    seen.set(relative(tree, path), `${ino} ${ctimeNs}`);
  }
  return seen;
}

/**
 * The paths that are new or different now, and those that are gone. A folder whose contents were touched
 * counts as different; of a folder that is gone, only the folder itself is named.
 */
export function changesBetween(before: Snapshot, now: Snapshot): { changed: string[]; removed: string[] } {
  const changed = [...now].flatMap(([path, state]) => (before.get(path) === state ? [] : [path]));
  const gone = new Set([...before.keys()].filter((path) => !now.has(path)));
  const removed = [...gone].filter((path) => !gone.has(path.slice(0, Math.max(0, path.lastIndexOf('/')))));
  return { changed, removed };
}

/** Names of the empty files by which a layer says that a path of a lower layer is gone. */
export function whiteouts(removed: readonly string[]): string[] {
  return removed.map((path) => path.replace(/[^/]+$/, '.wh.$&'));
}
