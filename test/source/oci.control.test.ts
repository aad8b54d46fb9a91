/** Artifacts of every layout in a real registry. */
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { resolveFiles, select } from '../../src/image/selection.ts';
import { bytesOf } from '../../src/image/tree.ts';
import { readDockerConfig } from '../../src/registry/credentials.ts';
import { fetchSource } from '../../src/source/fetch.ts';
import { SourceFailure } from '../../src/source/fetched.ts';
import { type Layer, type PushTarget, pushArtifact, pushIndexOf } from '../support/push-image.ts';
import { type RegistryServer, startRegistry, TEST_LOGIN } from '../support/registry-server.ts';
import { accessFor, type TestAccess } from '../support/source-access.ts';
import { tarOf } from '../support/tar.ts';

let open: RegistryServer;
let closed: RegistryServer;
const accesses: TestAccess[] = [];
beforeAll(async () => {
  open = await startRegistry();
  closed = await startRegistry({ auth: 'basic' });
});
afterEach(async () => {
  for (const access of accesses.splice(0)) await access.remove();
});
afterAll(async () => {
  await open?.stop();
  await closed?.stop();
});

const target = (repository: string): PushTarget => ({ origin: open.origin, repository });

function fetchOci(oci: string, options: Parameters<typeof accessFor>[0] = {}) {
  const registries = [open, closed].map(({ host }) => ({ host, insecure: true, mirrors: [] }));
  const access = accessFor({ registries, ...options });
  accesses.push(access);
  return fetchSource({ oci }, access);
}

async function failure(...args: Parameters<typeof fetchOci>): Promise<string> {
  try {
    return `fetched ${(await fetchOci(...args)).revision}`;
  } catch (error) {
    if (!(error instanceof SourceFailure)) throw error;
    return `${error.kind} ${error.message}`;
  }
}

async function contents(...args: Parameters<typeof fetchOci>) {
  const { tree } = await fetchOci(...args);
  return Object.fromEntries(
    [...tree.entries].map(([path, entry]) => [
      path,
      entry.kind === 'file' ? Buffer.from(bytesOf(entry)).toString() : entry.kind,
    ]),
  );
}

const FILES = { 'app/main.py': 'print("ü")\n', 'requirements.txt': 'requests\n' };
const TITLE = 'org.opencontainers.image.title';

describe('layouts', () => {
  test('flux push artifact: one archive, and the digest of the same files in a spec', async () => {
    const content = gzipSync(await tarOf([['app', { type: 'directory' }], ...Object.entries(FILES)]));
    const layers = [{ mediaType: 'application/vnd.cncf.flux.content.v1.tar+gzip', content }];
    const config = { mediaType: 'application/vnd.cncf.flux.config.v1+json', content: '{}' };
    const digest = await pushArtifact(target('flux'), 'main', layers, config);
    const { revision, tree } = await fetchOci(`${open.host}/flux:main`);
    expect(revision).toBe(digest);
    const selection = { copy: ['app'], copyAll: false, requirements: 'requirements.txt' };
    const selecting = select(tree, selection);
    expect(selecting.ok && { ok: true, source: selecting.selected.source }).toEqual(
      resolveFiles(FILES, selection),
    );
  });

  test('oras push: files by title, folders as archives that hold their own name', async () => {
    const folder = gzipSync(
      await tarOf([
        ['app', { type: 'directory' }],
        ['app/main.py', 'main'],
      ]),
    );
    const layers: Layer[] = [
      {
        mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
        content: folder,
        annotations: { [TITLE]: 'app', 'io.deis.oras.content.unpack': 'true' },
      },
      // The media type says archive, as oras writes it for whatever it does not know.
      {
        mediaType: 'application/vnd.oci.image.layer.v1.tar',
        content: 'requests',
        annotations: { [TITLE]: 'requirements.txt' },
      },
      { mediaType: 'text/plain', content: 'x', annotations: { [TITLE]: 'sub/x.txt' } },
      { mediaType: 'application/vnd.oci.empty.v1+json', content: '{}' },
      // As oras's Python client marks a folder, and a packed file that is to stay one.
      {
        mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
        content: gzipSync(await tarOf([['lib/a.py', 'a']])),
        annotations: { [TITLE]: 'lib' },
      },
      {
        mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
        content: 'packed',
        annotations: { [TITLE]: 'kept.tgz', 'io.deis.oras.content.unpack': 'false' },
      },
    ];
    await pushArtifact(target('oras'), 'v1', layers);
    expect(await contents(`${open.host}/oras:v1`)).toEqual({
      'app/main.py': 'main',
      'kept.tgz': 'packed',
      'lib/a.py': 'a',
      'requirements.txt': 'requests',
      'sub/x.txt': 'x',
    });
  });

  test('an image: layers over one another, gzip and zstd; of an index the one for linux/amd64', async () => {
    const layers: Layer[] = [
      {
        mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
        content: gzipSync(
          await tarOf([
            ['a', '1'],
            ['b', '1'],
          ]),
        ),
      },
      {
        mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd',
        content: zstdCompressSync(
          await tarOf([
            ['.wh.a', ''],
            ['c', '2'],
          ]),
        ),
      },
    ];
    const config = { mediaType: 'application/vnd.oci.image.config.v1+json', content: '{}' };
    const amd64 = await pushArtifact(target('image'), 'amd64', layers, config);
    const arm64 = await pushArtifact(target('image'), 'arm64', layers.slice(0, 1), config);
    expect(await contents(`${open.host}/image:amd64`)).toEqual({ b: '1', c: '2' });
    const both = await pushIndexOf(target('image'), 'both', { 'linux/arm64': arm64, 'linux/amd64': amd64 });
    expect(await contents(`${open.host}/image:both`)).toEqual({ b: '1', c: '2' });
    expect((await fetchOci(`${open.host}/image:both`)).revision).toBe(both);
    expect(await contents(`${open.host}/image@${arm64}`)).toEqual({ a: '1', b: '1' });
    // An attestation beside the only image is no second one.
    await pushIndexOf(target('image'), 'one', { 'linux/arm64': arm64, 'unknown/unknown': amd64 });
    expect(await contents(`${open.host}/image:one`)).toEqual({ a: '1', b: '1' });
    await pushIndexOf(target('image'), 'none', { 'linux/arm64': arm64, 'linux/s390x': amd64 });
    expect(await failure(`${open.host}/image:none`)).toMatch(
      /^invalid .*: an index of several and none for linux\/amd64/,
    );
  });
});

