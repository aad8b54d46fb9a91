/**
 * One error for everything that can go wrong between us and the API server.
 *
 * Its message is the server's own words, cut to a kilobyte: never headers, never a whole body.
 */

/** How the API server, or the way to it, said no. */
export class KubeError extends Error {
  override name = 'KubeError';
  /** HTTP status; 0 when no answer came. */
  readonly code: number;
  /** The server's machine word (`AlreadyExists`, `Expired`), or the network's (`ECONNREFUSED`, `Timeout`). */
  readonly reason: string;
  /** `POST /apis/batch/v1/namespaces/a/jobs`; empty for an error inside a watch. */
  readonly request: string;
  /** What the server asked us to wait, from Retry-After. */
  readonly retryAfterMs: number | undefined;

  constructor(
    facts: {
      code: number;
      reason: string;
      message: string;
      request?: string;
      retryAfterMs?: number | undefined;
    },
    options?: ErrorOptions,
  ) {
    super(facts.message.slice(0, 1024), options);
    this.code = facts.code;
    this.reason = facts.reason;
    this.request = facts.request ?? '';
    this.retryAfterMs = facts.retryAfterMs;
  }
}

/** Whatever was thrown, in three words fit for a log line or a condition. */
export function kubeErrorOf(error: unknown): { code: number; reason: string; message: string } {
  if (error instanceof KubeError) return { code: error.code, reason: error.reason, message: error.message };
  const { reason, message } = networkWords(error);
  return { code: 0, reason, message };
}

/** The error of an answer outside 200-299, or of an ERROR event: both carry a Kubernetes Status. */
export function errorOfStatus(
  code: number,
  body: unknown,
  about: { request?: string; retryAfterMs?: number | undefined } = {},
): KubeError {
  const status = (typeof body === 'object' && body !== null ? body : {}) as {
    reason?: unknown;
    message?: unknown;
  };
  const words = typeof body === 'string' && body.trim() !== '' ? body.trim() : `HTTP status ${code}`;
  return new KubeError({
    ...about,
    code,
    reason: typeof status.reason === 'string' && status.reason !== '' ? status.reason : `Status${code}`,
    message: typeof status.message === 'string' && status.message !== '' ? status.message : words,
  });
}

/** The error of a request that got no whole answer; errors that already are ours pass. */
export function errorOfNetwork(error: unknown, request: string): KubeError {
  if (error instanceof KubeError) return error;
  return new KubeError({ ...networkWords(error), code: 0, request }, { cause: error });
}

function networkWords(error: unknown): { reason: string; message: string } {
  if (!(error instanceof Error)) return { reason: 'Unknown', message: String(error).slice(0, 1024) };
  // Connecting to several addresses fails with an AggregateError whose own message is empty.
  const inner = error instanceof AggregateError ? error.errors[0] : error.cause;
  const code = (error as { code?: unknown }).code ?? (inner as { code?: unknown } | undefined)?.code;
  const message = error.message || (inner instanceof Error ? inner.message : '') || error.name;
  return {
    reason: error.name === 'TimeoutError' ? 'Timeout' : typeof code === 'string' ? code : error.name,
    message: message.slice(0, 1024),
  };
}

/**
 * The words with which the server refuses what it understood: a quota, a policy, or the lack of an answer of one, what no
 * object can be.
 *
 * @throws the error itself, if it is another
 */
export function refusedWords(error: unknown): string {
  if (!(error instanceof KubeError)) throw error;
  const silent = error.code === 500 && error.message.includes('failed calling webhook');
  if (silent || [400, 403, 422].includes(error.code)) return error.message;
  throw error;
}
