/**
 * The sockets: one pool a degree of trust, so that a connection made under a looser rule is never
 * reused under a stricter one.
 *
 * Certificates are checked against Node's own authorities (with NODE_EXTRA_CA_CERTS) plus the bundle of the
 * settings. The check is off only for a host and port whose settings entry says `insecure` with an https endpoint.
 */
import { isIP } from 'node:net';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { Agent, type Dispatcher, EnvHttpProxyAgent } from 'undici';
import type { Settings } from '../settings.ts';
import { AddressRefused, guardedLookup, refusalOf, type Trust } from './address.ts';

export interface ConnectionOptions {
  /** PEM, in addition to the public authorities. */
  readonly caBundle?: string | undefined;
  readonly proxy?: Settings['proxy'];
  /** For a connection to be made. */
  readonly timeoutMs: number;
}

export class Connections {
  readonly #pools = new Map<string, Dispatcher>();
  readonly #options: ConnectionOptions;
  readonly #secureContext: SecureContext | undefined;
  #closed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    // Once, not for each connection: reading some 150 certificates takes milliseconds.
    this.#secureContext =
      options.caBundle === undefined
        ? undefined
        : createSecureContext({ ca: [...getCACertificates('default'), options.caBundle] });
  }

  /**
   * The pool for a request.
   *
   * @param unchecked leaves the server's certificate unchecked
   * @throws AddressRefused when the URL names a forbidden address literally; names are checked when connecting
   */
  poolFor(url: URL, trust: Trust, unchecked: boolean): Dispatcher {
    if (this.#closed) throw new Error('this client is closed');
    const literal = url.hostname.replace(/^\[|\]$/g, '');
    if (isIP(literal) !== 0) {
      const refusal = refusalOf(literal, trust);
      if (refusal !== undefined) throw new AddressRefused(literal, refusal);
    }
    const proxied = this.#isProxied(url);
    const key = `${trust} ${unchecked ? url.host : ''} ${proxied ? 'proxy' : 'direct'}`;
    let pool = this.#pools.get(key);
    if (pool === undefined) {
      pool = this.#makePool(trust, unchecked, proxied);
      this.#pools.set(key, pool);
    }
    return pool;
  }

  /** Ends all connections; what is under way fails. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()));
    this.#pools.clear();
  }

  #isProxied(url: URL): boolean {
    const { proxy } = this.#options;
    return (url.protocol === 'https:' ? proxy?.https : proxy?.http) !== undefined;
  }

  #makePool(trust: Trust, unchecked: boolean, proxied: boolean): Dispatcher {
    const tls = {
      ...(this.#secureContext === undefined ? {} : { secureContext: this.#secureContext }),
      ...(unchecked ? { rejectUnauthorized: false } : {}),
    };
    const connect = {
      ...tls,
      timeout: this.#options.timeoutMs,
      ...(trust === 'vouched' ? {} : { lookup: guardedLookup(trust) }),
    };
    // HTTP/1.1 suffices for a handful of small requests and is what every registry speaks.
    if (!proxied) return new Agent({ connect, allowH2: false });
    return new EnvHttpProxyAgent({
      connect,
      allowH2: false,
      requestTls: tls,
      ...(this.#secureContext === undefined ? {} : { proxyTls: { secureContext: this.#secureContext } }),
      // Given even when empty: undici reads the environment otherwise, and the settings are the only source.
      httpProxy: this.#options.proxy?.http ?? '',
      httpsProxy: this.#options.proxy?.https ?? '',
      noProxy: (this.#options.proxy?.noProxy ?? []).join(','),
    });
  }
}
