/** Starts a node:http(s) server, by default on loopback and on a free port. */
import type { Server } from 'node:http';
import { Server as SecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface Listening {
  /** `address:port`. */
  readonly host: string;
  /** With scheme, without a slash at its end. */
  readonly origin: string;
  /** Cuts what is open and waits until the port is free. */
  stop(): Promise<void>;
}

/** @param on address, with a port unless any free one will do */
export async function listen(server: Server | SecureServer, on = '127.0.0.1'): Promise<Listening> {
  const [address = '', port = '0'] = on.split(':');
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(Number(port), address, resolve);
  });
  const host = `${address}:${(server.address() as AddressInfo).port}`;
  return {
    host,
    origin: `${server instanceof SecureServer ? 'https' : 'http'}://${host}`,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
