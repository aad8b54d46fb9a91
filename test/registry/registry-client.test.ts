/** What the client makes of registries that misbehave, each a server on loopback that does so. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, onTestFinished } from 'vitest';
import type { ImageReference } from '../../src/image/reference.ts';
import { anonymous, readDockerConfig } from '../../src/registry/credentials.ts';
import { RegistryClient, type RegistryClientOptions } from '../../src/registry/registry-client.ts';
import type { RegistrySetting } from '../../src/settings.ts';
import { digestOfBytes } from '../support/push-image.ts';
import { type Asked, type Scripted, type ScriptedServer, startScripted } from '../support/scripted-server.ts';

const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';
const CONFIG = JSON.stringify({ os: 'linux', architecture: 'amd64', config: { User: 'me', Env: null } });
const MANIFEST = JSON.stringify({
  schemaVersion: 2,
  mediaType: MANIFEST_TYPE,
  config: {
    mediaType: 'application/vnd.oci.image.config.v1+json',
    digest: digestOfBytes(CONFIG),
    size: CONFIG.length,
  },
  layers: [],
});
const DIGEST = digestOfBytes(MANIFEST);
const OTHER = digestOfBytes('something else');
const FOUND: Scripted = {
  headers: { 'content-type': MANIFEST_TYPE, 'docker-content-digest': DIGEST },
  body: MANIFEST,
};
const failing = (status: number, code: string, message = ''): Scripted => ({
  status,
  body: JSON.stringify({ errors: [{ code, message }] }),
});

async function scripted(...parameters: Parameters<typeof startScripted>): Promise<ScriptedServer> {
  const server = await startScripted(...parameters);
  onTestFinished(() => server.stop());
  return server;
}

const listed = (host: string, more: Partial<RegistrySetting> = {}): RegistrySetting => ({
  host,
  insecure: true,
  mirrors: [],
  ...more,
});

const refTo = (host: string, more: Partial<ImageReference> = {}): ImageReference => ({
  host,
  repository: 'team/app',
  tag: '1',
  ...more,
});

const open: RegistryClient[] = [];
afterEach(() => Promise.all(open.splice(0).map((client) => client.close())));

/** A client for which the servers are listed registries. */
function clientOf(servers: readonly { host: string }[], options: Partial<RegistryClientOptions> = {}) {
  const registries = servers.map(({ host }) => listed(host));
  const client = new RegistryClient({ registries, credentials: anonymous, timeoutMs: 2000, ...options });
  open.push(client);
  return client;
}

const loginFor = (host: string, entry: object = { username: 'me', password: 'secret-pw' }) =>
  readDockerConfig(JSON.stringify({ auths: { [host]: entry } })).store;

