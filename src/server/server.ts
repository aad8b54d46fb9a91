/** `/healthz`, `/readyz` and `/metrics` over plain HTTP, for the kubelet and Prometheus. */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Metrics } from '../metrics.ts';

export interface Probes {
  /** False: restart me. */
  healthy(): boolean;
  /** False: not started yet, or stopping. */
  ready(): boolean;
}

export interface ProbeServer {
  readonly port: number;
  close(): Promise<void>;
}

/** @param port 0 takes a free one */
export async function serve(port: number, probes: Probes, metrics: Metrics): Promise<ProbeServer> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') answer(response, 405, 'only GET\n');
    else if (path === '/healthz')
      answer(response, probes.healthy() ? 200 : 503, probes.healthy() ? 'ok\n' : 'watches are silent\n');
    else if (path === '/readyz')
      answer(response, probes.ready() ? 200 : 503, probes.ready() ? 'ok\n' : 'not ready\n');
    else if (path === '/metrics') {
      metrics.text().then(
        (text) => answer(response, 200, text, metrics.contentType),
        () => answer(response, 500, 'metrics failed\n'),
      );
    } else answer(response, 404, 'not here: /healthz, /readyz, /metrics\n');
  });
  server.headersTimeout = 5000;
  server.requestTimeout = 5000;
  await listening(server, port);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(response: ServerResponse, status: number, text: string, type = 'text/plain'): void {
  response.writeHead(status, { 'content-type': type }).end(text);
}

function listening(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, resolve);
  });
}
