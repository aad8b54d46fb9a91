/** Programs taken out of images in a real registry. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { anonymous } from '../../src/registry/credentials.ts';
import { RegistryClient } from '../../src/registry/registry-client.ts';
import { saveProgram } from '../../src/step/tool.ts';
import { pushArtifact } from '../support/push-image.ts';
import { type RegistryServer, startRegistry } from '../support/registry-server.ts';
import { tarOf } from '../support/tar.ts';

/** Nobody listens there. */
const GONE = 'localhost:1';

let registry: RegistryServer;
let closed: RegistryServer;
let client: RegistryClient;
const place = mkdtempSync(join(tmpdir(), 'imagespec-tool-'));
beforeAll(async () => {
  registry = await startRegistry();
  closed = await startRegistry({ auth: 'basic' });
  client = new RegistryClient({
    registries: [registry.host, closed.host, GONE].map((host) => ({ host, insecure: true, mirrors: [] })),
    credentials: anonymous,
  });
  const mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip';
  const layer = async (content: string) => ({
    mediaType,
    content: gzipSync(await tarOf([['./tool', content]])),
  });
  const target = { origin: registry.origin, repository: 'tools/one' };
  await pushArtifact(target, '1', [await layer('old'), await layer('new')]);
  await pushArtifact(target, 'broken', [{ mediaType, content: 'no archive' }]);
});
afterAll(async () => {
  await client?.close();
  await registry?.stop();
  await closed?.stop();
  rmSync(place, { recursive: true });
});

const file = join(place, 'out/tool');
const folder = join(place, 'unpacked');
const saved = (tag: string, path = 'tool', host = registry.host) =>
  saveProgram(client, { host, repository: 'tools/one', tag }, path, file, folder);

it('writes what the topmost layer has, to be run, and nothing else', async () => {
  expect(await saved('1')).toBeUndefined();
  expect(readFileSync(file, 'utf8')).toBe('new');
  expect(statSync(file).mode & 0o777).toBe(0o755);
  expect(existsSync(folder)).toBe(false);
});

it.each([
  ['1', 'other', 'it has no file /other'],
  ['broken', 'tool', 'it is no tar archive that can be unpacked'],
  ['2', 'tool', expect.stringMatching(/^it is not there for linux\//)],
])('says why it cannot: %s %s', async (tag, path, words) => {
  expect(await saved(tag, path)).toEqual({ reason: 'BuildFailed', message: words });
  expect(existsSync(folder)).toBe(false);
});

it('is tried again later where the registry could not be asked', async () => {
  expect(await saved('1', 'tool', GONE)).toMatchObject({ reason: 'RegistryUnreachable' });
}, 60_000);

it('heals by itself where a login was refused, and is corrected', async () => {
  expect(await saved('1', 'tool', closed.host)).toMatchObject({ reason: 'RegistryDenied' });
});
