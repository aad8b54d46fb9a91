/** What the client makes of what registries hold, and of those that misbehave: each a server on loopback. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { digestOfBytes } from '../support/push-image.ts';
import {
  ask,
  CONFIG,
  challenge,
  clientOf,
  DIGEST,
  FOUND,
  failing,
  loginFor,
  MANIFEST,
  MANIFEST_TYPE,
  refTo,
  scripted,
} from '../support/scripted-registry.ts';
import type { Scripted, startScripted } from '../support/scripted-server.ts';

const OTHER = digestOfBytes('something else');

describe('digestOf', () => {
  it('asks once, by HEAD, for all four kinds of manifest', async () => {
    const { server, found, methods } = await ask(() => FOUND);
    expect(found).toEqual({ kind: 'present', digest: DIGEST });
    expect(methods).toBe('HEAD');
    expect(server.asked[0]).toMatchObject({ path: '/v2/team/app/manifests/1' });
    expect(server.asked[0]?.headers.accept?.split(', ')).toHaveLength(4);
    expect(server.asked[0]?.headers.authorization).toBeUndefined();
  });

  it('hashes the body when the digest header is missing, of another algorithm, or of an unknown kind', async () => {
    const { 'docker-content-digest': _, ...bare } = FOUND.headers as Record<string, string>;
    for (const headers of [
      bare,
      { ...bare, 'docker-content-digest': 'sha512:abc' },
      { ...FOUND.headers, 'content-type': 'application/json' },
    ]) {
      const { found, methods } = await ask(() => ({ ...FOUND, headers }));
      expect(found).toEqual({ kind: 'present', digest: DIGEST });
      expect(methods).toBe('HEAD GET');
    }
  });

  it.each([405, 403, 400, 501])('asks by GET where HEAD gets a %s', async (status) => {
    const { found, methods } = await ask(({ method }) => (method === 'HEAD' ? { status } : FOUND));
    expect(found).toEqual({ kind: 'present', digest: DIGEST });
    expect(methods).toBe('HEAD GET');
  });

  it.each<[string, Scripted]>([
    ['404', { status: 404 }],
    ['404 with a page', { status: 404, body: '<html>' }],
    ['400 NAME_UNKNOWN', failing(400, 'NAME_UNKNOWN')],
    ['500 MANIFEST_UNKNOWN', failing(500, 'MANIFEST_UNKNOWN')],
    ["Harbor's 500", failing(500, 'UNKNOWN', 'unknown: artifact team/app:1 not found')],
    ["Harbor's other 500", failing(500, 'UNKNOWN', 'unknown: repository team/app not found')],
  ])('calls it absent on %s', async (_, answer) => {
    const { found } = await ask(() => answer);
    expect(found).toEqual({ kind: 'absent' });
  });

  it.each<[string, Scripted, string]>([
    ['403', { status: 403, body: '<html>secret page' }, 'refuses access (403)'],
    [
      '403 with a reason',
      failing(403, 'DENIED', 'no pull right\n\u001b[31m'),
      'refuses access (403): no pull right [31m',
    ],
    ['403 that says unknown', failing(403, 'NAME_UNKNOWN', 'hm'), 'refuses access (403): hm'],
    ['401 without a challenge', { status: 401 }, 'wants a kind of login that is not supported (none named)'],
    [
      '401 for Kerberos only',
      { status: 401, headers: { 'www-authenticate': 'Negotiate' } },
      'wants a kind of login that is not supported (negotiate)',
    ],
  ])('is denied on %s', async (_, answer, message) => {
    const { found, host } = await ask(() => answer);
    expect(found).toEqual({ kind: 'denied', message: `${host} ${message}` });
  });

  it.each<[string, Scripted, string]>([
    ['400', failing(400, 'NAME_INVALID', 'bad'), ' fails (400): bad'],
    ['408', { status: 408 }, ' fails (408)'],
    ['418', { status: 418 }, ' fails (418)'],
    ['500', failing(500, 'UNKNOWN', 'disk not found'), ' fails (500): disk not found'],
    ['503', { status: 503 }, ' fails (503)'],
    ['a page instead of a manifest', { body: '<html>' }, ': its answer is no image manifest'],
    ['nothing', {}, ': its answer is no image manifest'],
    [
      'Docker schema 1',
      {
        ...FOUND,
        headers: { 'content-type': 'application/vnd.docker.distribution.manifest.v1+prettyjws' },
        body: '{}',
      },
      ': its answer is no image manifest',
    ],
    [
      'a manifest that is an index as well',
      {
        ...FOUND,
        headers: { 'content-type': MANIFEST_TYPE },
        body: MANIFEST.replace('{', '{"manifests":[],'),
      },
      ': its answer is no image manifest',
    ],
  ])('is unavailable on %s', async (_, answer, message) => {
    const { found, host } = await ask(() => answer);
    expect(found).toEqual({ kind: 'unavailable', message: `${host}${message}` });
  });

  it('is unavailable when the digest header lies about the body', async () => {
    const lying = { ...FOUND, headers: { ...FOUND.headers, 'docker-content-digest': OTHER } };
    const { found, host } = await ask(({ method }) => (method === 'HEAD' ? { status: 405 } : lying));
    const message = `${host}: the manifest it sent is not the one its digest names`;
    expect(found).toEqual({ kind: 'unavailable', message });
  });

  it('is unavailable when asked by digest and answered for another', async () => {
    expect((await ask(() => FOUND, { digest: OTHER })).found).toMatchObject({ kind: 'unavailable' });
    const head = await ask(({ method }) => (method === 'HEAD' ? { status: 405 } : FOUND), { digest: OTHER });
    expect(head.found).toMatchObject({ kind: 'unavailable' });
    expect((await ask(() => FOUND, { digest: DIGEST })).found).toMatchObject({ kind: 'present' });
  });
});

describe('configOf', () => {
  const serving =
    (config: string): Parameters<typeof startScripted>[0] =>
    ({ path }) =>
      path.includes('/blobs/') ? { body: config } : FOUND;

  it('reads a configuration with nulls', async () => {
    const server = await scripted(serving(CONFIG));
    expect(await clientOf([server]).configOf(refTo(server.host), 'linux/amd64')).toEqual({
      kind: 'present',
      digest: DIGEST,
      manifestDigest: DIGEST,
      config: { os: 'linux', architecture: 'amd64', user: 'me', env: [], workdir: '', labels: {} },
    });
  });

  it('is unavailable when the configuration is another than the manifest names, or missing', async () => {
    const lying = await scripted(serving(CONFIG.replace('me', 'root')));
    expect(await clientOf([lying]).configOf(refTo(lying.host), 'linux/amd64')).toEqual({
      kind: 'unavailable',
      message: `${lying.host}: the image configuration it sent is not the one its digest names`,
    });
    const missing = await scripted(({ path }) => (path.includes('/blobs/') ? { status: 404 } : FOUND));
    const answer = await clientOf([missing]).configOf(refTo(missing.host), 'linux/amd64');
    expect(answer).toMatchObject({ kind: 'unavailable' });
  });

  it('finds the image of an index by its entry, also when the configuration names no variant', async () => {
    const config = CONFIG.replace('amd64', 'arm');
    const image = MANIFEST.replace(digestOfBytes(CONFIG), digestOfBytes(config));
    const mediaType = 'application/vnd.oci.image.index.v1+json';
    const platform = { os: 'linux', architecture: 'arm', variant: 'v6' };
    const index = JSON.stringify({
      mediaType,
      manifests: [{ mediaType: MANIFEST_TYPE, digest: digestOfBytes(image), size: 1, platform }],
    });
    const server = await scripted(({ path }) => {
      if (path.includes('/blobs/')) return { body: config };
      return path.endsWith('/1') ? { body: index } : { body: image };
    });
    expect(await clientOf([server]).configOf(refTo(server.host), 'linux/arm/v6')).toMatchObject({
      kind: 'present',
      digest: digestOfBytes(index),
      manifestDigest: digestOfBytes(image),
      config: { architecture: 'arm' },
    });
  });

  it('follows a blob to another host without the login', async () => {
    const storage = await scripted(() => ({ body: CONFIG }));
    const server = await scripted(({ path, headers }) => {
      if (headers.authorization === undefined) return challenge('Basic realm="x"');
      return path.includes('/blobs/') ? { status: 307, headers: { location: storage.origin } } : FOUND;
    });
    const client = clientOf([server, storage], { credentials: loginFor(server.host) });
    expect(await client.configOf(refTo(server.host), 'linux/amd64')).toMatchObject({ kind: 'present' });
    expect(storage.asked[0]?.headers.authorization).toBeUndefined();
  });
});

describe('saveBlob', () => {
  const LAYER = 'the bytes of a layer';
  const layer = { mediaType: 'application/x', digest: digestOfBytes(LAYER), size: LAYER.length };
  const file = join(mkdtempSync(join(tmpdir(), 'imagespec-blob-')), 'layer');
  afterAll(() => rmSync(dirname(file), { recursive: true }));

  async function saved(answer: Parameters<typeof startScripted>[0]) {
    const server = await scripted(answer);
    return clientOf([server]).saveBlob(refTo(server.host), layer, file);
  }

  it('writes the bytes, also those that another host of the registry has', async () => {
    const storage = await scripted(() => ({ body: LAYER }));
    const server = await scripted(() => ({
      status: 307,
      headers: { location: `http://${storage.host}/somewhere` },
    }));
    const client = clientOf([server, storage]);
    expect(await client.saveBlob(refTo(server.host), layer, file)).toEqual({ kind: 'present' });
    expect(readFileSync(file, 'utf8')).toBe(LAYER);
    expect(server.asked[0]).toMatchObject({ path: `/v2/team/app/blobs/${layer.digest}` });
  });

  it.each<[string, Scripted, RegExp]>([
    ['other bytes', { body: 'the bytes of a liar!' }, /not the one its digest names/],
    ['fewer bytes', { body: 'the bytes' }, /not the one its digest names/],
    ['more bytes', { body: `${LAYER} and more` }, /larger than 20 bytes/],
    ['no layer', failing(404, 'BLOB_UNKNOWN'), /not its layers/],
  ])('says that it could not have them: %s', async (_name, answer, words) => {
    expect(await saved(() => answer)).toMatchObject({
      kind: 'unavailable',
      message: expect.stringMatching(words),
    });
  });
});

describe('layersOf', () => {
  it("names the layers of the platform's image", async () => {
    const layers = [{ mediaType: 'application/x', digest: OTHER, size: 7 }];
    const image = JSON.stringify({ ...JSON.parse(MANIFEST), layers });
    const mediaType = 'application/vnd.oci.image.index.v1+json';
    const entry = { mediaType: MANIFEST_TYPE, digest: digestOfBytes(image), size: image.length };
    const platform = { os: 'linux', architecture: '386' };
    const index = JSON.stringify({ schemaVersion: 2, mediaType, manifests: [{ ...entry, platform }] });
    const server = await scripted(({ path }) =>
      path.endsWith('/1')
        ? { headers: { 'content-type': mediaType }, body: index }
        : { headers: { 'content-type': MANIFEST_TYPE }, body: image },
    );
    const client = clientOf([server]);
    const digest = digestOfBytes(image);
    expect(await client.layersOf(refTo(server.host), 'linux/386')).toEqual({
      kind: 'present',
      digest,
      layers,
    });
    expect(await client.layersOf(refTo(server.host), 'linux/amd64')).toEqual({ kind: 'absent' });
  });
});
