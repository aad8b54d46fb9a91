/**
 * The real docker-registry (Debian's `docker-registry`, distribution 2.8), by default on a free loopback port,
 * its storage in a temporary folder that goes with it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { stringify } from 'yaml';
import type { Certificate } from './certificate.ts';
import type { TokenServer } from './token-server.ts';

/** The one login of a registry with `auth: 'basic'`. */
export const TEST_LOGIN = { username: 'tester', password: 'password-for-tests' } as const;
/** bcrypt of that password at the lowest cost; protects nothing. */
const HTPASSWD = `${TEST_LOGIN.username}:$2b$04$8I0BWrUo9Fqkow.ptg4k8eCjcFk8fr6rSSMzUJP8n220VCXPUHE4u\n`;

export interface RegistryServerOptions {
  /** @default anonymous */
  readonly auth?: 'basic' | TokenServer;
  /** Host and port to listen on. @default a free port of 127.0.0.1 */
  readonly address?: string;
  /** Serves HTTPS with it. @default plain HTTP */
  readonly certificate?: Certificate;
  /** `http://host:port` of the registry whose images it passes on and keeps: a pull-through mirror. */
  readonly mirrorOf?: string;
}

export interface RegistryServer {
  /** `address:port`. */
  readonly host: string;
  readonly origin: string;
  /** Method, path and status of each request so far. */
  readonly requests: readonly string[];
  /** The bytes of everything it holds: layers, configs, manifests. */
  blobs(): AsyncGenerator<Buffer>;
  /** Uploads under way in a repository, by id. */
  uploads(repository: string): Promise<string[]>;
  stop(): Promise<void>;
}

/** @throws when the binary is missing or does not listen within 10 s; the message ends with its log */
export async function startRegistry(options: RegistryServerOptions = {}): Promise<RegistryServer> {
  const folder = await mkdtemp(join(tmpdir(), 'imagespec-registry-'));
  await writeFile(join(folder, 'htpasswd'), HTPASSWD);
  if (typeof options.auth === 'object')
    await writeFile(join(folder, 'token.pem'), options.auth.certificate.certificatePem);
  await writeFile(join(folder, 'tls.crt'), options.certificate?.certificatePem ?? '');
  await writeFile(join(folder, 'tls.key'), options.certificate?.privateKeyPem ?? '');
  await writeFile(join(folder, 'config.yml'), configOf(folder, options));

  const child = spawn('docker-registry', ['serve', join(folder, 'config.yml')], {
    env: { PATH: process.env.PATH, OTEL_TRACES_EXPORTER: 'none' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve()).once('error', () => resolve());
  });
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await ended;
    await rm(folder, { recursive: true, force: true });
  };

  const log: string[] = [];
  const requests: string[] = [];
  const listening = new Promise<string>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface(stream).on('line', (line) => {
        const [, request, status] = / "([A-Z]+ \S+) HTTP\/[\d.]+" (\d{3}) /.exec(line) ?? [];
        if (request !== undefined) requests.push(`${request} ${status}`);
        else log.push(line);
        const host = /listening on ([\d.]+:\d+)/.exec(line)?.[1];
        if (host !== undefined) resolve(host);
      });
    }
  });
  try {
    const host = await Promise.race([
      listening,
      once(child, 'exit').then(() => undefined),
      new Promise<undefined>((resolve) => setTimeout(resolve, 10_000, undefined).unref()),
    ]);
    if (host === undefined) throw new Error(`docker-registry does not listen:\n${log.slice(-10).join('\n')}`);
    const uploads = async (repository: string) => {
      const under = join(folder, 'storage/docker/registry/v2/repositories', repository, '_uploads');
      const ids = await readdir(under).catch(() => []);
      // A cancelled one leaves an empty skeleton; what makes it an upload is when it started.
      return ids.filter((id) => existsSync(join(under, id, 'startedat')));
    };
    const scheme = options.certificate === undefined ? 'http' : 'https';
    return { host, origin: `${scheme}://${host}`, requests, blobs: () => blobsIn(folder), uploads, stop };
  } catch (error) {
    await stop();
    throw new Error('docker-registry could not be started (Debian package docker-registry)', {
      cause: error,
    });
  }
}

async function* blobsIn(folder: string): AsyncGenerator<Buffer> {
  const under = join(folder, 'storage/docker/registry/v2/blobs');
  for (const name of await readdir(under, { recursive: true }))
    if (name.endsWith('/data')) yield await readFile(join(under, name));
}

function configOf(folder: string, options: RegistryServerOptions): string {
  const { auth, address = '127.0.0.1:0', certificate, mirrorOf } = options;
  const tls = { certificate: join(folder, 'tls.crt'), key: join(folder, 'tls.key') };
  return stringify({
    version: 0.1,
    log: { level: 'info' },
    storage: { filesystem: { rootdirectory: join(folder, 'storage') }, delete: { enabled: true } },
    http: { addr: address, secret: 'for tests', ...(certificate === undefined ? {} : { tls }) },
    ...(mirrorOf === undefined ? {} : { proxy: { remoteurl: mirrorOf } }),
    ...(auth === undefined
      ? {}
      : auth === 'basic'
        ? { auth: { htpasswd: { realm: 'test', path: join(folder, 'htpasswd') } } }
        : {
            auth: {
              token: {
                realm: auth.realm,
                service: auth.service,
                issuer: auth.issuer,
                rootcertbundle: join(folder, 'token.pem'),
              },
            },
          }),
  });
}
