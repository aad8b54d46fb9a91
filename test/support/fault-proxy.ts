/**
 * Faults between us and the real API server: plain HTTP in front, TLS with the kubeconfig's certificate behind.
 *
 * Without a fault it passes everything on as it is. It never invents an object: what it makes are refusals, silences
 * and broken connections.
 */
import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { request as secureRequest } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { kubeconfigAccess } from '../../src/kube/access.ts';

/** A request, as faults choose by it. */
export interface Seen {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly path: string;
  readonly watch: boolean;
  readonly query: URLSearchParams;
}

/**
 * What happens to a request instead of an answer: a refusal with this status; silence; a reset connection; an answer
 * of these bytes, after which the connection stays open (`open`) or ends.
 */
export type Fault =
  | { readonly kind: 'status'; readonly code: number; readonly reason?: string; readonly retryAfter?: number }
  | { readonly kind: 'hang' }
  | { readonly kind: 'reset' }
  | { readonly kind: 'answer'; readonly text: string; readonly open?: boolean };

export interface FaultProxy {
  /** A kubeconfig for it, beside the real one. */
  readonly kubeconfig: string;
  /** Every request so far, the refused ones too. */
  readonly seen: readonly Seen[];
  /** Gives the next `times` requests that fit this fault; earlier words come first. */
  inject(fault: Fault, when?: (request: Seen) => boolean, times?: number): void;
  /** Ends all open watches: as the server does, or with a reset. Resolves with how many there were. */
  cutWatches(how: 'end' | 'reset'): number;
  /** Open watches stay open, but nothing comes through any more, not even their end. */
  freezeWatches(): number;
  /** Every connection is reset, also new ones, until `up()`. */
  down(): void;
  up(): void;
  stop(): Promise<void>;
}

interface OpenWatch {
  readonly answer: ServerResponse;
  readonly upstream: IncomingMessage;
}

/** Starts a proxy before the API server of a kubeconfig. */
export async function startFaultProxy(kubeconfig: string): Promise<FaultProxy> {
  const access = await kubeconfigAccess(kubeconfig);
  const seen: Seen[] = [];
  const faults: { fault: Fault; when: (request: Seen) => boolean; left: number }[] = [];
  const watches = new Set<OpenWatch>();
  const sockets = new Set<Socket>();
  let isDown = false;

  const server = createServer((incoming, answer) => {
    const words = seenOf(incoming);
    seen.push(words);
    const chosen = faults.find(({ left, when }) => left > 0 && when(words));
    if (chosen !== undefined) {
      chosen.left -= 1;
      commit(chosen.fault, answer);
      return;
    }
    const { host: _, connection: __, ...headers } = incoming.headers;
    const send = access.server.startsWith('https:') ? secureRequest : request;
    const upstream = send(access.server + incoming.url, { ...access.tls, method: incoming.method, headers });
    upstream.on('error', () => answer.socket?.resetAndDestroy());
    upstream.on('response', (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      answer.flushHeaders();
      response.on('error', () => answer.socket?.resetAndDestroy());
      response.pipe(answer);
      if (!words.watch) return;
      const open = { answer, upstream: response };
      watches.add(open);
      answer.on('close', () => {
        watches.delete(open);
        response.destroy();
      });
    });
    incoming.pipe(upstream);
    answer.on('close', () => upstream.destroy());
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    if (isDown) socket.resetAndDestroy();
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));

  const { port } = server.address() as AddressInfo;
  const ownKubeconfig = `${kubeconfig}.${randomUUID()}`;
  await writeFile(ownKubeconfig, JSON.stringify(kubeconfigOf(`http://127.0.0.1:${port}`)));

  return {
    kubeconfig: ownKubeconfig,
    seen,
    inject(fault, when = () => true, times = 1) {
      faults.push({ fault, when, left: times });
    },
    cutWatches(how) {
      const open = [...watches];
      for (const { answer, upstream } of open) {
        upstream.unpipe(answer);
        if (how === 'end') answer.end();
        else answer.socket?.resetAndDestroy();
      }
      return open.length;
    },
    freezeWatches() {
      for (const { answer, upstream } of watches) {
        upstream.unpipe(answer);
        upstream.resume();
      }
      return watches.size;
    },
    down() {
      isDown = true;
      for (const socket of sockets) socket.resetAndDestroy();
    },
    up() {
      isDown = false;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      await rm(ownKubeconfig, { force: true });
    },
  };
}

function commit(fault: Fault, answer: ServerResponse): void {
  if (fault.kind === 'hang') return;
  if (fault.kind === 'reset') {
    answer.socket?.resetAndDestroy();
    return;
  }
  if (fault.kind === 'answer') {
    answer.writeHead(200, { 'content-type': 'application/json' });
    if (fault.open) answer.write(fault.text);
    else answer.end(fault.text);
    return;
  }
  const retryAfter = fault.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) };
  answer.writeHead(fault.code, { 'content-type': 'application/json', ...retryAfter });
  answer.end(JSON.stringify(statusOf(fault.code, fault.reason)));
}

/** The line of a watch with which the server itself says that it went wrong. */
export function errorEvent(code: number, reason: string): string {
  return `${JSON.stringify({ type: 'ERROR', object: statusOf(code, reason) })}\n`;
}

function statusOf(code: number, reason = 'InternalError'): object {
  const message = `injected ${code}`;
  return { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Failure', message, reason, code };
}

function seenOf(incoming: IncomingMessage): Seen {
  const url = new URL(incoming.url ?? '/', 'http://proxy');
  return {
    method: incoming.method ?? 'GET',
    url: incoming.url ?? '/',
    path: url.pathname,
    query: url.searchParams,
    watch: url.searchParams.get('watch') === 'true',
  };
}

/** The client speaks plain HTTP only when told not to verify. */
function kubeconfigOf(server: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'proxy', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'nobody', user: {} }],
    contexts: [{ name: 'proxy', context: { cluster: 'proxy', user: 'nobody' } }],
    'current-context': 'proxy',
  };
}
