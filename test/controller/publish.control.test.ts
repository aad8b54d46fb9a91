/**
 * spec.publish with the whole operator, on a real API server with the real garbage collector and a real registry. The
 * operator has the rights of manifests/rbac and no others. It speaks of every namespace, so the API server is its own.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, type TestContext, test, vi } from 'vitest';
import { run } from '../../scripts/cluster/run.ts';
import { conditionOf } from '../../src/api/conditions.ts';
import type { V1ConfigMap } from '../../src/api/kubernetes.ts';
import { API_VERSION, KIND } from '../../src/api/names.ts';
import type { Status } from '../../src/api/status.ts';
import { getConfigMap } from '../../src/kube/config-maps.ts';
import { type Connection, connect } from '../../src/kube/connection.ts';
import { IMAGE_SPECS, pathOf } from '../../src/kube/resource.ts';
import { type ControlPlane, installImageSpecs, startControlPlane } from '../support/control-plane.ts';
import { configMaps, newNamespace } from '../support/kube.ts';
import { type OperatorProcess, startOperator } from '../support/operator-process.ts';
import { pushImage } from '../support/push-image.ts';
import { type RegistryServer, startRegistry } from '../support/registry-server.ts';

let plane: ControlPlane;
const kubectl = async (args: string[], input?: string) => {
  const command = ['--kubeconfig', plane.kubeconfig, ...args];
  return (await run(plane.kubectl, command, input === undefined ? {} : { input })).stdout;
};

const SYSTEM = 'imagespec-system';

let folder: string;
let own: string;
let registry: RegistryServer;
let operator: OperatorProcess;
let connection: Connection;

beforeAll(async () => {
  plane = await startControlPlane();
  await installImageSpecs(plane);
  connection = await connect({ kubeconfig: plane.kubeconfig });
  folder = await mkdtemp(join(tmpdir(), 'imagespec-publish-test-'));
  registry = await startRegistry();
  own = await operatorsKubeconfig();
  operator = await start();
});
afterAll(async () => {
  await operator?.process.end();
  await registry?.stop();
  await connection?.close();
  await plane?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Who the operator is in a cluster, with what manifests/rbac lets it do. */
async function operatorsKubeconfig(): Promise<string> {
  const resources = [relative(folder, 'manifests/rbac')];
  await kubectl(['apply', '--server-side', '--filename', 'manifests/manager/namespace.yaml']);
  await writeFile(join(folder, 'kustomization.yaml'), JSON.stringify({ namespace: SYSTEM, resources }));
  await kubectl(['apply', '--server-side', '--kustomize', folder]);
  const token = await kubectl(['create', 'token', 'imagespec-operator', `--namespace=${SYSTEM}`]);
  const config = JSON.parse(await kubectl(['config', 'view', '--raw', '--minify', '--output=json']));
  const file = join(folder, 'kubeconfig');
  const users = [{ name: config.users[0].name, user: { token: token.trim() } }];
  await writeFile(file, JSON.stringify({ ...config, users }));
  return file;
}

function start(): Promise<OperatorProcess> {
  const registries = [{ host: registry.host, insecure: true }];
  return startOperator(folder, own, { registries, stepImage: 'registry.invalid/operator' });
}

/** Puts an image of this content under a tag, and gives its digest. */
const push = (tag: string, content: string) =>
  pushImage({ origin: registry.origin, repository: 'acme/base' }, tag, {
    platform: 'linux/amd64',
    config: { Labels: { content } },
  });

const specOf = (tag: string, name = 'image', more: object = {}) => ({
  builder: 'noop',
  baseImage: `${registry.host}/acme/base:${tag}`,
  publish: { configMap: { name } },
  ...more,
});

interface Shown {
  readonly metadata: { readonly uid: string; readonly generation: number };
  readonly status: Status;
}

async function stage(t: TestContext) {
  const namespace = await newNamespace(t, connection);
  const inNamespace = `--namespace=${namespace}`;
  const show = (name: string) =>
    connection.request<Shown>({ method: 'GET', path: pathOf(IMAGE_SPECS, { namespace, name }) });
  const read = async (name = 'image') => await getConfigMap(connection, namespace, name);
  const becomes = async (reason: string, name = 'one', timeout = 10_000) =>
    await vi.waitFor(
      async () => {
        const shown = await show(name);
        const ready = conditionOf(shown.status.conditions, 'Ready');
        expect([ready?.reason, ready?.observedGeneration]).toEqual([reason, shown.metadata.generation]);
        return shown;
      },
      { timeout, interval: 50 },
    );
  return {
    namespace,
    read,
    becomes,
    objects: configMaps(connection, namespace),
    apply: (spec: object, name = 'one') =>
      kubectl(
        ['apply', '--filename', '-'],
        JSON.stringify({ apiVersion: API_VERSION, kind: KIND, metadata: { name, namespace }, spec }),
      ),
    change: (spec: object, name = 'one') =>
      kubectl([
        'patch',
        'imagespec',
        name,
        inNamespace,
        '--type=merge',
        `--patch=${JSON.stringify({ spec })}`,
      ]),
    remove: (name: string) => kubectl(['delete', 'imagespec', name, inNamespace]),
    edit: (patch: object) =>
      kubectl([
        'patch',
        'configmap',
        'image',
        inNamespace,
        '--type=merge',
        `--patch=${JSON.stringify(patch)}`,
      ]),
    /** Waits for a ConfigMap of these keys, or for none. */
    tells: async (data: Record<string, string> | undefined, name = 'image', timeout = 10_000) =>
      await vi.waitFor(
        async () => {
          const found = await read(name);
          expect(found?.data).toEqual(data);
          return found as V1ConfigMap;
        },
        { timeout, interval: 50 },
      ),
  };
}

