/**
 * A mounted ConfigMap as a source: each key is a file, text or binary.
 *
 * The kubelet lays the keys out as links through `..data`, which it replaces as a whole when the ConfigMap changes:
 * what `..data` stands for is looked up once, so that all files are of one moment.
 */
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { treeOf } from '../image/tree.ts';
import { fileOnDisk } from './disk.ts';
import type { Fetched } from './fetched.ts';

/** @param folder where the ConfigMap is mounted */
export function fetchConfigMap(folder: string): Fetched {
  const data = join(folder, '..data');
  const root = existsSync(data) ? realpathSync(data) : folder;
  const keys = readdirSync(root).filter((name) => statSync(join(root, name)).isFile());
  const files = keys.map((key) => fileOnDisk(join(root, key), key, statSync(join(root, key)).size, false));
  return { tree: treeOf(files) };
}
