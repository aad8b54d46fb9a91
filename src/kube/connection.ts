/**
 * The way to the API server: requests with a deadline over one pool of connections, raw JSON both ways.
 *
 * Raw on purpose. The generated client opens a connection per request, has no timeouts, turns times into Dates
 * in lists but not in watches, and drops fields it does not know. Here an object is the same wherever it comes from.
 */
import type { Readable } from 'node:stream';
import { Agent, type Dispatcher, ProxyAgent, request as send } from 'undici';
import { type Access, kubeconfigAccess, podAccess } from './access.ts';
import { errorOfNetwork, errorOfStatus, KubeError } from './errors.ts';

/** Media types of request bodies; a JSON body is YAML too, so it serves server-side apply. */
export const CONTENT = {
  json: 'application/json',
  apply: 'application/apply-patch+yaml',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
} as const;

export interface KubeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  /** @default CONTENT.json */
  readonly contentType?: (typeof CONTENT)[keyof typeof CONTENT];
  /** For the whole request. @default 10_000 */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * JSON that is YAML too, whatever the text: YAML takes some characters only as escapes, and half a surrogate pair, as a
 * cut text ends with, not at all.
 */
function jsonOf(body: unknown): string {
  const whole = (_key: string, value: unknown) => (typeof value === 'string' ? value.toWellFormed() : value);
  return JSON.stringify(body, whole).replace(
    /[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Our words for one API server. */
export interface Connection {
  readonly server: string;
  /**
   * Sends a request and reads the whole answer.
   *
   * @throws KubeError for every answer outside 200-299 and when none came in time
   */
  request<T>(request: KubeRequest): Promise<T>;
  /**
   * Opens a watch. `timeoutMs` is for the answer to begin; after that only `signal` ends it.
   *
   * @throws KubeError as {@link request} does; errors in the stream itself are the network's own
   */
  stream(request: KubeRequest): Promise<Readable>;
  /** Ends what is under way and closes the pool. */
  close(): Promise<void>;
}

export interface ConnectOptions {
  /** Path of a kubeconfig; without it the Pod's service account. */
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  /** The process's environment; needed without a kubeconfig. */
  readonly env?: Record<string, string | undefined>;
}

const TIMEOUT_MS = 10_000;
/** Far above any honest answer: a page of the largest objects stays below it. */
const MAX_BYTES = 256 * 1024 * 1024;

/** Reads who we are; the first request opens the first connection. */
export async function connect(options: ConnectOptions): Promise<Connection> {
  return connectionOver(
    options.kubeconfig === undefined
      ? await podAccess(options.env ?? {})
      : await kubeconfigAccess(options.kubeconfig, options.context),
  );
}

/** A connection as someone. */
export function connectionOver(access: Access): Connection {
  const dispatcher = poolOf(access);

  async function begin(request: KubeRequest, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const url = new URL(access.server + request.path);
    for (const [name, value] of Object.entries(request.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const headers: Record<string, string> = {
      ...(await access.headers()),
      accept: 'application/json',
      'user-agent': 'imagespec-operator',
    };
    if (request.body !== undefined) headers['content-type'] = request.contentType ?? CONTENT.json;
    const response = await send(url, {
      dispatcher,
      method: request.method,
      headers,
      body: request.body === undefined ? null : jsonOf(request.body),
      signal,
      // The deadline is ours; undici's two would cut a quiet watch.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    if (response.statusCode >= 200 && response.statusCode <= 299) return response;

    if (response.statusCode === 401) access.forget();
    const text = await textOf(response.body, 1024 * 1024);
    const seconds = Number(response.headers['retry-after'] ?? Number.NaN);
    throw errorOfStatus(response.statusCode, jsonOr(text), {
      request: wordsOf(request),
      retryAfterMs: Number.isFinite(seconds) ? seconds * 1000 : undefined,
    });
  }

  return {
    server: access.server,
    request: (request) =>
      within(request, async (signal) => {
        const response = await begin(request, signal);
        return JSON.parse(await textOf(response.body, MAX_BYTES));
      }),
    stream: (request) =>
      within(request, async (signal) => {
        const { body } = await begin(request, signal);
        // `within` hears the caller's signal only until the answer has begun.
        const end = () => body.destroy(request.signal?.reason);
        request.signal?.addEventListener('abort', end, { once: true });
        // An error before anyone reads must not end the process; the reader still gets it.
        body.on('error', () => {});
        body.once('close', () => request.signal?.removeEventListener('abort', end));
        if (request.signal?.aborted) end();
        return body;
      }),
    close: () => dispatcher.destroy(),
  };
}

/**
 * HTTP/1.1 only: each watch then has a connection of its own, and one that hangs takes no other request along.
 * The server closes idle connections after 90 s; ours go first, so no request meets a closing one.
 */
function poolOf(access: Access): Dispatcher {
  const connect = { ...access.tls, allowH2: false, keepAlive: true, keepAliveInitialDelay: 30_000 };
  const options = { allowH2: false, keepAliveTimeout: 30_000, keepAliveMaxTimeout: 60_000 };
  if (access.proxy === undefined) return new Agent({ ...options, connect });
  return new ProxyAgent({ ...options, uri: access.proxy, requestTls: connect });
}

/** Runs `work` until it ends, its time is over or the caller's signal fires; fails with KubeError only. */
async function within<T>(request: KubeRequest, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const timeoutMs = request.timeoutMs ?? TIMEOUT_MS;
  const controller = new AbortController();
  // Not AbortSignal.any: what it derives may be collected before it fires.
  const abort = () => controller.abort(request.signal?.reason);
  const timer = setTimeout(
    () => controller.abort(new DOMException(`no answer within ${timeoutMs / 1000} s`, 'TimeoutError')),
    timeoutMs,
  );
  request.signal?.addEventListener('abort', abort, { once: true });
  if (request.signal?.aborted) abort();
  // A race, because not everything hears the signal: a plugin that signs in, a request that waits for a connection.
  const over = new Promise<never>((_, reject) => {
    controller.signal.addEventListener('abort', () => reject(controller.signal.reason), { once: true });
    if (controller.signal.aborted) reject(controller.signal.reason);
  });
  try {
    return await Promise.race([work(controller.signal), over]);
  } catch (error) {
    throw errorOfNetwork(error, wordsOf(request));
  } finally {
    clearTimeout(timer);
    request.signal?.removeEventListener('abort', abort);
  }
}

async function textOf(body: Readable, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) {
      throw new KubeError({
        code: 0,
        reason: 'TooLarge',
        message: `the answer is larger than ${maxBytes} bytes`,
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function wordsOf(request: KubeRequest): string {
  return `${request.method} ${request.path}`;
}
