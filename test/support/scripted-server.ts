/** A server that answers as a test tells it to, and remembers what it was asked. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Certificate } from './certificate.ts';
import { type Listening, listen } from './listen.ts';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Scripted {
  readonly status?: number;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string | Buffer;
}

export interface ScriptedServer extends Listening {
  readonly asked: Asked[];
  /** Sockets opened so far. */
  readonly connections: () => number;
}

/**
 * @param answer what to send; a function takes over the raw response; undefined never answers
 * @param certificate makes it HTTPS
 */
export async function startScripted(
  answer: (asked: Asked) => Scripted | ((response: ServerResponse) => void) | undefined,
  certificate?: Certificate,
): Promise<ScriptedServer> {
  const asked: Asked[] = [];
  let connections = 0;
  const listener = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const question = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(chunks).toString(),
    };
    asked.push(question);
    const scripted = answer(question);
    if (scripted === undefined) return;
    if (typeof scripted === 'function') return scripted(response);
    response.writeHead(scripted.status ?? 200, scripted.headers).end(scripted.body);
  };
  const server =
    certificate === undefined
      ? createServer(listener)
      : createSecureServer({ cert: certificate.certificatePem, key: certificate.privateKeyPem }, listener);
  server.on(certificate === undefined ? 'connection' : 'secureConnection', () => connections++);
  return { ...(await listen(server)), asked, connections: () => connections };
}
