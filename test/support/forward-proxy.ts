/** A forwarding proxy as companies have them: plain requests and tunnels, all counted, names of its own. */
import { createServer, type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { listen } from './listen.ts';

export interface ForwardProxy {
  readonly origin: string;
  /** How often each `host:port` was asked for. */
  readonly asked: Map<string, number>;
  stop(): Promise<void>;
}

/**
 * @param address host and port to listen on
 * @param names `host:port` that only this proxy knows, and where they really are
 */
export async function startForwardProxy(
  address: string,
  names: Readonly<Record<string, string>> = {},
): Promise<ForwardProxy> {
  const asked = new Map<string, number>();
  const sockets = new Set<Socket>();
  const placeOf = (authority: string): [host: string, port: number] => {
    asked.set(authority, (asked.get(authority) ?? 0) + 1);
    const [host = '', port] = (names[authority] ?? authority).split(':');
    return [host, Number(port)];
  };

  const server = createServer((incoming, answer) => {
    const url = new URL(incoming.url ?? '');
    const [host, port] = placeOf(`${url.hostname}:${url.port || 80}`);
    const { 'proxy-connection': _, ...headers } = incoming.headers;
    const path = `${url.pathname}${url.search}`;
    const upstream = request({ host, port, path, method: incoming.method, headers });
    upstream.on('error', () => answer.destroy());
    upstream.on('response', (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    incoming.pipe(upstream);
  });
  server.on('connect', (incoming: IncomingMessage, client: Socket, head: Buffer) => {
    const [host, port] = placeOf(incoming.url ?? '');
    const upstream = connect(port, host, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.write(head);
      upstream.pipe(client).pipe(upstream);
    });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => {
        client.destroy();
        upstream.destroy();
      });
    }
  });
  const { origin, stop } = await listen(server, address);
  return {
    origin,
    asked,
    stop: () => {
      for (const socket of sockets) socket.destroy();
      return stop();
    },
  };
}
