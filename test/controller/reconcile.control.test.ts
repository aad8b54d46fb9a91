/** Passes over ImageSpecs of a real API server and images of a real registry; the test is what the watches bring. */
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest';
import { conditionOf } from '../../src/api/conditions.ts';
import { parseImageSpec } from '../../src/api/image-spec.ts';
import type { V1Job, V1Pod } from '../../src/api/kubernetes.ts';
import { API_VERSION, KIND } from '../../src/api/names.ts';
import { Answers } from '../../src/controller/answers.ts';
import { Builds } from '../../src/controller/builds.ts';
import { Published } from '../../src/controller/published.ts';
import { type Parts, reconcile } from '../../src/controller/reconcile.ts';
import { jobView, podView } from '../../src/controller/views.ts';
import { parseReference } from '../../src/image/reference.ts';
import type { Connection } from '../../src/kube/connection.ts';
import { listJobs } from '../../src/kube/jobs.ts';
import { IMAGE_SPECS, JOBS, pathOf } from '../../src/kube/resource.ts';
import { anonymous } from '../../src/registry/credentials.ts';
import { RegistryClient } from '../../src/registry/registry-client.ts';
import { settingsSchema } from '../../src/settings.ts';
import { connectFor, type ForTest, keptLog, newNamespace } from '../support/kube.ts';
import { pushImage } from '../support/push-image.ts';
import { type RegistryServer, startRegistry } from '../support/registry-server.ts';

const { kubeconfig } = inject('controlPlane');

let server: RegistryServer;
beforeAll(async () => {
  server = await startRegistry();
});
afterAll(() => server?.stop());

async function stage(t: ForTest, more: Partial<Parts> = {}) {
  const connection = await connectFor(t, kubeconfig);
  const namespace = await newNamespace(t, connection);
  const settings = settingsSchema.parse({
    defaults: { registry: `${server.host}/${namespace}` },
    registries: [{ host: server.host, insecure: true }],
    concurrency: { builds: 1 },
  });
  const registry = new RegistryClient({ registries: settings.registries, credentials: anonymous });
  t.onTestFinished(() => registry.close());
  const builds = new Builds(settings);
  const parts: Parts = {
    ...{ connection, registry, settings, builds, answers: new Answers(), now: () => new Date() },
    imageSpecOf: () => undefined,
    published: new Published(),
    stepImage: 'registry.invalid/step',
    log: keptLog().log,
    events: { record: () => {} },
    ...more,
  };
  const path = (name?: string) => pathOf(IMAGE_SPECS, { namespace, ...(name === undefined ? {} : { name }) });
  return {
    connection,
    namespace,
    builds,
    create: (name: string, spec: object) =>
      connection.request({
        method: 'POST',
        path: path(),
        body: { apiVersion: API_VERSION, kind: KIND, metadata: { name }, spec },
      }),
    change: (name: string, spec: object) =>
      connection.request({
        method: 'PATCH',
        path: path(name),
        contentType: 'application/merge-patch+json',
        body: { spec },
      }),
    /** One pass; with the status it leaves. */
    async pass(name: string) {
      const read = async () => parseImageSpec(await connection.request({ method: 'GET', path: path(name) }));
      const done = await reconcile(await read(), parts);
      const { status } = await read();
      return { ...done, status, ready: conditionOf(status?.conditions, 'Ready') };
    },
    jobs: () => listJobs(connection, namespace, ''),
    /** What an engine would push. */
    push(image: string) {
      const ref = parseReference(image);
      const target = { origin: server.origin, repository: ref?.repository ?? '' };
      return pushImage(target, ref?.tag ?? '', { platform: 'linux/amd64' });
    },
  };
}

test('an image is Ready when its pod has ended, also while no other build may start', async (t) => {
  const { create, pass, jobs, push, builds, namespace } = await stage(t);
  await create('one', {});
  const { status } = await pass('one');
  expect(status?.build?.attempt).toBe(1);
  const [job] = (await jobs()).map((raw) => jobView(raw as V1Job));
  await push(status?.image ?? '');
  // The Job itself ends a second later, and holds its place until then.
  const labels = {
    'batch.kubernetes.io/job-name': job?.name,
    'batch.kubernetes.io/controller-uid': job?.uid,
  };
  const metadata = { namespace, name: 'pod', uid: 'pod', labels };
  builds.podChanged(undefined, podView({ metadata, status: { phase: 'Succeeded' } } as V1Pod));
  expect(builds.slotFree).toBe(false);
  expect((await pass('one')).ready).toMatchObject({ status: 'True', reason: 'ImageAvailable' });
});

test('an edit that leaves the image what it is leaves it Ready, whatever else counts in its hash', async (t) => {
  const { create, change, pass, push, namespace } = await stage(t);
  const baseImage = `${server.host}/${namespace}/base:1`;
  await push(baseImage);
  await create('same', { builder: 'noop', baseImage, pythonVersion: '3.11' });
  const first = await pass('same');
  await change('same', { pythonVersion: '3.12' });
  const second = await pass('same');
  expect(second.status?.specHash).not.toBe(first.status?.specHash);
  expect(second.ready).toMatchObject({ status: 'True', observedGeneration: 2 });
  expect(second.status?.resolvedImage).toBe(first.status?.resolvedImage);
});

test('a look that the API server refuses is told, and not asked for again every few seconds', async (t) => {
  const { create, pass } = await stage(t, { stepImage: '' });
  await create('looks', { source: { git: { url: 'https://git.invalid/x.git' } }, copy: ['.'] });
  const { ready, requeueAfterMs } = await pass('looks');
  expect(ready).toMatchObject({
    reason: 'SourceUnavailable',
    message: expect.stringContaining('image: Required value'),
  });
  expect(requeueAfterMs).toBeGreaterThanOrEqual(30_000);
});

test('a Job that no webhook judges is told to be waiting for it', async (t) => {
  const { connection, create, pass, jobs, namespace } = await stage(t);
  await silentWebhook(t, connection, namespace);
  await create('judged', {});
  const { ready, requeueAfterMs } = await pass('judged');
  expect(ready).toMatchObject({ reason: 'BuildPending' });
  expect(ready?.message).toContain('failed calling webhook "nobody.imagespec.test"');
  expect(requeueAfterMs).toBe(30_000);
  expect(await jobs()).toEqual([]);
});

/** A webhook for the Jobs of a namespace at which nobody answers; resolves when the API server heeds it. */
async function silentWebhook(t: ForTest, connection: Connection, namespace: string): Promise<void> {
  const webhooks = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    plural: 'validatingwebhookconfigurations',
  };
  const webhook = {
    name: 'nobody.imagespec.test',
    clientConfig: { url: 'https://127.0.0.1:1/' },
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
    rules: [{ apiGroups: ['batch'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['jobs'] }],
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
  };
  const body = { metadata: { name: namespace }, webhooks: [webhook] };
  await connection.request({ method: 'POST', path: pathOf(webhooks), body });
  t.onTestFinished(async () => {
    await connection.request({ method: 'DELETE', path: pathOf(webhooks, { name: namespace }) });
  });
  const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'a', image: 'a' }] } };
  const job = { metadata: { name: 'any' }, spec: { template } };
  const ask = {
    method: 'POST',
    path: pathOf(JOBS, { namespace }),
    query: { dryRun: 'All' },
    body: job,
  } as const;
  await vi.waitFor(() => expect(connection.request(ask)).rejects.toThrow('failed calling webhook'), 20_000);
}
