/**
 * Runs a bundled file by the code that V8 compiled of it the last time.
 *
 * Node's own compile cache is made as a file is loaded, so it lacks the functions that are compiled at their first call:
 * in a short run nearly all. This one is made after the run. It lies in the folder of Node's, one for each user, version
 * and set of flags, so NODE_COMPILE_CACHE and NODE_DISABLE_COMPILE_CACHE rule it too.
 */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { getCompileCacheDir } from 'node:module';
import { join } from 'node:path';
import { Script } from 'node:vm';

export interface Loaded<T> {
  readonly exports: T;
  /** Keeps what is compiled by now for the next time; absent where it ran by such code, or there is no folder for it. */
  readonly keep?: () => void;
}

/** @param file CommonJS that requires nothing but Node's own modules */
export function load<T>(file: string, folder = getCompileCacheDir()): Loaded<T> {
  const source = readFileSync(file);
  const kept =
    folder === undefined ? undefined : join(folder, `imagespec-${digestOf(file).toString('hex', 0, 8)}`);
  const cachedData = kept === undefined ? undefined : codeIn(kept, source);
  const script = new Script(`(function (exports, require) {${source}\n})`, { filename: file, cachedData });
  const exports = {} as T;
  script.runInThisContext()(exports, process.getBuiltinModule);
  if (kept === undefined || (cachedData && !script.cachedDataRejected)) return { exports };
  return { exports, keep: () => write(kept, source, script.createCachedData()) };
}

/** V8 looks at neither the text nor the code itself, so a digest of both stands before the code. */
function digestOf(...parts: readonly (string | Buffer)[]): Buffer {
  const digest = createHash('sha256');
  for (const part of parts) digest.update(part);
  return digest.digest();
}
const DIGEST_BYTES = 32;

function codeIn(kept: string, source: Buffer): Buffer | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(kept, 'r');
    // The folder lies in one that everybody may write: code that another user left there is not ours to run.
    if (fstatSync(descriptor).uid !== (process.getuid?.() ?? 0)) return undefined;
    const bytes = readFileSync(descriptor);
    const code = bytes.subarray(DIGEST_BYTES);
    return digestOf(source, code).equals(bytes.subarray(0, DIGEST_BYTES)) ? code : undefined;
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function write(kept: string, source: Buffer, code: Buffer): void {
  const beside = `${kept}.${process.pid}`;
  try {
    writeFileSync(beside, Buffer.concat([digestOf(source, code), code]), { mode: 0o600 });
    renameSync(beside, kept);
  } catch {
    // No room, no right: the next time takes longer, that is all.
  }
}
