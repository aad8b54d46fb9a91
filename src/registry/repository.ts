/** One repository of a registry, with the rights and the signal of the question that is asked about it. */
import type { Authorization, Question } from './authorization.ts';
import type { Endpoint } from './endpoint.ts';
import type { Reply } from './transport.ts';

export interface AskOptions {
  /** What a token is asked for; `pull,push` asks with the rights a push would need. @default 'pull' */
  readonly scope?: 'pull' | 'pull,push';
  /** Ends the question; the promise rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

export interface Repository {
  readonly endpoint: Endpoint;
  /** Its path inside the registry. */
  readonly name: string;
  /**
   * One exchange, logged in as needed; its answer is bounded.
   *
   * @param path below the repository: `manifests/latest`
   * @throws RegistryFailure for everything but a reply
   */
  ask(
    method: Question['method'],
    path: string,
    more?: Partial<Pick<Question, 'accept' | 'content' | 'mostBytes' | 'file' | 'timeoutMs'>>,
  ): Promise<Reply>;
}

/** The distribution-spec guarantees manifests up to 4 MiB; configs of that size are unheard of. */
const MOST_BYTES = 4 * 1024 * 1024;

export function repositoryAt(
  endpoint: Endpoint,
  name: string,
  authorization: Authorization,
  { scope = 'pull', signal }: AskOptions,
): Repository {
  return {
    endpoint,
    name,
    ask: (method, path, more) =>
      authorization.ask(endpoint, {
        method,
        path,
        repository: name,
        actions: scope,
        signal,
        mostBytes: MOST_BYTES,
        ...more,
      }),
  };
}
