/**
 * Image references: reading, Docker's defaults, printing.
 *
 * Grammar: github.com/distribution/reference (the one containerd and Docker use); a first part is a
 * host only with a `.`, a `:` or when it is `localhost`, else the image is on docker.io, where a single
 * name lives under `library/`. IPv6 hosts are not accepted, as flytekit does not accept them either.
 */

/** An image in a registry. At least one of `tag` and `digest` is set. */
export interface ImageReference {
  /** `host[:port]`, lower case; Docker Hub is always `docker.io`. */
  readonly host: string;
  /** Path inside the registry, lower case, without host and tag: `library/python`. */
  readonly repository: string;
  readonly tag?: string;
  /** `sha256:<64 hex>`. */
  readonly digest?: string;
}

const HOST =
  /^(?:[a-z0-9]|[a-z0-9][a-z0-9-]*[a-z0-9])(?:\.(?:[a-z0-9]|[a-z0-9][a-z0-9-]*[a-z0-9]))*(?::[0-9]{1,5})?$/;
const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Docker Hub's canonical name; `index.docker.io` means the same. */
export const DOCKER_HUB = 'docker.io';

export const isTag = (text: string): boolean => TAG.test(text);
export const isDigest = (text: string): boolean => DIGEST.test(text);

/** Splits `host[:port][/path]` as Docker does: without a recognisable host the whole text is a path on docker.io. */
export function splitHost(text: string): { host: string; path: string } {
  const slash = text.indexOf('/');
  const first = slash < 0 ? text : text.slice(0, slash);
  const rest = slash < 0 ? '' : text.slice(slash + 1);
  if (!/[.:]/.test(first) && first !== 'localhost') return { host: DOCKER_HUB, path: text };
  return { host: first === 'index.docker.io' ? DOCKER_HUB : first, path: rest };
}

/** True for a legal host and repository whose full name keeps the 255 characters registries accept. */
export function isRepository(host: string, repository: string): boolean {
  return (
    HOST.test(host) &&
    portOk(host) &&
    REPOSITORY.test(repository) &&
    host.length + 1 + repository.length <= 255
  );
}

/** Docker takes 64 hex digits for an image's local id, never for a name. */
const LOCAL_ID = /^[0-9a-f]{64}$/;

/**
 * Reads `[host/]path[:tag][@digest]`. A missing tag becomes `latest` unless a digest is given.
 * A host in capitals is lower-cased, as names in DNS are; a path in capitals is refused.
 * Returns undefined for anything the grammar refuses.
 */
export function parseReference(text: string): ImageReference | undefined {
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  const named = at < 0 ? text : text.slice(0, at);
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1);
  const tag = colon < 0 ? undefined : named.slice(colon + 1);
  const name = colon < 0 ? named : named.slice(0, colon);
  const slash = name.indexOf('/');
  // Without a slash there is no host, whatever the dots: `my.image` is docker.io/library/my.image.
  const { host, path } =
    slash < 0
      ? { host: DOCKER_HUB, path: name }
      : splitHost(name.replace(/^[^/]*[.:][^/]*/, (first) => first.toLowerCase()));
  if (LOCAL_ID.test(text)) return undefined;
  const repository = host === DOCKER_HUB && !path.includes('/') ? `library/${path}` : path;
  if (!isRepository(host, repository)) return undefined;
  if (tag !== undefined && !isTag(tag)) return undefined;
  if (digest !== undefined && !isDigest(digest)) return undefined;
  return {
    host,
    repository,
    ...(tag !== undefined ? { tag } : digest === undefined ? { tag: 'latest' } : {}),
    ...(digest !== undefined ? { digest } : {}),
  };
}

/** `host/repository[:tag][@digest]`, always with the host. */
export function printReference(ref: ImageReference): string {
  return `${ref.host}/${ref.repository}${ref.tag === undefined ? '' : `:${ref.tag}`}${ref.digest === undefined ? '' : `@${ref.digest}`}`;
}

function portOk(host: string): boolean {
  const colon = host.indexOf(':');
  return colon < 0 || Number(host.slice(colon + 1)) <= 65535;
}
