/**
 * One HTTP exchange with a registry or its token server, made safe.
 *
 * Every answer is bounded in size and time. Redirects are followed here, at most five: each target passes
 * the address check anew, and `Authorization` stays with the origin (scheme, host, port) it was meant for.
 * What fails on the wire is thrown as a `RegistryFailure`; any HTTP status is a reply.
 */
import { open } from 'node:fs/promises';
import pRetry from 'p-retry';
import { type Dispatcher, request } from 'undici';
import type { Settings } from '../settings.ts';
import { denied, RegistryFailure, retryAfterMs, unavailable } from './answer.ts';
import { type ConnectionOptions, Connections } from './connections.ts';
import { authorityOf, type Endpoint, isUnchecked, trustOf } from './endpoint.ts';
import { HostLimits } from './host-limits.ts';
import { maySoonPass, refusalIn, sentenceOf } from './network-error.ts';

export interface TransportOptions extends ConnectionOptions {
  readonly registries: Settings['registries'];
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** One request. GET and HEAD are tried again when that may help; others are sent once and never redirected. */
export interface Exchange {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Most bytes of a good (2xx) body; more is a failure. Of other bodies the first 8 KiB are kept. */
  readonly mostBytes: number;
  /** Who is asked, as messages name it. */
  readonly subject: string;
  /** Where a good body is written instead of being kept in memory. */
  readonly file?: string | undefined;
  /** For one request with its whole answer, where the usual time is too short. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Reply {
  readonly status: number;
  /** A header's value; repeated ones are joined by a comma. @param name lower case */
  header(name: string): string | undefined;
  readonly body: Buffer;
  /** True when another origin than the one asked gave this reply. */
  readonly elsewhere: boolean;
  /** What the server asked to wait, from `Retry-After`. */
  readonly retryAfterMs: number | undefined;
}

const MOST_REDIRECTS = 5;
const MOST_ERROR_BYTES = 8 * 1024;
const CONCURRENCY_PER_HOST = 8;
const RETRY = { retries: 2, minTimeout: 200, factor: 2, maxRetryTime: 3000, randomize: false };

export class Transport {
  readonly #options: TransportOptions;
  readonly #connections: Connections;
  readonly #limits: HostLimits;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#connections = new Connections(options);
    this.#limits = new HostLimits(options.now, CONCURRENCY_PER_HOST);
  }

  /**
   * @param own the registry this is about, which decides how far targets are trusted
   * @throws RegistryFailure for everything but a reply; the signal's reason when the caller gave up
   */
  async send(own: Endpoint, exchange: Exchange): Promise<Reply> {
    const start = new URL(exchange.url);
    let url = start;
    let { headers, subject } = exchange;
    for (let hop = 0; hop <= MOST_REDIRECTS; hop++) {
      const reply = await this.#retried(own, { ...exchange, headers, subject }, url);
      const location = reply.header('location');
      if (!isReading(exchange.method) || !REDIRECTS.has(reply.status) || location === undefined)
        return { ...reply, elsewhere: url.origin !== start.origin };
      const next = redirectTarget(url, location, exchange.subject);
      if (next.origin !== url.origin) headers = withoutAuthorization(headers);
      if (next.origin !== start.origin) subject = `${exchange.subject} redirects to ${next.host}`;
      url = next;
    }
    throw unavailable(`${exchange.subject}: more than ${MOST_REDIRECTS} redirects`);
  }

  close(): Promise<void> {
    return this.#connections.close();
  }