describe('what cannot be had', () => {
  const plain = (content: string | Buffer, mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip') => [
    { mediaType, content },
  ];

  test.each<[string, () => Promise<readonly Layer[]>, RegExp]>([
    [
      'leads out',
      async () => plain(gzipSync(await tarOf([['../x', '1']]))),
      /layer 1: it holds the path \.\.\/x, which leads out/,
    ],
    [
      'leads out by its title',
      async () => [{ ...plain('x', 'text/plain')[0]!, annotations: { [TITLE]: '../../x' } }],
      /which leads out of it/,
    ],
    ['is no archive', async () => plain('nothing'), /it is no tar archive/],
    [
      'has no name',
      async () => plain('{}', 'application/json'),
      /it is application\/json, which is no archive, and has no title/,
    ],
  ])('an artifact that %s', async (name, layers, message) => {
    const tag = name.replaceAll(' ', '-');
    await pushArtifact(target('bad'), tag, await layers());
    const words = await failure(`${open.host}/bad:${tag}`);
    expect(words).toMatch(/^invalid spec\.source\.oci\.image: /);
    expect(words).toMatch(message);
  });

  test('more than is fetched', async () => {
    await pushArtifact(target('bad'), 'large', plain('x'), undefined, 2 ** 31);
    expect(await failure(`${open.host}/bad:large`)).toMatch(
      /^invalid .*: larger than the 1 GiB that are fetched$/,
    );
  });

  test('is absent, denied or unavailable, never mixed', async () => {
    const content = gzipSync(await tarOf([['a', '1']]));
    const authorization = `Basic ${Buffer.from(`${TEST_LOGIN.username}:${TEST_LOGIN.password}`).toString('base64')}`;
    await pushArtifact({ origin: closed.origin, repository: 'mine', authorization }, 'v1', plain(content));
    const { store } = readDockerConfig(JSON.stringify({ auths: { [closed.host]: TEST_LOGIN } }));
    expect(await failure(`${closed.host}/mine:v1`, { credentials: store })).toMatch(/^fetched sha256:/);
    expect(await failure(`${closed.host}/mine:v1`)).toMatch(/^denied .* wants a login/);
    expect(await failure(`${closed.host}/mine:v2`, { credentials: store })).toMatch(
      /^absent spec\.source\.oci\.image: no such artifact$/,
    );
    const nobody = [{ host: '127.0.0.1:1', insecure: true, mirrors: [] }];
    expect(await failure('127.0.0.1:1/x:v1', { registries: nobody })).toMatch(
      /^unavailable .*connection refused$/,
    );
  });
});
