/**
 * Archives laid over one another, as the layers of an image: tar, also packed with gzip or zstd.
 *
 * Nothing is unpacked to the names an archive gives: contents go into numbered files, names into a map. So a path that
 * leads out, a link, a device or a file in a file's place cannot do anything to this pod. What is unpacked is bounded
 * in bytes and in entries over all layers.
 */
import { closeSync, createReadStream, mkdirSync, openSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { type Extract, extract } from 'tar-stream';
import { type Entry, type FileEntry, LIMITS, parentOf, spoken, type Tree, treeOf } from '../image/tree.ts';
import { fileOnDisk } from './disk.ts';
import { ZSTD, zstdPieces } from './zstd.ts';

type TarEntry = Extract extends AsyncIterable<infer One> ? One : never;

/** An archive that cannot be used; the message says why. */
export class ArchiveError extends Error {
  override name = 'ArchiveError';
}

export class Layers {
  readonly #folder: string;
  readonly #limits: { readonly files: number; readonly bytes: number };
  readonly #entries = new Map<string, Entry>();
  #files = 0;
  #unpacked = 0;

  /** @param folder for the contents, @param limits over all layers */
  constructor(folder: string, limits: { readonly files: number; readonly bytes: number } = LIMITS) {
    this.#folder = folder;
    this.#limits = limits;
    mkdirSync(folder, { recursive: true });
  }

  tree(): Tree {
    return treeOf(this.#entries.values());
  }

  /** A layer that is one file. */
  addFile(path: string, file: string, size: number): void {
    const layer = new Layer();
    layer.add(fileOnDisk(file, pathOf(path), size, false));
    this.#lay(layer);
  }

  /** @throws ArchiveError when it is no archive, a hostile one, or more than the bounds; the disk's own errors */
  async addArchive(file: string): Promise<void> {
    const layer = new Layer();
    const archive = extract();
    // Headers and padding come on top of content.
    const mostUnpacked = this.#limits.bytes + this.#limits.files * 2048;
    const bounded = new Transform({
      transform: (piece: Buffer, _, done) => {
        this.#unpacked += piece.length;
        done(this.#unpacked > mostUnpacked ? this.#tooMuch() : null, piece);
      },
    });
    // Whatever ends it ends the reading below too, which tells why.
    const fed = pipeline([...unpacked(file), bounded, archive]).catch(() => undefined);
    try {
      for await (const entry of archive) await this.#read(entry, layer);
    } catch (error) {
      if (error instanceof ArchiveError || isOfTheDisk(error)) throw error;
      throw new ArchiveError('it is no tar archive that can be unpacked', { cause: error });
    } finally {
      archive.destroy();
      await fed;
    }
    this.#lay(layer);
  }

  async #read(entry: TarEntry, layer: Layer): Promise<void> {
    const { name, type, mode = 0, linkname } = entry.header;
    const path = pathOf(name);
    this.#files += 1;
    if (this.#files > this.#limits.files) throw this.#tooMuch();
    const own = path.slice(path.lastIndexOf('/') + 1);
    if (own === OPAQUE) layer.opaque.add(parentOf(path));
    else if (own.startsWith(WHITEOUT)) layer.removed.add(joined(parentOf(path), own.slice(WHITEOUT.length)));
    else if (type === 'directory') layer.addFolder(path);
    else if (type === 'file' || type === 'contiguous-file')
      layer.add(await this.#write(entry, path, (mode & 0o100) !== 0));
    else if (type === 'symlink') layer.add({ kind: 'link', path, target: linkname ?? '' });
    else if (type === 'link') layer.add(this.#hardLink(path, pathOf(linkname ?? ''), layer));
    else layer.add({ kind: 'other', path, what: `no file but a ${type ?? 'thing of a kind nobody knows'}` });
    entry.resume();
  }

  async #write(entry: TarEntry, path: string, executable: boolean): Promise<FileEntry> {
    const file = join(this.#folder, String(this.#files));
    const descriptor = openSync(file, 'wx');
    let size = 0;
    try {
      for await (const piece of entry as AsyncIterable<Buffer>) {
        writeFileSync(descriptor, piece);
        size += piece.length;
      }
    } finally {
      closeSync(descriptor);
    }
    return fileOnDisk(file, path, size, executable);
  }

  #hardLink(path: string, target: string, layer: Layer): Entry {
    const found = layer.entries.get(target) ?? this.#entries.get(target);
    return found === undefined || found.kind === 'other'
      ? { kind: 'other', path, what: `a hard link to ${spoken(target)}, which is not there` }
      : { ...found, path };
  }

  #tooMuch(): ArchiveError {
    const { files, bytes } = this.#limits;
    return new ArchiveError(`it holds more than ${files} files or ${bytes / 1024 ** 2} MiB`);
  }

  /** What lies below goes where the layer removes or replaces it. */
  #lay(layer: Layer): void {
    for (const path of this.#entries.keys()) {
      if (layer.hides(path)) this.#entries.delete(path);
    }
    for (const [path, entry] of layer.entries) {
      if (!layer.folders.has(path)) this.#entries.set(path, entry);
    }
  }
}

/** OCI image-spec `layer.md`, "Whiteouts". */
const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';

/** One layer as it was read. */
class Layer {
  readonly entries = new Map<string, Entry>();
  readonly folders = new Set<string>();
  readonly removed = new Set<string>();
  readonly opaque = new Set<string>();

  add(entry: Entry): void {
    this.entries.set(entry.path, entry);
    this.addFolder(parentOf(entry.path));
  }

  addFolder(path: string): void {
    for (let at = path; at !== '' && !this.folders.has(at); at = parentOf(at)) this.folders.add(at);
  }

  hides(path: string): boolean {
    if (this.removed.has(path) || this.folders.has(path)) return true;
    for (let at = path; at !== ''; at = parentOf(at)) {
      const folder = parentOf(at);
      if (
        this.opaque.has(folder) ||
        (folder !== '' && (this.removed.has(folder) || this.entries.has(folder)))
      )
        return true;
    }
    return false;
  }
}

/** A path of an archive in one spelling. @throws ArchiveError when it leads out of the archive */
function pathOf(name: string): string {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..'))
    throw new ArchiveError(`it holds the path ${spoken(name)}, which leads out of it`);
  if (parts.length > 128) throw new ArchiveError(`it holds a path of ${parts.length} folders`);
  if (name.length > 4096) throw new ArchiveError(`it holds a path of ${name.length} characters`);
  return parts.join('/');
}

const joined = (folder: string, name: string) => (folder === '' ? name : `${folder}/${name}`);

/** Errors of the system name the call that failed. */
const isOfTheDisk = (error: unknown) => error instanceof Error && 'syscall' in error;

/** The bytes of a file and what unpacks them. Told by the first ones: media types are often wrong. */
function unpacked(file: string) {
  const head = Buffer.alloc(4);
  const descriptor = openSync(file, 'r');
  readSync(descriptor, head);
  closeSync(descriptor);
  if (head.readUInt32LE() === ZSTD) return [Readable.from(zstdPieces(file)), createZstdDecompress()];
  return [createReadStream(file), ...(head.readUInt16BE() === 0x1f8b ? [createGunzip()] : [])];
}
