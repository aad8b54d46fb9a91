/** A conda channel on this host, of packages made here. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { zstdCompressSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { type Listening, listen } from './listen.ts';
import { zipOf } from './zip.ts';

/** Serves a channel; its URL is `origin`. @param address `host:port` */
export async function startChannel(address: string, packages: readonly CondaPackage[]): Promise<Listening> {
  const files = new Map<string, Buffer>();
  for (const subdir of ['linux-64', 'noarch']) {
    const own = packages.filter((one) => one.record.subdir === subdir);
    const records = own.map(({ name, content, record }) => {
      files.set(`/${subdir}/${name}`, content);
      return [name, { ...record, sha256: sha256(content), size: content.length }];
    });
    const index = { info: { subdir }, packages: {}, 'packages.conda': Object.fromEntries(records) };
    files.set(`/${subdir}/repodata.json`, Buffer.from(JSON.stringify({ ...index, repodata_version: 1 })));
  }
  const server = createServer((request, answer) => {
    const file = files.get(request.url ?? '');
    answer.writeHead(file === undefined ? 404 : 200).end(request.method === 'HEAD' ? undefined : file);
  });
  return await listen(server, address);
}

const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');

export interface CondaPackage {
  readonly name: string;
  readonly content: Buffer;
  readonly record: { readonly subdir: string; readonly [key: string]: unknown };
}

/** A file of a conda package: its content, or where a link leads. */
export interface CondaFile {
  readonly content?: Buffer;
  readonly link?: string;
  readonly mode?: number;
}

/** A conda package, in the format `.conda`. */
export async function condaPackage(
  name: string,
  version: string,
  files: Readonly<Record<string, CondaFile>>,
  { depends = [], noarch = false }: { depends?: readonly string[]; noarch?: boolean } = {},
): Promise<CondaPackage> {
  const subdir = noarch ? 'noarch' : 'linux-64';
  const record = {
    name,
    version,
    build: '0',
    build_number: 0,
    depends,
    subdir,
    ...(noarch ? { noarch: 'generic' } : { arch: 'x86_64', platform: 'linux' }),
  };
  const paths = Object.entries(files).map(([_path, { content = Buffer.alloc(0), link }]) => ({
    _path,
    path_type: link === undefined ? 'hardlink' : 'softlink',
    sha256: sha256(content),
    size_in_bytes: content.length,
  }));
  const stem = `${name}-${version}-0`;
  const info = await tar({
    'info/index.json': { content: Buffer.from(JSON.stringify(record)) },
    'info/paths.json': { content: Buffer.from(JSON.stringify({ paths, paths_version: 1 })) },
  });
  const content = zipOf({
    'metadata.json': JSON.stringify({ conda_pkg_format_version: 2 }),
    [`pkg-${stem}.tar.zst`]: zstdCompressSync(await tar(files)),
    [`info-${stem}.tar.zst`]: zstdCompressSync(info),
  });
  return { name: `${stem}.conda`, content, record };
}

async function tar(files: Readonly<Record<string, CondaFile>>): Promise<Buffer> {
  const archive = pack();
  for (const [name, { content = Buffer.alloc(0), link, mode = 0o644 }] of Object.entries(files)) {
    if (link === undefined) archive.entry({ name, mode }, content);
    else archive.entry({ name, type: 'symlink', linkname: link });
  }
  archive.finalize();
  return await buffer(archive);
}
