/**
 * Credentials from a docker config file (`auths` of config.json, the content of a
 * `kubernetes.io/dockerconfigjson` Secret).
 *
 * A credential is given to exactly the host it was written for, port included: no wildcards, no
 * suffixes, so a host that only looks alike gets nothing. A key may carry a path
 * (`ghcr.io/team`); the longest one that covers the repository by whole path parts wins.
 * Keys: kubernetes.io/docs/concepts/containers/images, docker/cli `cli/config/configfile`.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { DOCKER_HUB } from '../image/reference.ts';
import { oneLine } from './answer.ts';

/** What one login proves itself with. */
export type Credential =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  /** An OAuth2 refresh token (`identitytoken`), exchanged at the token server only. */
  | { readonly kind: 'identity-token'; readonly username: string; readonly token: string };

/** Where the client looks a credential up. Undefined means: ask anonymously. */
export interface CredentialStore {
  /** @param host as users write it (`docker.io`, `ghcr.io`, `registry.example.com:5000`), lower case */
  credentialFor(host: string, repository: string): Credential | undefined;
}

/** No credentials at all. */
export const anonymous: CredentialStore = { credentialFor: () => undefined };

/** A docker config file that cannot be read at all; the message says what to write and shows no secret. */
export class DockerConfigError extends Error {
  override name = 'DockerConfigError';
}

const entrySchema = z.object({
  auth: z.string().nullish(),
  username: z.string().nullish(),
  password: z.string().nullish(),
  identitytoken: z.string().nullish(),
  registrytoken: z.string().nullish(),
});

const configSchema = z.object({
  auths: z.record(z.string(), z.unknown()).nullish(),
  credsStore: z.string().nullish(),
  credHelpers: z.record(z.string(), z.unknown()).nullish(),
});

interface Login {
  readonly host: string;
  /** Path prefix without slashes at its ends; empty for the whole host. */
  readonly path: string;
  readonly credential: Credential;
}

/**
 * Reads the text of a docker config file.
 *
 * @returns the store, and one sentence for each entry that could not be used (no secrets in them)
 * @throws DockerConfigError when the text is no JSON object
 */
export function readDockerConfig(text: string): { store: CredentialStore; ignored: readonly string[] } {
  const config = configSchema.safeParse(parseJson(text));
  if (!config.success)
    throw new DockerConfigError('a docker config file is a JSON object with a field "auths"');

  const ignored: string[] = [];
  if (config.data.credsStore)
    ignored.push('credsStore: credential helpers are not run; write "auths" instead');
  for (const host of Object.keys(config.data.credHelpers ?? {}))
    ignored.push(oneLine(`credHelpers for ${host}: credential helpers are not run; write "auths" instead`));

  const logins: Login[] = [];
  for (const [key, value] of Object.entries(config.data.auths ?? {})) {
    const place = placeOf(key);
    const credential = credentialOf(value);
    if (place === undefined)
      ignored.push(oneLine(`auths["${key}"]: write a host such as ghcr.io, without wildcards`));
    else if (typeof credential === 'string') ignored.push(oneLine(`auths["${key}"]: ${credential}`));
    else logins.push({ ...place, credential });
  }
  return { store: { credentialFor: (host, repository) => longest(logins, host, repository) }, ignored };
}

/** Names a credential without revealing it, for cache keys. */
export function fingerprint(credential: Credential | undefined): string {
  if (credential === undefined) return 'anonymous';
  return createHash('sha256').update(JSON.stringify(credential)).digest('hex');
}

/**
 * `text` without the credential's secret, which a server may repeat in its error; `***` stands in its place.
 *
 * @param text one line of at most so many characters (`oneLine`): the end of it may have cut a secret in two
 */
export function withoutSecret(text: string, credential: Credential | undefined): string {
  if (credential === undefined) return text;
  const secret = credential.kind === 'password' ? credential.password : credential.token;
  const encoded = basicAuthorization(credential).slice('Basic '.length);
  const whole = text.replaceAll(encoded, '***').replaceAll(secret, '***');
  return whole.endsWith('…')
    ? `${withoutBeginning(withoutBeginning(whole.slice(0, -1), encoded), secret)}…`
    : whole;
}

