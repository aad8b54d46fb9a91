/** Files of this disk as files of a source. */
import { closeSync, openSync, readSync } from 'node:fs';
import type { FileEntry } from '../image/tree.ts';

const PIECE = 1024 * 1024;

/** @param file where it lies, @param path what it is called in the source */
export function fileOnDisk(file: string, path: string, size: number, executable: boolean): FileEntry {
  return { kind: 'file', path, executable, size, content: () => pieces(file) };
}

function* pieces(file: string): Generator<Uint8Array> {
  const descriptor = openSync(file, 'r');
  try {
    for (;;) {
      const piece = new Uint8Array(PIECE);
      const bytes = readSync(descriptor, piece);
      if (bytes === 0) return;
      yield piece.subarray(0, bytes);
    }
  } finally {
    closeSync(descriptor);
  }
}
