/** A Python package index with a login: the simple API (PEP 503) over wheels made here. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:https';
import { crc32 } from 'node:zlib';
import type { Certificate } from './certificate.ts';
import { listen } from './listen.ts';

export interface PackageIndex {
  /** What pipIndex says. */
  readonly url: string;
  /** Paths that were given to who logged in. */
  readonly given: readonly string[];
  stop(): Promise<void>;
}

/**
 * @param options.packages name → source of its one module; each is there in version 1.0
 * @param options.login `user:password`; nothing is given without it
 */
export async function startPackageIndex(options: {
  address: string;
  certificate: Certificate;
  login: string;
  packages: Readonly<Record<string, string>>;
}): Promise<PackageIndex> {
  const files = new Map<string, Buffer | string>();
  for (const [name, source] of Object.entries(options.packages)) {
    const wheel = wheelOf(name, source);
    const file = `/files/${name}-1.0-py3-none-any.whl`;
    const digest = createHash('sha256').update(wheel).digest('hex');
    files.set(file, wheel);
    files.set(`/simple/${name}/`, `<a href="${file}#sha256=${digest}">${file.slice('/files/'.length)}</a>`);
  }
  const given: string[] = [];
  const { certificatePem: cert, privateKeyPem: key } = options.certificate;
  const wanted = `Basic ${Buffer.from(options.login).toString('base64')}`;
  const server = createServer({ cert, key }, (request, answer) => {
    const body = files.get(request.url ?? '');
    const known = request.headers.authorization === wanted;
    if (!known) answer.writeHead(401, { 'www-authenticate': 'Basic realm="packages"' }).end();
    else if (body === undefined) answer.writeHead(404).end();
    else {
      given.push(request.url ?? '');
      const type = typeof body === 'string' ? 'text/html' : 'application/octet-stream';
      answer.writeHead(200, { 'content-type': type }).end(body);
    }
  });
  const { origin, stop } = await listen(server, options.address);
  return { url: `${origin}/simple`, given, stop };
}

/** A wheel with one module: a ZIP archive whose files are stored as they are. */
function wheelOf(name: string, source: string): Buffer {
  const info = `${name}-1.0.dist-info`;
  const files = {
    [`${name}.py`]: source,
    [`${info}/METADATA`]: `Metadata-Version: 2.1\nName: ${name}\nVersion: 1.0\n`,
    [`${info}/WHEEL`]: 'Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
  };
  const record = [...Object.keys(files), `${info}/RECORD`].map((file) => `${file},,\n`).join('');
  return zipOf({ ...files, [`${info}/RECORD`]: record });
}

/** APPNOTE.TXT 4.3: for each file a header and its bytes, then a directory of them all, then where that begins. */
function zipOf(files: Readonly<Record<string, string>>): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [path, text] of Object.entries(files)) {
    const [name, content] = [Buffer.from(path), Buffer.from(text)];
    // Version 2.0, no flags, stored, 1 January 1980, checksum, size twice, length of the name, nothing extra.
    const common = numbers([20, 2], [0, 2], [0, 2], [0, 2], [0x21, 2], [crc32(content), 4]);
    const sizes = numbers([content.length, 4], [content.length, 4], [name.length, 2], [0, 2]);
    const file = Buffer.concat([numbers([0x04034b50, 4]), common, sizes, name, content]);
    const rest = numbers([0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]);
    directory.push(numbers([0x02014b50, 4], [20, 2]), common, sizes, rest, name);
    parts.push(file);
    offset += file.length;
  }
  const list = Buffer.concat(directory);
  const count = Object.keys(files).length;
  const end = numbers([0x06054b50, 4], [0, 2], [0, 2], [count, 2], [count, 2], [list.length, 4], [offset, 4]);
  return Buffer.concat([...parts, list, end, numbers([0, 2])]);
}

/** Little-endian numbers, each of so many bytes. */
function numbers(...list: readonly (readonly [value: number, bytes: number])[]): Buffer {
  return Buffer.concat(
    list.map(([value, bytes]) => {
      const buffer = Buffer.alloc(bytes);
      buffer.writeUIntLE(value, 0, bytes);
      return buffer;
    }),
  );
}
