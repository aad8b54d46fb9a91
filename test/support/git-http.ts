/** Git over http(s): git's own `http-backend` behind a small server with a login. */
import { execFileSync, spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { join } from 'node:path';
import type { Certificate } from './certificate.ts';
import { type Listening, listen } from './listen.ts';

export interface GitHttpOptions {
  /** Folder of repositories. */
  readonly root: string;
  /** `user:password` that is asked for. @default nobody is asked */
  readonly login?: string;
  readonly certificate?: Certificate;
  /** Address to listen on. @default 127.0.0.1 */
  readonly address?: string;
  /**
   * `old` speaks the protocol in which a server may refuse to give a commit by its hash; `files` serves the repositories
   * as a server does that knows nothing of git. @default 'new'
   */
  readonly kind?: 'new' | 'old' | 'files';
}

export interface GitHttp extends Listening {
  /** The request lines so far. */
  readonly requests: string[];
}

export async function startGitHttp(options: GitHttpOptions): Promise<GitHttp> {
  const backend = join(execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim(), 'git-http-backend');
  const requests: string[] = [];
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    requests.push(`${request.method} ${request.url}`);
    const wanted = options.login && `Basic ${Buffer.from(options.login).toString('base64')}`;
    if (wanted !== undefined && request.headers.authorization !== wanted) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
      return;
    }
    if (options.kind === 'files') sendFile(options.root, request, response);
    else runBackend(backend, options, request, response);
  };
  const server = options.certificate
    ? createSecureServer(
        { cert: options.certificate.certificatePem, key: options.certificate.privateKeyPem },
        answer,
      )
    : createServer(answer);
  return { ...(await listen(server, options.address)), requests };
}

function sendFile(root: string, request: IncomingMessage, response: ServerResponse): void {
  const file = createReadStream(join(root, new URL(request.url ?? '/', 'http://any').pathname));
  file.once('error', () => response.writeHead(404).end()).pipe(response);
}

/** RFC 3875, as far as `git http-backend` wants it. */
function runBackend(
  backend: string,
  options: GitHttpOptions,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const url = new URL(request.url ?? '/', 'http://any');
  const { headers } = request;
  const child = spawn(backend, {
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: options.root,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      PATH_INFO: decodeURIComponent(url.pathname),
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: headers['content-type'] ?? '',
      CONTENT_LENGTH: headers['content-length'] ?? '',
      HTTP_CONTENT_ENCODING: headers['content-encoding'] ?? '',
      GIT_PROTOCOL: options.kind === 'old' ? '' : String(headers['git-protocol'] ?? ''),
      REMOTE_USER: 'tester',
      REMOTE_ADDR: '127.0.0.1',
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.on('error', () => undefined);
  request.pipe(child.stdin);
  let head = Buffer.alloc(0);
  child.stdout.on('data', (piece: Buffer) => {
    if (response.headersSent) return void response.write(piece);
    head = Buffer.concat([head, piece]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    const fields = head.subarray(0, end).toString().split('\r\n');
    const pairs = fields.map((field) => [
      field.slice(0, field.indexOf(':')),
      field.slice(field.indexOf(':') + 1).trim(),
    ]);
    const status = Number.parseInt(pairs.find(([name]) => name === 'Status')?.[1] ?? '200', 10);
    response.writeHead(status, Object.fromEntries(pairs.filter(([name]) => name !== 'Status')));
    response.write(head.subarray(end + 4));
  });
  child.once('close', () => response.end());
}