/** One registry, one question. */
async function ask(answer: Parameters<typeof startScripted>[0], more: Partial<ImageReference> = {}) {
  const server = await scripted(answer);
  const found = await clientOf([server]).digestOf(refTo(server.host, more));
  return { server, found, host: server.host, methods: server.asked.map(({ method }) => method).join(' ') };
}

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

  it('tries a passing failure twice more, and answers with the last', async () => {
    let failures = 2;
    const recovered = await ask(() => (failures-- > 0 ? { status: 503 } : FOUND));
    expect(recovered).toMatchObject({ found: { kind: 'present' }, methods: 'HEAD HEAD HEAD' });
    const cut = await ask(() => (response) => response.destroy());
    expect(cut.found).toEqual({ kind: 'unavailable', message: `${cut.host}: the connection was cut` });
    expect(cut.methods).toBe('HEAD HEAD HEAD');
  });

  it('gives up on a registry that hangs, before its headers and in its body', async () => {
    const server = await scripted(({ method, path }) => {
      if (method === 'HEAD' && path.endsWith('/2')) return { status: 405 };
      return path.endsWith('/2') ? (response) => response.writeHead(200).write('{') : undefined;
    });
    const client = clientOf([server], { timeoutMs: 200 });
    const expected = { kind: 'unavailable', message: `${server.host}: no answer within 0.2 s` };
    expect(await client.digestOf(refTo(server.host))).toEqual(expected);
    expect(await client.digestOf(refTo(server.host, { tag: '2' }))).toEqual(expected);
  });

  it('is unavailable when the answer is not HTTP', async () => {
    const { found, host } = await ask(() => (response) => response.socket?.end('SSH-2.0-OpenSSH_9.2\r\n'));
    expect(found).toEqual({
      kind: 'unavailable',
      message: `${host}: its answer is not HTTP that can be read`,
    });
  });

  it('stops reading an answer that is too large', async () => {
    let sent = 0;
    const endless = await scripted(({ method }) => {
      if (method === 'HEAD') return { status: 405 };
      return (response) => {
        const more = () => {
          while (!response.destroyed && sent < 64 * 1024 * 1024 && response.write(Buffer.alloc(65536, 'x')))
            sent += 65536;
        };
        response.writeHead(200).on('drain', more);
        more();
      };
    });
    expect(await clientOf([endless]).digestOf(refTo(endless.host))).toEqual({
      kind: 'unavailable',
      message: `${endless.host}: its answer is larger than 4194304 bytes`,
    });
    expect(sent).toBeLessThan(32 * 1024 * 1024);
    const { found } = await ask(() => ({ status: 400, body: 'x'.repeat(1024 * 1024) }));
    expect(found).toMatchObject({ kind: 'unavailable' });
  });

  it('rejects with the reason of a signal that ends it', async () => {
    const server = await scripted(() => undefined);
    const reason = new Error('shutting down');
    const controller = new AbortController();
    const asked = clientOf([server]).digestOf(refTo(server.host), { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 50);
    await expect(asked).rejects.toBe(reason);
  });

  it('reads sizes and hosts it cannot use as values, and programming mistakes as errors', async () => {
    const client = clientOf([]);
    expect(await client.digestOf(refTo('registry.123'))).toEqual({
      kind: 'denied',
      message: 'registry.123: not a host name',
    });
    await expect(client.digestOf(refTo('ghcr.io', { repository: '../x' }))).rejects.toThrow(TypeError);
    await expect(client.digestOf(refTo('ghcr.io', { tag: 'a/b' }))).rejects.toThrow(TypeError);
  });

  it('reuses its connections, also after HEAD', async () => {
    const server = await scripted(() => FOUND);
    const client = clientOf([server]);
    for (let asked = 0; asked < 20; asked++) await client.digestOf(refTo(server.host));
    // The pool may open a second one while the first is being freed.
    expect(server.connections()).toBeLessThanOrEqual(2);
  });

  it('is unavailable after close, and leaves nothing hanging', async () => {
    const server = await scripted(() => undefined);
    const client = clientOf([server]);
    const asked = client.digestOf(refTo(server.host));
    await expect.poll(() => server.asked.length).toBe(1);
    await client.close();
    expect(await asked).toMatchObject({ kind: 'unavailable' });
    expect(await client.digestOf(refTo(server.host))).toMatchObject({ kind: 'unavailable' });
  });

  it('runs at most eight questions to one host at a time', async () => {
    let running = 0;
    let most = 0;
    const server = await scripted(() => (response) => {
      most = Math.max(most, ++running);
      setTimeout(() => {
        running--;
        response.writeHead(404).end();
      }, 5);
    });
    const client = clientOf([server]);
    await Promise.all(Array.from({ length: 40 }, () => client.digestOf(refTo(server.host))));
    expect(most).toBe(8);
  });
});

