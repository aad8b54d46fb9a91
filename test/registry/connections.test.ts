/** TLS and proxies: which certificates are believed, and what goes through a proxy. */
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Certificate, selfSigned } from '../support/certificate.ts';
import { listen } from '../support/listen.ts';
import { clientOf, FOUND, PRESENT, refTo, scripted } from '../support/scripted-registry.ts';
import type { ScriptedServer } from '../support/scripted-server.ts';

const serving = (certificate?: Certificate) => scripted(() => FOUND, certificate);

describe('certificates', () => {
  const secure = (host: string) => ({ host, insecure: false });

  it('of an unknown authority are refused, in words that say where to add it', async () => {
    const server = await serving(selfSigned(['127.0.0.1']));
    expect(await clientOf([secure(server.host)]).digestOf(refTo(server.host))).toEqual({
      kind: 'unavailable',
      message: `${server.host}: its certificate is signed by an authority nobody here knows; add that to caBundle in the settings`,
    });
  });

  it('of the bundle are believed, for their own name only', async () => {
    const certificate = selfSigned(['127.0.0.1']);
    const server = await serving(certificate);
    const bundle = { caBundle: certificate.certificatePem };
    expect(await clientOf([secure(server.host)], bundle).digestOf(refTo(server.host))).toEqual(PRESENT);
    const byName = server.host.replace('127.0.0.1', 'localhost');
    expect(await clientOf([secure(byName)], bundle).digestOf(refTo(byName))).toEqual({
      kind: 'unavailable',
      message: `${byName}: its certificate is for another name`,
    });
  });

  it('go unchecked for exactly the host whose https endpoint is insecure', async () => {
    const [lax, strict] = [
      await serving(selfSigned(['lax.test'])),
      await serving(selfSigned(['strict.test'])),
    ];
    const registries = [
      { host: 'lax.test', endpoint: lax.origin, insecure: true },
      { host: 'strict.test', endpoint: strict.origin, insecure: false },
    ];
    const client = clientOf(registries);
    expect(await client.digestOf(refTo('lax.test'))).toEqual(PRESENT);
    expect(await client.digestOf(refTo('strict.test'))).toMatchObject({ kind: 'unavailable' });
  });

  it('keep a redirect from https to http from being followed', async () => {
    const certificate = selfSigned(['127.0.0.1']);
    const plain = await serving();
    const server = await scripted(() => ({ status: 307, headers: { location: plain.origin } }), certificate);
    const registries = [secure(server.host), { host: plain.host, insecure: true }];
    const client = clientOf(registries, { caBundle: certificate.certificatePem });
    expect(await client.digestOf(refTo(server.host))).toEqual({
      kind: 'denied',
      message: `${server.host} redirects to ${plain.origin}: from HTTPS to plain HTTP, which is not followed`,
    });
    expect(plain.asked).toEqual([]);
  });
});

describe('a proxy', () => {
  /** Forwards CONNECT to `target` whatever the name, and answers plain requests itself. */
  const startProxy = async (target: ScriptedServer) => {
    const seen: string[] = [];
    const server = createServer((request, response) => {
      seen.push(`${request.method} ${request.url}`);
      response.writeHead(200, FOUND.headers).end();
    });
    server.on('connect', (request, socket) => {
      seen.push(`CONNECT ${request.url}`);
      const upstream = connect(Number(new URL(target.origin).port), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        socket.pipe(upstream).pipe(socket);
      });
      upstream.on('error', () => socket.destroy());
      socket.on('error', () => upstream.destroy());
    });
    const listening = await listen(server);
    onTestFinished(() => listening.stop());
    return { origin: listening.origin, seen };
  };

  it('carries HTTPS and HTTP, but not what noProxy names', async () => {
    const certificate = selfSigned(['registry.test']);
    const target = await serving(certificate);
    const plain = await serving();
    const { origin, seen } = await startProxy(target);
    const client = clientOf(
      [
        { host: plain.host, insecure: true },
        { host: 'plain.test', insecure: true },
      ],
      {
        caBundle: certificate.certificatePem,
        proxy: { http: origin, https: origin, noProxy: ['127.0.0.1'] },
      },
    );
    expect(await client.digestOf(refTo('registry.test'))).toEqual(PRESENT);
    expect(await client.digestOf(refTo('plain.test'))).toEqual(PRESENT);
    expect(await client.digestOf(refTo(plain.host))).toEqual(PRESENT);
    expect(seen).toEqual(['CONNECT registry.test:443', 'HEAD http://plain.test/v2/team/app/manifests/1']);
    expect(plain.asked).toHaveLength(1);
  });

  it('for http alone leaves https direct', async () => {
    const certificate = selfSigned(['127.0.0.1']);
    const target = await serving(certificate);
    const { origin, seen } = await startProxy(target);
    const client = clientOf([{ host: target.host, insecure: false }], {
      caBundle: certificate.certificatePem,
      proxy: { http: origin, noProxy: [] },
    });
    expect(await client.digestOf(refTo(target.host))).toEqual(PRESENT);
    expect(seen).toEqual([]);
  });

  it('does not loosen the address check for what noProxy names', async () => {
    const { origin } = await startProxy(await serving());
    const client = clientOf([], { proxy: { http: origin, https: origin, noProxy: ['localhost'] } });
    expect(await client.digestOf(refTo('localhost:1'))).toMatchObject({ kind: 'denied' });
  });

  it('is not given literal addresses that are refused without it', async () => {
    const { origin, seen } = await startProxy(await serving());
    const client = clientOf([], { proxy: { http: origin, https: origin, noProxy: [] } });
    expect(await client.digestOf(refTo('169.254.169.254'))).toMatchObject({ kind: 'denied' });
    expect(seen).toEqual([]);
  });
});
