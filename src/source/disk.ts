/** Files of this disk as files of a source. */
import { closeSync, openSync, readSync } from 'node:fs';
import type { FileEntry } from '../image/tree.ts';

const PIECE = 1024 * 1024;

/** @param file where it lies, @param path what it is called in the source */
export function fileOnDisk(file: string, path: string, size: number, executable: boolean): FileEntry {
  return { kind: 'file', path, executable, size, content: () => pieces(file, size) };
}

/** No piece has more room than it needs: a source has many small files. */
function* pieces(file: string, size: number): Generator<Uint8Array> {
  const descriptor = openSync(file, 'r');
  try {
    for (let at = 0; ; ) {
      const piece = Buffer.allocUnsafe(Math.min(PIECE, Math.max(1, size - at)));
      const bytes = readSync(descriptor, piece);
      if (bytes === 0) return;
      at += bytes;
      yield piece.subarray(0, bytes);
    }
  } finally {
    closeSync(descriptor);
  }
}
