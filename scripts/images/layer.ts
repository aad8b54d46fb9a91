/**
 * Layers: a compressed tar, its digest, and the digest of what it unpacks to.
 *
 * The same files give the same bytes: names are sorted, times fixed, owners numeric, the gzip header
 * empty. Everything streams, so a layer may be larger than memory.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { type TarEntry, tarOf } from './tar.ts';

/** One layer, ready to be put into an image. */
export interface Layer {
  /** Digest of the compressed bytes. */
  readonly digest: string;
  /** Digest of the tar itself, which the image's config lists. */
  readonly diffId: string;
  /** Bytes, compressed. */
  readonly size: number;
  /** The compressed bytes. */
  open(): Readable;
}

/** How a folder becomes a layer. */
export interface FolderOptions {
  /** gzip level; 9 is worth its time for what is built once and kept. Default 6. */
  readonly level?: number;
  /** Only these, relative to the folder and without what lies below them. Default: everything. */
  readonly paths?: readonly string[];
  /** Whoever owns the files here, they belong to root and everyone may read them: for files from a checkout. */
  readonly ownedByRoot?: boolean;
}

/** Every file's time, 2020-01-01: late enough that nothing warns of a date in the far past. */
const LAYER_TIME = 1_577_836_800;

/**
 * The layer of a folder's contents, with owners, modes, links and file capabilities as they are there.
 *
 * @param file where the compressed layer is written; its digests go beside it, for `readLayer`
 */
export async function layerFromFolder(
  folder: string,
  file: string,
  options: FolderOptions = {},
): Promise<Layer> {
  const paths = options.paths?.map((path) => `./${path}\0`).sort();
  const tar = spawn(
    'tar',
    [
      ...['--create', '--file=-', `--directory=${folder}`, '--numeric-owner', '--sort=name'],
      ...['--format=posix', `--mtime=@${LAYER_TIME}`, '--xattrs', '--xattrs-include=security.capability'],
      '--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime',
      ...(options.ownedByRoot ? ['--owner=0', '--group=0', '--mode=u=rwX,go=rX'] : []),
      ...(paths ? ['--no-recursion', '--null', '--verbatim-files-from', '--files-from=-'] : ['.']),
    ],
    { env: { ...process.env, LC_ALL: 'C' } },
  );
  let complaints = '';
  tar.stderr.on('data', (chunk: Buffer) => {
    complaints += chunk.toString();
  });
  tar.stdin.on('error', () => {}); // a tar that fails early says why on stderr
  tar.stdin.end(paths?.join(''));
  const [layer, [code]] = await Promise.all([compress(tar.stdout, file, options.level), once(tar, 'close')]);
  if (code === 0) return layer;
  await rm(file);
  throw new Error(`tar of ${folder} failed (${code}): ${complaints.trim()}`);
}

/** The layer of a list of entries, in the order given; for what exists as a file nowhere. */
export async function layerFromEntries(
  entries: readonly TarEntry[],
  file: string,
  level?: number,
): Promise<Layer> {
  return await compress(tarOf(entries.map((entry) => ({ mtime: LAYER_TIME, ...entry }))), file, level);
}

/** The layer that `layerFromFolder` or `layerFromEntries` left in `file` earlier. */
export async function readLayer(file: string): Promise<Layer> {
  const known = JSON.parse(await readFile(`${file}.json`, 'utf8')) as Omit<Layer, 'open'>;
  return { ...known, open: () => createReadStream(file) };
}

/** Unpacks layers over each other into an empty folder, lowest first. Needs root; knows no whiteouts. */
export async function unpack(layers: readonly Layer[], folder: string): Promise<void> {
  for (const layer of layers) {
    const tar = spawn(
      'tar',
      [
        ...['--extract', '--gzip', '--file=-', `--directory=${folder}`, '--numeric-owner', '--same-owner'],
        ...['--preserve-permissions', '--xattrs', '--xattrs-include=security.capability'],
      ],
      { stdio: ['pipe', 'ignore', 'inherit'] },
    );
    const [[code]] = await Promise.all([once(tar, 'close'), pipeline(layer.open(), tar.stdin)]);
    if (code !== 0) throw new Error(`unpacking ${layer.digest} into ${folder} failed (${code})`);
  }
}

async function compress(tar: AsyncIterable<Uint8Array>, file: string, level = 6): Promise<Layer> {
  const [plain, compressed] = [createHash('sha256'), createHash('sha256')];
  let size = 0;
  await pipeline(
    tar,
    watched((chunk) => plain.update(chunk)),
    createGzip({ level }),
    watched((chunk) => {
      compressed.update(chunk);
      size += chunk.length;
    }),
    createWriteStream(file),
  );
  const [digest, diffId] = [`sha256:${compressed.digest('hex')}`, `sha256:${plain.digest('hex')}`];
  await writeFile(`${file}.json`, JSON.stringify({ digest, diffId, size }));
  return { digest, diffId, size, open: () => createReadStream(file) };
}

function watched(look: (chunk: Uint8Array) => void) {
  return async function* (source: AsyncIterable<Uint8Array>) {
    for await (const chunk of source) {
      look(chunk);
      yield chunk;
    }
  };
}
