/** A Python package index, with a login or without: the simple API (PEP 503) over wheels made here. */
import { createHash } from 'node:crypto';
import { createServer as createPlainServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { Certificate } from './certificate.ts';
import { listen } from './listen.ts';
import { zipOf } from './zip.ts';

export interface PackageIndex {
  /** What pipIndex says. */
  readonly url: string;
  /** The sha256 of a package's wheel, in hex. */
  digestOf(name: string): string;
  /** Paths that were given. */
  readonly given: readonly string[];
  stop(): Promise<void>;
}

/**
 * @param options.packages name → source of its one module; each is there in version 1.0
 * @param options.certificate plain HTTP without one
 * @param options.login `user:password`; nothing is given to who has another
 */
export async function startPackageIndex(options: {
  address: string;
  certificate?: Certificate;
  login?: string;
  packages: Readonly<Record<string, string>>;
}): Promise<PackageIndex> {
  const files = new Map<string, Buffer | string>();
  const digests = new Map<string, string>();
  for (const [name, source] of Object.entries(options.packages)) {
    const wheel = wheelOf(name, source);
    const file = `/files/${name}-1.0-py3-none-any.whl`;
    const digest = createHash('sha256').update(wheel).digest('hex');
    digests.set(name, digest);
    files.set(file, wheel);
    files.set(`/simple/${name}/`, `<a href="${file}#sha256=${digest}">${file.slice('/files/'.length)}</a>`);
  }
  const given: string[] = [];
  const { certificate, login } = options;
  const wanted = login === undefined ? undefined : `Basic ${Buffer.from(login).toString('base64')}`;
  const respond = (request: IncomingMessage, answer: ServerResponse): void => {
    const body = files.get(request.url ?? '');
    const known = wanted === undefined || request.headers.authorization === wanted;
    if (!known) answer.writeHead(401, { 'www-authenticate': 'Basic realm="packages"' }).end();
    else if (body === undefined) answer.writeHead(404).end();
    else {
      given.push(request.url ?? '');
      const type = typeof body === 'string' ? 'text/html' : 'application/octet-stream';
      answer.writeHead(200, { 'content-type': type }).end(body);
    }
  };
  const server =
    certificate === undefined
      ? createPlainServer(respond)
      : createServer({ cert: certificate.certificatePem, key: certificate.privateKeyPem }, respond);
  const { origin, stop } = await listen(server, options.address);
  const digestOf = (name: string) => digests.get(name) ?? '';
  return { url: `${origin}/simple`, digestOf, given, stop };
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