describe('a registry that asks to wait', () => {
  it('is never taken for one without the image', async () => {
    const server = await scripted(() => failing(429, 'NAME_UNKNOWN', 'slow down'));
    expect(await clientOf([server]).manifestOf(refTo(server.host))).toEqual({
      kind: 'unavailable',
      message: `${server.host} has had too many requests (429): slow down`,
    });
  });

  it('is left alone by everybody until then', async () => {
    let now = Date.parse('2026-11-25T12:00:00Z');
    let busy = true;
    const server = await scripted(() => (busy ? { status: 429, headers: { 'retry-after': '30' } } : FOUND));
    const client = clientOf([server], { now: () => now });
    expect(await client.digestOf(refTo(server.host))).toEqual({
      kind: 'unavailable',
      message: `${server.host} has had too many requests (429)`,
      retryAfterMs: 30_000,
    });
    now += 10_000;
    expect(await client.digestOf(refTo(server.host, { repository: 'other/app' }))).toEqual({
      kind: 'unavailable',
      message: `${server.host}: asked us to wait 20 s`,
      retryAfterMs: 20_000,
    });
    expect(server.asked).toHaveLength(1);
    now += 20_000;
    busy = false;
    expect(await client.digestOf(refTo(server.host))).toMatchObject({ kind: 'present' });
  });

  it.each([
    ['Wed, 25 Nov 2026 12:02:00 GMT', 120_000],
    ['Wed, 25 Nov 2026 11:00:00 GMT', 0],
    ['999999', 3_600_000],
    ['soon', undefined],
    ['-5', undefined],
  ])('may say %s', async (header, retryAfterMs) => {
    const now = Date.parse('2026-11-25T12:00:00Z');
    const server = await scripted(() => ({ status: 503, headers: { 'retry-after': header } }));
    const found = await clientOf([server], { now: () => now }).digestOf(refTo(server.host));
    expect(found).toEqual({
      kind: 'unavailable',
      message: `${server.host} fails (503)`,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  });
});

describe('redirects', () => {
  const to = (location: string, status = 307): Scripted => ({ status, headers: { location } });
  const basic = (asked: Asked, answer: Scripted): Scripted =>
    asked.headers.authorization === undefined
      ? { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } }
      : answer;

  it('keeps the login on the same origin and drops it on another port', async () => {
    const target = await scripted(() => FOUND);
    const server = await scripted((asked) => {
      if (asked.path.endsWith('/1')) return basic(asked, to('/v2/team/app/manifests/2'));
      return basic(asked, to(`${target.origin}/elsewhere`));
    });
    const client = clientOf([server, target], { credentials: loginFor(server.host) });
    expect(await client.digestOf(refTo(server.host))).toEqual({ kind: 'present', digest: DIGEST });
    expect(server.asked.map(({ headers }) => headers.authorization !== undefined)).toEqual([
      false,
      true,
      true,
    ]);
    expect(target.asked).toHaveLength(1);
    expect(target.asked[0]?.headers.authorization).toBeUndefined();
  });

  it('does not answer the challenge of another host', async () => {
    const target = await scripted(() => ({
      status: 401,
      headers: { 'www-authenticate': 'Basic realm="x"' },
    }));
    const server = await scripted((asked) => basic(asked, to(`${target.origin}/x`)));
    const client = clientOf([server, target], { credentials: loginFor(server.host) });
    expect(await client.digestOf(refTo(server.host))).toMatchObject({ kind: 'denied' });
    expect(target.asked.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });

  it('follows five, not six', async () => {
    const counting = ({ path }: Asked) => {
      const hop = Number(path.split('-')[1] ?? 0);
      return hop === 5 ? FOUND : to(`/hop-${hop + 1}`);
    };
    expect((await ask(counting)).found).toMatchObject({ kind: 'present' });
    const { found, host } = await ask(() => to('/round'));
    expect(found).toEqual({ kind: 'unavailable', message: `${host}: more than 5 redirects` });
  });

  it.each([
    ['http://169.254.169.254/latest/meta-data', /169\.254\.169\.254 is a cloud's metadata address/],
    ['http://[::ffff:a9fe:a9fe]/', /is a cloud's metadata address/],
    ['http://0x7f.1:1/', /127\.0\.0\.1 is a loopback address/],
    ['http://localhost:1/', /localhost is (127\.0\.0\.1|::1), which is a loopback address/],
    ['http://10.0.0.1/', /10\.0\.0\.1 is a private address/],
    ['file:///etc/passwd', /which is not HTTP/],
  ])('refuses %s', async (location, message) => {
    const { found, methods } = await ask(() => to(location));
    expect(found).toEqual({ kind: 'denied', message: expect.stringMatching(message) });
    expect(methods).toBe('HEAD');
  });

  it('is unavailable when the target is no URL', async () => {
    expect((await ask(() => to('http://'))).found).toMatchObject({ kind: 'unavailable' });
  });
});

describe('a registry nobody listed', () => {
  it.each([
    ['127.0.0.1:1', '127.0.0.1:1: 127.0.0.1 is a loopback address'],
    ['169.254.169.254', "169.254.169.254: 169.254.169.254 is a cloud's metadata address"],
    ['localhost:1', 'localhost:1: localhost is '],
  ])('is not asked at %s', async (host, beginning) => {
    const answer = await clientOf([]).digestOf(refTo(host));
    expect(answer).toMatchObject({ kind: 'denied', message: expect.stringContaining(beginning) });
    expect(JSON.stringify(answer)).toContain(`an entry for ${host} under registries`);
  });

  it('is asked over HTTPS', async () => {
    const server = await scripted(() => FOUND);
    const client = new RegistryClient({
      registries: [listed(server.host, { insecure: false })],
      credentials: anonymous,
    });
    open.push(client);
    expect(await client.digestOf(refTo(server.host))).toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('it does not speak HTTPS; plain HTTP needs insecure: true'),
    });
  });
});

describe('settings', () => {
  it('send the question to the endpoint and keep the host for messages and credentials', async () => {
    const server = await scripted((asked) =>
      asked.headers.authorization === undefined
        ? { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } }
        : failing(403, 'DENIED', 'no'),
    );
    const client = new RegistryClient({
      registries: [listed('registry.example.com:5001', { endpoint: `${server.origin}/proxy/` })],
      credentials: loginFor('registry.example.com:5001'),
    });
    open.push(client);
    expect(await client.digestOf(refTo('registry.example.com:5001'))).toEqual({
      kind: 'denied',
      message: 'registry.example.com:5001 refuses access (403): no',
    });
    expect(server.asked[0]?.path).toBe('/proxy/v2/team/app/manifests/1');
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
      if (headers.authorization === undefined)
        return { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } };
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
