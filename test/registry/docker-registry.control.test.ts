/** The client against the real docker-registry: anonymous, basic and token login. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ImageReference } from '../../src/image/reference.ts';
import { anonymous, type CredentialStore, readDockerConfig } from '../../src/registry/credentials.ts';
import { RegistryClient } from '../../src/registry/registry-client.ts';
import { pushImage, pushIndex } from '../support/push-image.ts';
import { type RegistryServer, startRegistry, TEST_LOGIN } from '../support/registry-server.ts';
import { startTokenServer, type TokenServer } from '../support/token-server.ts';

const ABSENT_DIGEST = `sha256:${'0'.repeat(64)}`;
const LOGIN = `${TEST_LOGIN.username}:${TEST_LOGIN.password}`;

function storeFor(host: string, entry: object): CredentialStore {
  return readDockerConfig(JSON.stringify({ auths: { [host]: entry } })).store;
}

function clientOf(credentials: CredentialStore, ...servers: { host: string }[]): RegistryClient {
  const registries = servers.map(({ host }) => ({ host, insecure: true, mirrors: [] }));
  return new RegistryClient({ registries, credentials });
}

describe('a registry without login', () => {
  let registry: RegistryServer;
  let client: RegistryClient;
  let single: string;
  let index: string;
  const ref = (tag: string, repository = 'team/app'): ImageReference => ({
    host: registry.host,
    repository,
    tag,
  });

  beforeAll(async () => {
    registry = await startRegistry();
    client = clientOf(anonymous, registry);
    const target = { origin: registry.origin, repository: 'team/app' };
    const config = {
      User: '1000',
      Env: ['PATH=/bin', 'A=b c'],
      WorkingDir: '/app',
      Entrypoint: ['run'],
      Cmd: null,
    };
    single = await pushImage(target, 'single', { platform: 'linux/amd64', config });
    index = await pushIndex(target, 'both', [{ platform: 'linux/amd64' }, { platform: 'linux/arm64/v8' }]);
  });
  afterAll(async () => {
    await client?.close();
    await registry?.stop();
  });

  it('finds an image by tag and by digest', async () => {
    const present = { kind: 'present', digest: single };
    expect(await client.digestOf(ref('single'))).toEqual(present);
    expect(await client.digestOf({ ...ref('single'), digest: single })).toEqual(present);
  });

  it('calls a missing tag, digest or repository absent', async () => {
    expect(await client.digestOf(ref('none'))).toEqual({ kind: 'absent' });
    expect(await client.digestOf({ ...ref('single'), digest: ABSENT_DIGEST })).toEqual({ kind: 'absent' });
    expect(await client.digestOf(ref('single', 'nobody/here'))).toEqual({ kind: 'absent' });
    expect(await client.manifestOf(ref('none'))).toEqual({ kind: 'absent' });
    expect(await client.configOf(ref('none'), 'linux/amd64')).toEqual({ kind: 'absent' });
  });

  it('wants every platform in the index', async () => {
    const ask = (tag: string, ...platforms: string[]) => client.digestOf(ref(tag), { platforms });
    expect(await ask('both', 'linux/amd64', 'linux/arm64')).toEqual({ kind: 'present', digest: index });
    expect(await ask('both', 'linux/amd64', 'linux/s390x')).toEqual({ kind: 'absent' });
    expect(await ask('single', 'linux/amd64', 'linux/arm64')).toEqual({ kind: 'absent' });
    expect(await ask('single', 'linux/amd64')).toEqual({ kind: 'present', digest: single });
  });

  it('reads manifest and configuration', async () => {
    expect(await client.manifestOf(ref('both'))).toMatchObject({
      kind: 'present',
      digest: index,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifest: { manifests: [{}, {}] },
    });
    expect(await client.configOf(ref('single'), 'linux/amd64')).toEqual({
      kind: 'present',
      digest: single,
      manifestDigest: single,
      config: {
        os: 'linux',
        architecture: 'amd64',
        user: '1000',
        env: ['PATH=/bin', 'A=b c'],
        workdir: '/app',
        entrypoint: ['run'],
        labels: {},
      },
    });
    expect(await client.configOf(ref('both'), 'linux/arm64')).toMatchObject({
      kind: 'present',
      digest: index,
      config: { architecture: 'arm64', variant: 'v8' },
    });
    expect(await client.configOf(ref('both'), 'linux/riscv64')).toEqual({ kind: 'absent' });
    expect(await client.configOf(ref('single'), 'linux/arm64')).toEqual({ kind: 'absent' });
  });

  it('takes an index of what it has, and none of what it has not', async () => {
    const mediaType = 'application/vnd.oci.image.index.v1+json';
    const found = await client.manifestOf(ref('single'));
    if (found.kind !== 'present') throw new Error(found.kind);
    const indexOf = (digest: string) => {
      const platform = { architecture: 'amd64', os: 'linux' };
      const entry = { mediaType: found.mediaType, digest, size: found.size, platform };
      return { mediaType, text: JSON.stringify({ schemaVersion: 2, mediaType, manifests: [entry] }) };
    };
    const pushed = await client.pushManifest({ ...ref('put'), tag: 'put' }, indexOf(single));
    expect(pushed).toMatchObject({ kind: 'present' });
    expect(await client.digestOf(ref('put'))).toEqual(pushed);
    expect(await client.configOf(ref('put'), 'linux/amd64')).toMatchObject({ manifestDigest: single });
    const broken = await client.pushManifest({ ...ref('broken'), tag: 'broken' }, indexOf(ABSENT_DIGEST));
    expect(broken.kind).not.toBe('present');
    expect(await client.digestOf(ref('broken'))).toEqual({ kind: 'absent' });
  });

  it('is not asked at all when nobody listed it, being on a loopback address', async () => {
    const strict = new RegistryClient({ registries: [], credentials: anonymous });
    expect(await strict.digestOf(ref('single'))).toEqual({
      kind: 'denied',
      message: expect.stringContaining(`127.0.0.1 is a loopback address`),
    });
    await strict.close();
  });

  it('answers a few hundred questions over a few connections, quickly', async () => {
    const started = performance.now();
    for (let asked = 0; asked < 300; asked++) await client.digestOf(ref(asked % 2 ? 'single' : 'none'));
    const each = (performance.now() - started) / 300;
    console.log(`digestOf on loopback: ${each.toFixed(2)} ms each`);
    expect(each).toBeLessThan(100);
  });

  it('lets anybody push who is let in, and keeps no upload of the question', async () => {
    expect(await client.mayPush(ref('x', 'never/seen'))).toEqual({ kind: 'allowed' });
    expect(await registry.uploads('never/seen')).toEqual([]);
  });

  it('is unavailable once it is gone, in words', async () => {
    const other = await startRegistry();
    const { host } = other;
    await other.stop();
    const client = clientOf(anonymous, { host });
    expect(await client.digestOf({ host, repository: 'a/b', tag: 'c' })).toEqual({
      kind: 'unavailable',
      message: `${host}: connection refused`,
    });
    await client.close();
  });
});

describe('a registry with user and password', () => {
  let registry: RegistryServer;
  let digest: string;
  beforeAll(async () => {
    registry = await startRegistry({ auth: 'basic' });
    const authorization = `Basic ${Buffer.from(LOGIN).toString('base64')}`;
    const target = { origin: registry.origin, repository: 'app', authorization };
    digest = await pushImage(target, '1', { platform: 'linux/amd64' });
  });
  afterAll(() => registry?.stop());

  const ask = async (credentials: CredentialStore, tag = '1') => {
    const client = clientOf(credentials, registry);
    const first = await client.digestOf({ host: registry.host, repository: 'app', tag });
    expect(await client.digestOf({ host: registry.host, repository: 'app', tag })).toEqual(first);
    await client.close();
    return first;
  };

  it('lets the right login in', async () => {
    const right = storeFor(registry.host, { auth: Buffer.from(LOGIN).toString('base64') });
    expect(await ask(right)).toEqual({ kind: 'present', digest });
    expect(await ask(right, 'none')).toEqual({ kind: 'absent' });
  });

  it('tells who may push', async () => {
    const ask = async (credentials: CredentialStore) => {
      const client = clientOf(credentials, registry);
      const answer = await client.mayPush({ host: registry.host, repository: 'app', tag: '1' });
      await client.close();
      return answer;
    };
    const right = storeFor(registry.host, { auth: Buffer.from(LOGIN).toString('base64') });
    expect(await ask(right)).toEqual({ kind: 'allowed' });
    expect(await ask(anonymous)).toMatchObject({ kind: 'denied' });
  });

  it('denies a wrong password, a login for another host and none, never showing the password', async () => {
    const wrong = await ask(storeFor(registry.host, { username: 'tester', password: 'wrong-secret' }));
    expect(wrong).toMatchObject({ kind: 'denied' });
    expect(JSON.stringify(wrong)).not.toContain('wrong-secret');
    const lookalike = storeFor('127.0.0.1', { auth: Buffer.from(LOGIN).toString('base64') });
    expect(await ask(lookalike)).toMatchObject({
      kind: 'denied',
      message: `${registry.host} wants a login, and no credentials are given for it`,
    });
    expect(await ask(anonymous)).toMatchObject({ kind: 'denied' });
  });
});

describe('a registry with a token server', () => {
  let tokens: TokenServer;
  let registry: RegistryServer;
  let digest: string;
  beforeAll(async () => {
    tokens = await startTokenServer({ login: LOGIN, refreshToken: 'refresh-me' });
    registry = await startRegistry({ auth: tokens });
    const push = (repository: string) => {
      const authorization = `Bearer ${tokens.mint(repository, ['pull', 'push'])}`;
      return pushImage({ origin: registry.origin, repository, authorization }, '1', {
        platform: 'linux/amd64',
      });
    };
    digest = await push('public/app');
    await push('private/app');
  });
  afterAll(async () => {
    await registry?.stop();
    await tokens?.stop();
  });

  const ref = (repository: string): ImageReference => ({ host: registry.host, repository, tag: '1' });
  const tokenHost = () => ({ host: new URL(tokens.realm).host });
  const login = (entry: object = { auth: Buffer.from(LOGIN).toString('base64') }) =>
    storeFor(registry.host, entry);

  it('gives an anonymous token for public images, once for many questions', async () => {
    const client = clientOf(anonymous, registry, tokenHost());
    const before = tokens.exchanges.length;
    const asked = Array.from({ length: 20 }, () => client.digestOf(ref('public/app')));
    expect(await Promise.all(asked)).toEqual(Array.from({ length: 20 }, () => ({ kind: 'present', digest })));
    expect(tokens.exchanges.slice(before)).toEqual([
      { method: 'GET', scopes: ['repository:public/app:pull'] },
    ]);
    await client.close();
  });

  it('denies private images without a login and finds them with one', async () => {
    const stranger = clientOf(anonymous, registry, tokenHost());
    expect(await stranger.digestOf(ref('private/app'))).toMatchObject({ kind: 'denied' });
    await stranger.close();
    const friend = clientOf(login(), registry, tokenHost());
    expect(await friend.digestOf(ref('private/app'), { scope: 'pull,push' })).toEqual({
      kind: 'present',
      digest,
    });
    expect(tokens.exchanges.at(-1)).toEqual({ method: 'GET', scopes: ['repository:private/app:pull,push'] });
    expect(await friend.digestOf(ref('private/none'))).toEqual({ kind: 'absent' });
    expect(await friend.configOf(ref('private/app'), 'linux/amd64')).toMatchObject({ kind: 'present' });
    await friend.close();
  });

  it('asks for the right to push with the right to push', async () => {
    const client = clientOf(login(), registry, tokenHost());
    const before = tokens.exchanges.length;
    expect(await client.mayPush(ref('private/new'))).toEqual({ kind: 'allowed' });
    // What comes after it is for the cancelling, which some registries call a deletion.
    expect(tokens.exchanges[before]).toEqual({ method: 'GET', scopes: ['repository:private/new:pull,push'] });
    await client.close();
  });

  it('trades an identity token by POST', async () => {
    const client = clientOf(login({ identitytoken: 'refresh-me' }), registry, tokenHost());
    expect(await client.digestOf(ref('private/app'))).toEqual({ kind: 'present', digest });
    expect(tokens.exchanges.at(-1)).toEqual({ method: 'POST', scopes: ['repository:private/app:pull'] });
    await client.close();
  });

  it("shows the token server's own words when it refuses a login", async () => {
    const client = clientOf(login({ username: 'tester', password: 'wrong' }), registry, tokenHost());
    expect(await client.digestOf(ref('private/app'))).toEqual({
      kind: 'denied',
      message: `token server ${tokenHost().host} of ${registry.host} refuses access (401): incorrect username or password`,
    });
    await client.close();
  });

  it('does not follow a listed registry to a token server on an address nobody listed', async () => {
    const client = clientOf(login(), registry);
    expect(await client.digestOf(ref('private/app'))).toMatchObject({
      kind: 'denied',
      message: expect.stringMatching(
        /^token server .* 127\.0\.0\.1 is a loopback address, .* an entry for 127/,
      ),
    });
    await client.close();
  });
});