/** `text` without the first characters of `word` at its end; three or fewer tell nothing. */
function withoutBeginning(text: string, word: string): string {
  for (let length = Math.min(text.length, word.length); length > 3; length -= 1) {
    if (text.endsWith(word.slice(0, length))) return `${text.slice(0, -length)}***`;
  }
  return text;
}

/** `Authorization` of RFC 7617, in UTF-8; an identity token stands in for the password. */
export function basicAuthorization(credential: Credential): string {
  const secret = credential.kind === 'password' ? credential.password : credential.token;
  return `Basic ${Buffer.from(`${credential.username}:${secret}`).toString('base64')}`;
}

/** The first of several stores that knows a place. */
export function firstOf(stores: readonly CredentialStore[]): CredentialStore {
  return {
    credentialFor(host, repository) {
      for (const store of stores) {
        const found = store.credentialFor(host, repository);
        if (found !== undefined) return found;
      }
      return undefined;
    },
  };
}

/**
 * One credential for each place as a docker config file that every docker client reads alike: bare hosts, docker.io
 * under its old name, `auth` encoded anew.
 *
 * @param places host as the client reaches it → credential; undefined is left out
 */
export function dockerConfigOf(places: ReadonlyMap<string, Credential | undefined>): string {
  const auths: Record<string, object> = {};
  for (const [host, credential] of places) {
    if (credential === undefined) continue;
    const { username } = credential;
    const password = credential.kind === 'password' ? credential.password : '';
    const auth = Buffer.from(`${username}:${password}`).toString('base64');
    auths[host === DOCKER_HUB ? 'https://index.docker.io/v1/' : host] =
      credential.kind === 'password' ? { auth } : { auth, identitytoken: credential.token };
  }
  return JSON.stringify({ auths });
}

const HUB_NAMES = new Set([DOCKER_HUB, 'index.docker.io', 'registry-1.docker.io']);
const HOST = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?$/;

/** Host and path of an `auths` key: `host`, `host:port`, `host/path`, `https://host/v1/`. */
function placeOf(key: string): { host: string; path: string } | undefined {
  const rest = key.trim().replace(/^https?:\/\//i, '');
  const slash = rest.indexOf('/');
  const host = (slash < 0 ? rest : rest.slice(0, slash)).toLowerCase();
  if (!HOST.test(host)) return undefined;
  const path = (slash < 0 ? '' : rest.slice(slash)).replace(/^\/v[12](?=\/|$)/, '').replace(/^\/+|\/+$/g, '');
  return { host: HUB_NAMES.has(host) ? DOCKER_HUB : host, path };
}

/** The credential of one entry, or a sentence saying why there is none. */
function credentialOf(value: unknown): Credential | string {
  const entry = entrySchema.safeParse(value);
  if (!entry.success) return 'write {"auth": "<base64 of user:password>"}';
  const { auth, identitytoken, registrytoken } = entry.data;

  let username = entry.data.username ?? '';
  let password = entry.data.password ?? '';
  if (auth) {
    // Docker pads decoded passwords with NUL on some platforms (docker/cli decodeAuth).
    const decoded = Buffer.from(auth, 'base64').toString().replace(/\0+$/, '');
    const colon = decoded.indexOf(':');
    if (colon <= 0) return 'its "auth" is not the base64 of user:password';
    username = decoded.slice(0, colon);
    password = decoded.slice(colon + 1);
  }
  if (identitytoken) return { kind: 'identity-token', username: username || '<token>', token: identitytoken };
  if (username && password) return { kind: 'password', username, password };
  if (registrytoken) return '"registrytoken" is not supported; give a user name and password';
  return 'holds no user name and password (are they in a credential store?)';
}

function longest(logins: readonly Login[], host: string, repository: string): Credential | undefined {
  let best: Login | undefined;
  for (const login of logins) {
    if (login.host !== host || !covers(login.path, repository)) continue;
    if (best === undefined || login.path.length > best.path.length) best = login;
  }
  return best?.credential;
}

function covers(path: string, repository: string): boolean {
  return path === '' || repository === path || repository.startsWith(`${path}/`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message quotes the text, which may hold a password.
    throw new DockerConfigError('the docker config file is not JSON');
  }
}
