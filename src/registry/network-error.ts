/** What went wrong on the wire, in words a user understands and can act on. */
import { AddressRefused } from './address.ts';
import { oneLine } from './answer.ts';

const SENTENCES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
  ENOTFOUND: 'no such host name',
  EAI_AGAIN: 'its name could not be looked up just now',
  EHOSTUNREACH: 'no route to this host',
  ENETUNREACH: 'no route to this host',
  ETIMEDOUT: 'no connection in time',
  UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
  UND_ERR_HEADERS_TIMEOUT: 'no answer in time',
  UND_ERR_BODY_TIMEOUT: 'no answer in time',
  UND_ERR_HEADERS_OVERFLOW: 'its answer is not HTTP that can be read',
  UND_ERR_PRX_CONN: 'the proxy cut the connection',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  ERR_SSL_WRONG_VERSION_NUMBER:
    'it does not speak HTTPS; plain HTTP needs insecure: true in its registries entry of the settings',
  ERR_SSL_PACKET_LENGTH_TOO_LONG:
    'it does not speak HTTPS; plain HTTP needs insecure: true in its registries entry of the settings',
};

const UNKNOWN_AUTHORITY = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** The error's cause in a few words, without the host: `connection refused`. */
export function sentenceOf(error: unknown): string {
  const code = codeOf(error);
  if (code !== undefined) {
    const known = SENTENCES[code];
    if (known !== undefined) return known;
    if (UNKNOWN_AUTHORITY.has(code))
      return 'its certificate is signed by an authority nobody here knows; add that to caBundle in the settings';
    if (code.startsWith('ERR_SSL_')) return `TLS failed (${oneLine(code, 60)})`;
  }
  if (error instanceof Error && error.name === 'HTTPParserError')
    return 'its answer is not HTTP that can be read';
  return oneLine(error instanceof Error ? error.message : String(error), 120) || 'the network failed';
}

/** Where the error is our own refusal to connect to the URL's address: why, and what can be done about it. */
export function refusalIn(error: unknown, url: URL): string | undefined {
  const refused = refusedAddress(error);
  if (refused === undefined) return undefined;
  const { address, range } = refused;
  const literal = url.hostname.replace(/^\[|\]$/g, '') === address;
  const where = literal ? `${address} is` : `${url.hostname} is ${address}, which is`;
  return `${where} ${range}, which is not asked; an administrator can allow it by an entry for ${url.host} under registries in the settings`;
}

function refusedAddress(error: unknown): AddressRefused | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof AddressRefused) return at;
    if (at instanceof AggregateError && at.errors[0] instanceof AddressRefused) return at.errors[0];
  }
  return undefined;
}

const PASSING = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'EAI_AGAIN']);

/** True for failures that a second try within a second may mend; never for timeouts, TLS or unknown names. */
export function maySoonPass(error: unknown): boolean {
  return PASSING.has(codeOf(error) ?? '');
}

/** The first error code along the chain of causes and of parallel connection attempts. */
function codeOf(error: unknown, depth = 0): string | undefined {
  if (!(error instanceof Error) || depth > 5) return undefined;
  const code = (error as NodeJS.ErrnoException).code;
  if (typeof code === 'string' && code !== 'UND_ERR') return code;
  const inner = error instanceof AggregateError ? error.errors[0] : error.cause;
  return codeOf(inner, depth + 1);
}
