import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { pushArchive } from '../../scripts/cluster/push.ts';
import { layerFromEntries } from '../../scripts/images/layer.ts';
import { writeImage } from '../../scripts/images/writer.ts';

/** As much of a registry as a push needs; `sent` are the requests that carried something. */
class Registry {
  readonly blobs = new Map<string, Buffer>();
  readonly sent: string[] = [];
  readonly server: Server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '', 'http://registry');
    const body = await buffer(request);
    const digest = `sha256:${createHash('sha256').update(body).digest('hex')}`;
    const key = url.pathname;
    if (request.method === 'HEAD') {
      const found = this.blobs.get(key);
      const known = found && `sha256:${createHash('sha256').update(found).digest('hex')}`;
      response.writeHead(found ? 200 : 404, known ? { 'docker-content-digest': known } : {}).end();
    } else if (request.method === 'POST') {
      response.writeHead(202, { location: `${key}1?state=x` }).end();
    } else if (key.includes('/uploads/')) {
      const right = url.searchParams.get('digest') === digest && url.searchParams.get('state') === 'x';
      this.blobs.set(key.replace('uploads/1', digest), body);
      this.sent.push('blob');
      response.writeHead(right ? 201 : 400).end('digest or state is wrong');
    } else {
      this.blobs.set(key, body);
      this.sent.push(key);
      response.writeHead(201).end();
    }
  });

  get host(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }
}

let registry: Registry;
let folder: string;

beforeEach(async () => {
  registry = new Registry();
  await once(registry.server.listen(0, '127.0.0.1'), 'listening');
  folder = await mkdtemp(join(tmpdir(), 'imagespec-push-'));
});

afterEach(async () => {
  registry.server.close();
  await rm(folder, { recursive: true });
});

async function archive(reference: string, text = 'hello'): Promise<string> {
  const file = join(folder, 'image.tar');
  const layer = await layerFromEntries([{ name: 'file', contents: text }], join(folder, `${text}.tar.gz`));
  await writeImage(file, reference, [layer], { Cmd: ['/file'] });
  return file;
}

test('pushes under the name in the archive, without its host', async () => {
  const names: [string, string][] = [
    ['docker.io/library/python:3.11-slim', 'library/python:3.11-slim'],
    ['localhost/a:1', 'a:1'],
    ['10.0.0.1:5000/a/b:1', 'a/b:1'],
    ['imagespec/operator:dev', 'imagespec/operator:dev'],
  ];
  for (const [reference, name] of names) {
    const pushed = await pushArchive(await archive(reference), registry.host);
    expect(pushed).toMatch(new RegExp(`^${registry.host}/${name}@sha256:[0-9a-f]{64}$`));
  }
});

test('sends config, layer and then the manifest', async () => {
  await pushArchive(await archive('a/b:1'), registry.host);
  expect(registry.sent).toEqual(['blob', 'blob', '/v2/a/b/manifests/1']);
});

test('sends nothing when the tag is there already', async () => {
  const file = await archive('a/b:1');
  await pushArchive(file, registry.host);
  registry.sent.length = 0;
  await pushArchive(file, registry.host);
  expect(registry.sent).toEqual([]);
});

test('sends what changed when the tag is another image', async () => {
  await pushArchive(await archive('a/b:1'), registry.host);
  registry.sent.length = 0;
  await pushArchive(await archive('a/b:1', 'changed'), registry.host);
  expect(registry.sent).toEqual(['blob', 'blob', '/v2/a/b/manifests/1']);
});

test('says what is wrong with a file that is no image archive', async () => {
  const file = join(folder, 'other.tar');
  await writeFile(file, Buffer.alloc(1024));
  await expect(pushArchive(file, registry.host)).rejects.toThrow(/no OCI image archive/);
});