const dataOf = (tag: string, digest: string) => {
  const REPOSITORY = `${registry.host}/acme/base`;
  return { IMAGE: `${REPOSITORY}:${tag}@${digest}`, DIGEST: digest, TAG: tag, REPOSITORY };
};

describe.concurrent('the ConfigMap of spec.publish', () => {
  test('is there as soon as the ImageSpec is Ready, and belongs to it', async (t) => {
    const { apply, becomes, read } = await stage(t);
    const digest = await push('made', 'made');
    await apply(specOf('made', 'image', { runtimePackages: ['six', 'idna'] }));
    const { metadata, status } = await becomes('ImageAvailable');
    const found = await read();
    expect(found?.data).toEqual({ ...dataOf('made', digest), _F_RUNTIME_PACKAGES: 'six idna' });
    expect(found?.data?.IMAGE).toBe(status.resolvedImage);
    expect(found?.metadata).toMatchObject({
      labels: {
        'app.kubernetes.io/managed-by': 'imagespec-operator',
        'reconcile.fluxcd.io/watch': 'Enabled',
      },
      ownerReferences: [{ apiVersion: API_VERSION, kind: KIND, name: 'one', uid: metadata.uid }],
    });
  });

  test('is right again at once when somebody edits or deletes it, and not written otherwise', async (t) => {
    const { apply, becomes, change, edit, objects, read, tells } = await stage(t);
    const data = dataOf('edited', await push('edited', 'edited'));
    await apply(specOf('edited'));
    await becomes('ImageAvailable');
    const first = await read();
    // Another pass, and another generation.
    await change({ suspend: true });
    await becomes('ImageAvailable');
    expect((await read())?.metadata?.resourceVersion).toBe(first?.metadata?.resourceVersion);

    for (const patch of [
      { data: { IMAGE: 'another', MORE: 'x' } },
      { data: null, binaryData: { A: 'AA==' } },
      { metadata: { labels: { 'reconcile.fluxcd.io/watch': null } } },
      // Now the watch does not see it any more.
      { metadata: { labels: null }, data: { IMAGE: 'another' } },
    ]) {
      await edit(patch);
      await vi.waitFor(
        async () => {
          const { metadata, data: now, binaryData } = (await read()) ?? {};
          expect({ labels: metadata?.labels, data: now, binaryData }).toEqual({
            labels: first?.metadata?.labels,
            data,
            binaryData: undefined,
          });
        },
        { timeout: 10_000, interval: 50 },
      );
    }
    expect((await read())?.metadata?.uid).toBe(first?.metadata?.uid);
    await objects.delete('image');
    await tells(data);
    await edit({ immutable: true, data: { IMAGE: 'for ever' } });
    await tells(data);
    expect((await read())?.immutable).toBeUndefined();
  });

  test('follows the digest', async (t) => {
    const { apply, becomes, change, read, tells } = await stage(t);
    await apply(specOf('moved'));
    await becomes('BaseImageNotFound');
    expect(await read()).toBeUndefined();
    const first = await push('moved', 'first');
    await change({ rebuild: 1 });
    await tells(dataOf('moved', first));
    const second = await push('moved', 'second');
    await change({ rebuild: 2 });
    await tells(dataOf('moved', second));
    await change({ baseImage: `${registry.host}/acme/base:other` });
    await becomes('BaseImageNotFound');
    await tells(dataOf('moved', second));
    const other = await push('other', 'other');
    await change({ rebuild: 3 });
    await tells(dataOf('other', other));
  });

  test('goes when it has another name, when none is wanted, and with the ImageSpec', async (t) => {
    const { apply, change, remove, tells } = await stage(t);
    const data = dataOf('named', await push('named', 'named'));
    await apply(specOf('named'));
    await tells(data);
    await change({ publish: { configMap: { name: 'renamed' } } });
    await Promise.all([tells(data, 'renamed'), tells(undefined)]);
    await change({ publish: null });
    await tells(undefined, 'renamed');
    await change({ publish: { configMap: { name: 'image' } } });
    await tells(data);
    await remove('one');
    await tells(undefined, 'image', 30_000);
  });

  test('is not taken from somebody else: the status says so, and it is made when the name is free', async (t) => {
    const { apply, becomes, objects, read, tells } = await stage(t);
    const digest = await push('taken', 'taken');
    await objects.create('image', { IMAGE: 'mine' });
    const theirs = await read();
    await apply(specOf('taken'));
    const { status } = await becomes('PublishConflict');
    expect(status).toMatchObject({ resolvedImage: dataOf('taken', digest).IMAGE, digest });
    expect(status.conditions).toMatchObject([
      { type: 'Ready', status: 'False' },
      {
        type: 'Stalled',
        status: 'True',
        message: expect.stringContaining(
          'there is a ConfigMap image that does not belong to this ImageSpec. Delete it, or write another name',
        ),
      },
    ]);
    // It is an image all the same: others may be built on it.
    await apply({ registry: 'registry.invalid/acme', baseImageSpecRef: { name: 'one' } }, 'on-top');
    await becomes('RegistryUnreachable', 'on-top');
    expect(await read()).toEqual(theirs);
    await objects.delete('image');
    await tells(dataOf('taken', digest), 'image', 40_000);
    await becomes('ImageAvailable');
  });

  test('belongs to the first of two that want it, and to the second when that is gone', async (t) => {
    const { apply, becomes, remove, tells } = await stage(t);
    const [one, two] = [await push('one', 'one'), await push('two', 'two')];
    await apply(specOf('one'));
    await becomes('ImageAvailable');
    await apply(specOf('two'), 'two');
    const { status } = await becomes('PublishConflict', 'two');
    expect(conditionOf(status.conditions, 'Stalled')?.message).toContain('belongs to ImageSpec one.');
    await tells(dataOf('one', one));
    await remove('one');
    await tells(dataOf('two', two), 'image', 50_000);
  });

  test('is given up to whoever takes our name off it', async (t) => {
    const { apply, becomes, edit, read } = await stage(t);
    await push('given', 'given');
    await apply(specOf('given'));
    await becomes('ImageAvailable');
    await edit({ metadata: { ownerReferences: null }, data: { IMAGE: 'mine' } });
    await becomes('PublishConflict');
    expect((await read())?.data?.IMAGE).toBe('mine');
  });

  test('that the API server refuses is told in its words', async (t) => {
    const { namespace, apply, becomes, read } = await stage(t);
    const quota = ['create', 'quota', 'small', '--hard=count/configmaps=1', `--namespace=${namespace}`];
    await kubectl(quota);
    const used = ['get', 'quota', 'small', `--namespace=${namespace}`, '--output=jsonpath={.status.used}'];
    await vi.waitFor(async () => expect(await kubectl(used)).toContain('"1"'), 20_000);
    await push('refused', 'refused');
    await apply(specOf('refused'));
    const { status } = await becomes('PolicyDenied');
    expect(conditionOf(status.conditions, 'Stalled')?.message).toMatch(
      /the API server refuses ConfigMap image: .*exceeded quota: small/,
    );
    expect(status.resolvedImage).toContain('/acme/base:refused@sha256:');
    expect(await read()).toBeUndefined();
  });
});

