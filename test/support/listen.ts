/** Starts a node:http(s) server on a free loopback port. */
import type { Server } from 'node:http';
import { Server as SecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface Listening {
  /** `127.0.0.1:port`. */
  readonly host: string;
  /** With scheme, without a slash at its end. */
  readonly origin: string;
  /** Cuts what is open and waits until the port is free. */
  stop(): Promise<void>;
}

export async function listen(server: Server | SecureServer): Promise<Listening> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
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
