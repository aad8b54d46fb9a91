/** Registries that answer as a test tells them to, one image they may hold, and clients; all end with the test. */
import { onTestFinished } from 'vitest';
import type { ImageReference } from '../../src/image/reference.ts';
import { anonymous, readDockerConfig } from '../../src/registry/credentials.ts';
import { RegistryClient, type RegistryClientOptions } from '../../src/registry/registry-client.ts';
import type { RegistrySetting } from '../../src/settings.ts';
import { digestOfBytes } from './push-image.ts';
import { type Scripted, type ScriptedServer, startScripted } from './scripted-server.ts';

export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';
export const CONFIG = JSON.stringify({
  os: 'linux',
  architecture: 'amd64',
  config: { User: 'me', Env: null },
});
export const MANIFEST = JSON.stringify({
  schemaVersion: 2,
  mediaType: MANIFEST_TYPE,
  config: {
    mediaType: 'application/vnd.oci.image.config.v1+json',
    digest: digestOfBytes(CONFIG),
    size: CONFIG.length,
  },
  layers: [],
});
export const DIGEST = digestOfBytes(MANIFEST);

/** The image is there. */
export const FOUND = {
  headers: { 'content-type': MANIFEST_TYPE, 'docker-content-digest': DIGEST },
  body: MANIFEST,
} satisfies Scripted;
export const PRESENT = { kind: 'present', digest: DIGEST };

/** An answer in the registries' own form of errors. */
export const failing = (status: number, code: string, message = ''): Scripted => ({
  status,
  body: JSON.stringify({ errors: [{ code, message }] }),
});

/** 401 with `WWW-Authenticate`. */
export const challenge = (value: string | string[]): Scripted => ({
  status: 401,
  headers: { 'www-authenticate': value },
});

export async function scripted(...parameters: Parameters<typeof startScripted>): Promise<ScriptedServer> {
  const server = await startScripted(...parameters);
  onTestFinished(() => server.stop());
  return server;
}

/** A registry of the settings; insecure unless told otherwise. */
type Listed = { readonly host: string } & Partial<Pick<RegistrySetting, 'insecure' | 'endpoint'>>;

/** A client for which these are the listed registries. */
export function clientOf(
  registries: readonly Listed[],
  options: Partial<RegistryClientOptions> = {},
): RegistryClient {
  const client = new RegistryClient({
    registries: registries.map(({ host, insecure = true, endpoint }) => ({
      host,
      insecure,
      mirrors: [],
      ...(endpoint === undefined ? {} : { endpoint }),
    })),
    credentials: anonymous,
    timeoutMs: 2000,
    ...options,
  });
  onTestFinished(() => client.close());
  return client;
}

export const loginFor = (host: string, entry: object = { username: 'me', password: 'pw' }) =>
  readDockerConfig(JSON.stringify({ auths: { [host]: entry } })).store;

export const refTo = (host: string, more: Partial<ImageReference> = {}): ImageReference => ({
  host,
  repository: 'team/app',
  tag: '1',
  ...more,
});

/** One registry, one question. */
export async function ask(answer: Parameters<typeof startScripted>[0], more: Partial<ImageReference> = {}) {
  const server = await scripted(answer);
  const found = await clientOf([server]).digestOf(refTo(server.host, more));
  return { server, found, host: server.host, methods: server.asked.map(({ method }) => method).join(' ') };
}