test('whenever the operator is killed: in the end one ConfigMap, and those of others as they were', async (t) => {
  const { namespace, apply, change, objects, read, tells } = await stage(t);
  const tags = ['kill-0', 'kill-1', 'kill-2'];
  const digests: string[] = [];
  for (const tag of tags) digests.push(await push(tag, tag));
  await objects.create('theirs', { IMAGE: 'mine' });
  const theirs = await read('theirs');
  const names = ['image', 'theirs', 'renamed', 'again'];
  await apply(specOf('kill-0'));
  for (let round = 1; round <= 10; round += 1) {
    const tag = tags[round % tags.length] as string;
    await Promise.all([
      change({
        baseImage: `${registry.host}/acme/base:${tag}`,
        publish: { configMap: { name: names[round % names.length] } },
      }),
      // Somewhere between the change and the last word about it.
      sleep(150 + Math.random() * 250).then(() => operator.process.end('KILL')),
    ]);
    operator = await start();
    await sleep(Math.random() * 100);
  }
  await change({ publish: { configMap: { name: 'last' } } });
  await tells(dataOf('kill-1', digests[1] as string), 'last', 20_000);
  await Promise.all(['image', 'renamed', 'again'].map((name) => tells(undefined, name)));
  expect(await read('theirs')).toEqual(theirs);
  const selector = ['--selector=app.kubernetes.io/managed-by=imagespec-operator', '--output=name'];
  expect(await kubectl(['get', 'configmap', `--namespace=${namespace}`, ...selector])).toBe(
    'configmap/last\n',
  );
}, 180_000);
