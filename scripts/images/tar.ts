/**
 * The little of tar that images need: files, folders and links with short names, written as a stream,
 * and the places of the files in an archive that was written so.
 *
 * Every byte follows from the entries. Trees with long names, capabilities or hard links are the
 * business of the system's own `tar`, see `layerFromFolder`.
 */
import type { FileHandle } from 'node:fs/promises';

const BLOCK = 512;
const TYPES = { file: '0', symlink: '2', directory: '5' } as const;

/** One thing in a tar. */
export interface TarEntry {
  /** At most 100 bytes. */
  readonly name: string;
  readonly type?: keyof typeof TYPES;
  /** Default: 0644, folders 0755. */
  readonly mode?: number;
  /** Default: root. */
  readonly uid?: number;
  readonly gid?: number;
  /** Where a link points. */
  readonly linkname?: string;
  /** Seconds since 1970; default 0. */
  readonly mtime?: number;
  readonly contents?: string | Uint8Array | { readonly size: number; open(): AsyncIterable<Uint8Array> };
}

/** Where the contents of a file lie in an archive, in bytes. */
export interface Place {
  readonly offset: number;
  readonly size: number;
}

/** The bytes of a tar with these entries in this order. */
export async function* tarOf(entries: Iterable<TarEntry>): AsyncGenerator<Uint8Array> {
  for (const entry of entries) {
    const { contents = '' } = entry;
    const large = typeof contents === 'object' && 'open' in contents ? contents : undefined;
    const bytes = large ? undefined : Buffer.from(contents as string | Uint8Array);
    const size = large?.size ?? bytes?.length ?? 0;
    yield headerOf(entry, size);
    let written = 0;
    for await (const chunk of large?.open() ?? [bytes as Uint8Array]) {
      written += chunk.length;
      yield chunk;
    }
    if (written !== size) throw new Error(`${entry.name} has ${written} bytes instead of ${size}`);
    yield Buffer.alloc(padded(size) - size);
  }
  yield Buffer.alloc(2 * BLOCK);
}

/** The files of an archive by name; only headers are read, however large the files are. */
export async function placesIn(archive: FileHandle): Promise<Map<string, Place>> {
  const places = new Map<string, Place>();
  const header = Buffer.alloc(BLOCK);
  for (let offset = 0; ; ) {
    const { bytesRead } = await archive.read(header, 0, BLOCK, offset);
    if (bytesRead < BLOCK || header[0] === 0) return places;
    const size = Number.parseInt(header.toString('ascii', 124, 135), 8);
    if (!(size >= 0)) throw new Error(`broken tar header at byte ${offset}`);
    places.set(header.toString('utf8', 0, header.indexOf(0)), { offset: offset + BLOCK, size });
    offset += BLOCK + padded(size);
  }
}

function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}

/** The fields of POSIX ustar; numbers are octal and end with a NUL. */
function headerOf(entry: TarEntry, size: number): Buffer {
  const { name, type = 'file', uid = 0, gid = 0, linkname = '', mtime = 0 } = entry;
  const header = Buffer.alloc(BLOCK);
  const text = (at: number, room: number, value: string) => {
    if (Buffer.byteLength(value) > room) throw new Error(`${value} is too long for a tar header`);
    header.write(value, at);
  };
  const octal = (at: number, room: number, value: number) =>
    text(at, room, `${value.toString(8).padStart(room - 1, '0')}\0`);
  text(0, 100, name);
  octal(100, 8, entry.mode ?? (type === 'directory' ? 0o755 : 0o644));
  octal(108, 8, uid);
  octal(116, 8, gid);
  octal(124, 12, size);
  octal(136, 12, mtime);
  text(148, 8, '        ');
  text(156, 1, TYPES[type]);
  text(157, 100, linkname);
  text(257, 8, 'ustar\x0000');
  const sum = header.reduce((total, byte) => total + byte, 0);
  text(148, 8, `${sum.toString(8).padStart(6, '0')}\0 `);
  return header;
}
