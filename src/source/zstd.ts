/**
 * Zstandard of many frames, as archives have it that can be pulled in part. Node's decompressor goes on to a further
 * frame only if that begins a piece of its input: within a piece it takes the end of the first for the end of all.
 *
 * Format: RFC 8878, section 3.1.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

export const ZSTD = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;
const PIECE = 64 * 1024;

/** The frames of a file, in pieces that end where a frame ends; those to be skipped are left out. */
export function* zstdPieces(file: string): Generator<Buffer> {
  const descriptor = openSync(file, 'r');
  try {
    const { size } = fstatSync(descriptor);
    const read = (at: number, bytes: number) => {
      const piece = Buffer.alloc(bytes);
      return piece.subarray(0, readSync(descriptor, piece, 0, bytes, at));
    };
    for (let start = 0; start < size; ) {
      const { end, skipped } = frameAt(start, size, read);
      for (let at = start; at < end && !skipped; at += PIECE) yield read(at, Math.min(PIECE, end - at));
      start = end;
    }
  } finally {
    closeSync(descriptor);
  }
}

type Read = (at: number, bytes: number) => Buffer;

/** Where a frame ends. What is none, or breaks off, ends with the file: the decompressor says what is wrong. */
function frameAt(start: number, size: number, read: Read): { end: number; skipped: boolean } {
  const head = read(start, 8);
  const magic = head.length < 8 ? 0 : head.readUInt32LE();
  if ((magic & ~0xf) >>> 0 === SKIPPABLE)
    return { end: Math.min(size, start + 8 + head.readUInt32LE(4)), skipped: true };
  if (magic !== ZSTD) return { end: size, skipped: false };

  const flags = head[4] as number;
  let at = start + headerLength(flags);
  for (;;) {
    const block = read(at, 3);
    if (block.length < 3) return { end: size, skipped: false };
    const bits = block.readUIntLE(0, 3);
    // Of a block that repeats one byte, the size is how often.
    at += 3 + ((bits >> 1) % 4 === 1 ? 1 : bits >> 3);
    if (bits % 2 === 1) break;
  }
  const checksum = flags & 4 ? 4 : 0;
  return { end: Math.min(size, at + checksum), skipped: false };
}

/** Magic number, flags, window, dictionary and size of the content. */
function headerLength(flags: number): number {
  const single = (flags & 0x20) !== 0;
  const sizeFlag = flags >> 6;
  const contentSize = sizeFlag === 0 ? (single ? 1 : 0) : 1 << sizeFlag;
  return 5 + (single ? 0 : 1) + [0, 1, 2, 4][flags & 3]! + contentSize;
}
