/**
 * What the words of pip's, apt's and registries' tools mean, a list for each step; the first that fits wins.
 *
 * Order matters: what says exactly what is wrong comes before what only says that something was not reached.
 */
import type { FailureReason } from '../api/reasons.ts';

export interface Rule {
  readonly reason: FailureReason;
  readonly pattern: RegExp;
  /** `$1` is what the pattern found. */
  readonly headline: string;
}

/** Looked for in the last lines of any step: earlier ones may be a test's own words. */
export const ANYWHERE: readonly Rule[] = [
  {
    reason: 'OutOfDisk',
    pattern: /no space left on device|disk quota exceeded|enough free space/i,
    headline: 'no space left on the disk of the build',
  },
  {
    reason: 'OutOfMemory',
    pattern:
      /exit code: 137|signal: (?:killed|9\b)|SIGKILL|Killed signal|terminated by signal 9|cannot allocate memory|\bKilled\s*$/im,
    headline: 'the build was killed for want of memory',
  },
];

/** A sentence of uv, which breaks lines at 80 characters; a time stamp and its frame may stand before each. */
function wrapped(words: string): RegExp {
  return new RegExp(words.replaceAll(' ', '\\s+(?:#\\d+ )?(?:\\d+\\.\\d{1,3}\\s+)?(?:│\\s*)*'));
}

/** A company's proxy that signs anew: the administrator can name its authority. */
const UNTRUSTED: Rule = {
  reason: 'BuildFailed',
  pattern: /(invalid peer certificate: \w+|certificate verif\w+ failed|self-signed certificate)/i,
  headline:
    "a certificate is signed by nobody the build trusts ($1); the operator's caBundle can name the authority",
};

const UNREACHED =
  /(error sending request|dns error|Could not resolve host|connection refused|connection reset|timed out|server error \(5\d\d[^)]*\))/i;

export const PYTHON: readonly Rule[] = [
  {
    reason: 'BuildFailed',
    pattern: /The lockfile at [^\n]* needs to be updated/,
    headline: 'uv.lock does not fit the pyproject.toml beside it; run uv lock',
  },
  {
    reason: 'BuildFailed',
    pattern: /pyproject\.toml changed significantly since poetry\.lock was last generated/,
    headline: 'poetry.lock does not fit the pyproject.toml beside it; run poetry lock',
  },
  {
    reason: 'BuildFailed',
    pattern: /Git executable not found/,
    headline: 'a git+ package needs git in the image: add git to spec.aptPackages',
  },
  {
    reason: 'PackageNotFound',
    pattern: wrapped('Because ([A-Za-z0-9][A-Za-z0-9._-]*) was not found in the package (?:registry|index)'),
    headline: '$1: no such package',
  },
  {
    reason: 'PackageNotFound',
    pattern: wrapped('there (?:is|are) no versions? of ([A-Za-z0-9][A-Za-z0-9._-]*(?:\\[[^\\]]*\\])?\\S*)'),
    headline: '$1: no such version',
  },
  UNTRUSTED,
  {
    reason: 'PackageNotFound',
    pattern: /HTTP status client error \(404[^)]*\) for url \(([^)\s]+)\)/,
    headline: '$1: nothing is there',
  },
  {
    reason: 'BuildFailed',
    pattern: /HTTP status client error \((4\d\d[^)]*)\)/,
    headline: 'the package index refuses ($1)',
  },
  { reason: 'BuildFailed', pattern: /Hash mismatch/i, headline: 'a package is not what its hash says' },
  {
    reason: 'BuildFailed',
    pattern: /Failed to build `?([^`\n]+)`?/,
    headline: 'the package $1 could not be built',
  },
  { reason: 'IndexUnreachable', pattern: UNREACHED, headline: 'the package index could not be reached ($1)' },
  { reason: 'BuildFailed', pattern: /Git operation failed/, headline: 'git could not fetch a package' },
  {
    reason: 'PackageNotFound',
    pattern: /No solution found|Failed to resolve/,
    headline: 'no set of versions fits all packages',
  },
];

export const APT: readonly Rule[] = [
  {
    reason: 'PackageNotFound',
    pattern: /Unable to locate package (\S+)/,
    headline: '$1: no such Debian package',
  },
  {
    reason: 'PackageNotFound',
    pattern: /Package '?([^\s']+)'? has no installation candidate/,
    headline: '$1: no such Debian package',
  },
  {
    reason: 'PackageNotFound',
    pattern: /Version '[^']*' for '([^']+)' was not found/,
    headline: '$1: no such version of this Debian package',
  },
  UNTRUSTED,
  {
    reason: 'IndexUnreachable',
    pattern:
      /(Could not resolve|Unable to connect|Failed to fetch|Connection (?:refused|timed out|failed)|Temporary failure)/,
    headline: 'the Debian mirror could not be reached ($1)',
  },
];

/** What engines say of registries, in words of containerd's and Google's clients and of the registry itself. */
export const REGISTRY: readonly Rule[] = [
  {
    reason: 'Interrupted',
    // The words of grpc's own client, which speaks with nobody but the daemon.
    pattern:
      /^error: [^\n]*(?:rpc error: code = Unavailable|error reading from server|connection error: desc = "transport|closing transport|transport is closing|received prior goaway)/m,
    headline: 'the BuildKit daemon went away during the build',
  },
  {
    reason: 'BaseImageNotFound',
    pattern: /failed to resolve source metadata for ([^\s:]+(?::\S+?)?): [^\n]*not found/,
    headline: '$1: no such image',
  },
  {
    reason: 'BaseImageNotFound',
    pattern: /GET https?:\/\/(\S+\/manifests\/\S+): (?:MANIFEST_UNKNOWN|NAME_UNKNOWN)/,
    headline: '$1: no such image',
  },
  {
    reason: 'RegistryUnreachable',
    pattern:
      /(unexpected status (?:from \w+ request to \S+|code) (?:5\d\d|429)[^\n]{0,60}|toomanyrequests[^\n]{0,60}|dial tcp[^\n]{0,120}|connection (?:refused|reset)|i\/o timeout|TLS handshake timeout|broken pipe|http2: [^\n]{0,60}|context deadline exceeded|no such host|code = Unavailable|\bEOF\b)/i,
    headline: 'a registry could not be reached ($1)',
  },
  {
    reason: 'TagImmutable',
    pattern:
      /(?:failed to push \S+ |unexpected status from PUT request to \S+ 4\d\d )[^\n]*(?:\n[^\n]*)?(?:immutab|already exists|not allow updating|disallowed)/i,
    headline: 'the registry does not let the tag be overwritten',
  },
  {
    reason: 'RegistryDenied',
    pattern:
      /((?:push access denied|insufficient_scope|unauthorized|: denied\b|401 Unauthorized|403 Forbidden)[^\n]{0,200})/i,
    headline: 'the registry refused ($1)',
  },
];
