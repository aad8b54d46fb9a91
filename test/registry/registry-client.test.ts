/** The questions themselves: what ends them, and where the settings send them. */
import { describe, expect, it } from 'vitest';
import { digestOfBytes } from '../support/push-image.ts';
import {
  challenge,
  clientOf,
  DIGEST,
  failing,
  loginFor,
  MANIFEST,
  MANIFEST_TYPE,
  refTo,
  scripted,
} from '../support/scripted-registry.ts';

describe('a question', () => {
  it('rejects with the reason of a signal that ends it', async () => {
    const server = await scripted(() => undefined);
    const reason = new Error('shutting down');
    const controller = new AbortController();
    const asked = clientOf([server]).digestOf(refTo(server.host), { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 50);
    await expect(asked).rejects.toBe(reason);
  });

  it('is denied for a host that is none, and throws for what is no reference', async () => {
    const client = clientOf([]);
    expect(await client.digestOf(refTo('registry.123'))).toEqual({
      kind: 'denied',
      message: 'registry.123: not a host name',
    });
    await expect(client.digestOf(refTo('ghcr.io', { repository: '../x' }))).rejects.toThrow(TypeError);
    await expect(client.digestOf(refTo('ghcr.io', { tag: 'a/b' }))).rejects.toThrow(TypeError);
  });

  it('about several platforms reads an index once, and asks by HEAD after that', async () => {
    const mediaType = 'application/vnd.oci.image.index.v1+json';
    const manifests = ['amd64', 'arm64'].map((architecture) => ({
      ...{ mediaType: MANIFEST_TYPE, digest: DIGEST, size: MANIFEST.length },
      platform: { os: 'linux', architecture },
    }));
    const body = JSON.stringify({ schemaVersion: 2, mediaType, manifests });
    const digest = digestOfBytes(body);
    const headers = { 'content-type': mediaType, 'docker-content-digest': digest };
    const server = await scripted(() => ({ headers, body }));
    const client = clientOf([server]);
    const platforms = ['linux/amd64', 'linux/arm64/v8'];
    for (const tag of ['1', '2'])
      expect(await client.digestOf(refTo(server.host, { tag }), { platforms })).toEqual({
        kind: 'present',
        digest,
      });
    const more = { platforms: [...platforms, 'linux/s390x'] };
    expect(await client.digestOf(refTo(server.host), more)).toEqual({ kind: 'absent' });
    expect(server.asked.map(({ method }) => method)).toEqual(['HEAD', 'GET', 'HEAD', 'HEAD']);
  });
});

describe('settings', () => {
  it('send the question to the endpoint and keep the host for messages and credentials', async () => {
    const server = await scripted((asked) =>
      asked.headers.authorization === undefined ? challenge('Basic realm="x"') : failing(403, 'DENIED', 'no'),
    );
    const host = 'registry.example.com:5001';
    const client = clientOf([{ host, endpoint: `${server.origin}/proxy/` }], { credentials: loginFor(host) });
    expect(await client.digestOf(refTo(host))).toEqual({
      kind: 'denied',
      message: `${host} refuses access (403): no`,
    });
    expect(server.asked[0]?.path).toBe('/proxy/v2/team/app/manifests/1');
  });
});