  async #retried(own: Endpoint, exchange: Exchange, url: URL): Promise<Reply> {
    const idempotent = isReading(exchange.method);
    let last: Reply | undefined;
    const attempt = async () => {
      last = undefined;
      last = await this.#limits.run(authorityOf(url), () => this.#once(own, exchange, url), exchange.signal);
      if (isPassing(last, exchange.method)) throw new Error(`status ${last.status}`);
      return last;
    };
    try {
      return await pRetry(attempt, {
        ...RETRY,
        ...(exchange.signal === undefined ? {} : { signal: exchange.signal }),
        shouldRetry: ({ error }) => idempotent && (last !== undefined || maySoonPass(error)),
      });
    } catch (error) {
      if (last !== undefined) return last;
      exchange.signal?.throwIfAborted();
      throw error;
    }
  }

  async #once(own: Endpoint, exchange: Exchange, url: URL): Promise<Reply> {
    const { subject } = exchange;
    const authority = authorityOf(url);
    const pause = this.#limits.pauseOf(authority);
    if (pause) throw unavailable(`${subject}: ${pause.words}`, pause.ms);

    const since = this.#options.now();
    const timeoutMs = exchange.timeoutMs ?? this.#options.timeoutMs;
    const timeout = AbortSignal.timeout(timeoutMs);
    const signal = exchange.signal === undefined ? timeout : AbortSignal.any([exchange.signal, timeout]);
    try {
      const trust = trustOf(this.#options.registries, own, url);
      const unchecked = isUnchecked(this.#options.registries, url);
      const response = await request(url, {
        dispatcher: this.#connections.poolFor(url, trust, unchecked),
        method: exchange.method,
        headers: { 'user-agent': 'imagespec-operator', ...exchange.headers },
        body: exchange.body ?? null,
        signal,
        // undici closes the connection after each HEAD unless told not to.
        reset: false,
      });
      this.#limits.answered(authority);
      const reply = await this.#read(response, exchange);
      if (reply.retryAfterMs !== undefined && (reply.status === 429 || reply.status === 503))
        this.#limits.pause(authority, reply.retryAfterMs);
      return reply;
    } catch (error) {
      if (error instanceof RegistryFailure) throw error;
      exchange.signal?.throwIfAborted();
      const refusal = refusalIn(error, url);
      if (refusal !== undefined) throw denied(`${subject}: ${refusal}`, error);
      const what = timeout.aborted ? `no answer within ${timeoutMs / 1000} s` : sentenceOf(error);
      this.#limits.failed(authority, since, what);
      throw unavailable(`${subject}: ${what}`, undefined, error);
    }
  }

  async #read(response: Dispatcher.ResponseData, exchange: Exchange): Promise<Reply> {
    const good = response.statusCode >= 200 && response.statusCode < 300;
    const most = good ? exchange.mostBytes : MOST_ERROR_BYTES;
    const header = (name: string): string | undefined => {
      const value = response.headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    };
    const chunks: Buffer[] = [];
    await using file = good && exchange.file !== undefined ? await open(exchange.file, 'w') : undefined;
    let bytes = 0;
    // Leaving the loop early destroys the body, and with it the connection.
    for await (const chunk of response.body) {
      bytes += chunk.length;
      if (file === undefined) chunks.push(chunk);
      else if (bytes <= most) await file.writeFile(chunk);
      if (bytes <= most) continue;
      if (good) throw unavailable(`${exchange.subject}: its answer is larger than ${most} bytes`);
      break;
    }
    return {
      status: response.statusCode,
      header,
      body: Buffer.concat(chunks).subarray(0, most),
      elsewhere: false,
      retryAfterMs: retryAfterMs(header('retry-after'), this.#options.now()),
    };
  }
}

const isReading = (method: Exchange['method']) => method === 'GET' || method === 'HEAD';

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** A 500 to HEAD is not tried again: the GET that follows reads its reason. */
function isPassing(reply: Reply, method: Exchange['method']): boolean {
  if (reply.retryAfterMs !== undefined || !isReading(method)) return false;
  return [502, 503, 504].includes(reply.status) || (reply.status === 500 && method === 'GET');
}

function redirectTarget(from: URL, location: string, subject: string): URL {
  if (!URL.canParse(location, from.href))
    throw unavailable(`${subject}: redirects to something that is no URL`);
  const next = new URL(location, from);
  const names = `${subject} redirects to ${next.protocol}//${next.host}`;
  if (next.protocol !== 'https:' && next.protocol !== 'http:') throw denied(`${names}, which is not HTTP`);
  if (from.protocol === 'https:' && next.protocol === 'http:')
    throw denied(`${names}: from HTTPS to plain HTTP, which is not followed`);
  next.username = '';
  next.password = '';
  return next;
}

function withoutAuthorization(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'authorization'),
  );
}
