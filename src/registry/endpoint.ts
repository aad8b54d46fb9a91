/**
 * Where a registry is really reached, and how far its addresses are trusted.
 *
 * The host users write stays in every message; the settings may send the questions elsewhere
 * (kind's `localhost:5001` is `http://kind-registry:5000` inside the cluster).
 */
import { DOCKER_HUB } from '../image/reference.ts';
import { type RegistrySetting, registryOf, type Settings } from '../settings.ts';
import type { Trust } from './address.ts';
import { denied } from './answer.ts';

type Registries = Settings['registries'];

/** One registry as the client reaches it. */
export interface Endpoint {
  /** As users write it; for messages and credentials. */
  readonly host: string;
  /** Without a slash at its end; paths such as `/v2/...` are appended. */
  readonly base: string;
  /** `host:port`, the port always written. */
  readonly authority: string;
  readonly secure: boolean;
  readonly trust: Exclude<Trust, 'outside'>;
}

/**
 * The endpoint of a host: from its entry in the settings, else plain HTTPS.
 * `insecure` means plain HTTP, unless `endpoint` says https: then its certificate is not checked.
 *
 * @throws RegistryFailure (denied) when no URL can be made of the host
 */
export function endpointOf(registries: Registries, host: string): Endpoint {
  const listed = registries.some((entry) => entry.host === host);
  const url = urlOf(registryOf({ registries }, host));
  if (url === undefined) throw denied(`${host}: not a host name`);
  return {
    host,
    base: `${url.origin}${url.pathname.replace(/\/+$/, '')}`,
    authority: authorityOf(url),
    secure: url.protocol === 'https:',
    trust: listed ? 'vouched' : 'registry',
  };
}

/** How far the target of a request is trusted; `own` is the registry the request is about. */
export function trustOf(registries: Registries, own: Endpoint, target: URL): Trust {
  const authority = authorityOf(target);
  if (registries.some((entry) => authorityOfEntry(entry) === authority)) return 'vouched';
  return authority === own.authority ? own.trust : 'outside';
}

/** True when the settings ask for exactly this host and port not to have its certificate checked. */
export function isUnchecked(registries: Registries, target: URL): boolean {
  const authority = authorityOf(target);
  return registries.some(
    (entry) => entry.insecure && target.protocol === 'https:' && authorityOfEntry(entry) === authority,
  );
}

/** `host:port` with the scheme's port written out. */
export function authorityOf(url: URL): string {
  return `${url.hostname}:${url.port || (url.protocol === 'https:' ? '443' : '80')}`;
}

function authorityOfEntry(entry: RegistrySetting): string | undefined {
  const url = urlOf(entry);
  return url && authorityOf(url);
}

function urlOf(entry: RegistrySetting): URL | undefined {
  const host = entry.host === DOCKER_HUB ? 'registry-1.docker.io' : entry.host;
  const text = entry.endpoint ?? `${entry.insecure ? 'http' : 'https'}://${host}`;
  return URL.canParse(text) ? new URL(text) : undefined;
}
