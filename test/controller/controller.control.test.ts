/**
 * The whole loop on an API server of its own, for it speaks of every namespace. There are no other controllers: the test
 * is the one of Jobs, and says what becomes of their pods.
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { conditionOf } from '../../src/api/conditions.ts';
import { type ImageSpec, parseImageSpec } from '../../src/api/image-spec.ts';
import type { V1Job } from '../../src/api/kubernetes.ts';
import { API_VERSION, KIND, MANAGED_BY, MANAGED_BY_LABEL } from '../../src/api/names.ts';
import { Answers } from '../../src/controller/answers.ts';
import { Builds } from '../../src/controller/builds.ts';
import { Controller } from '../../src/controller/controller.ts';
import type { Connection } from '../../src/kube/connection.ts';
import { EventRecorder } from '../../src/kube/events.ts';
import { deleteJob, listJobs } from '../../src/kube/jobs.ts';
import { IMAGE_SPECS, PODS, pathOf } from '../../src/kube/resource.ts';
import { makeMetrics } from '../../src/metrics.ts';
import { anonymous } from '../../src/registry/credentials.ts';
import { RegistryClient } from '../../src/registry/registry-client.ts';
import { settingsSchema } from '../../src/settings.ts';
import { type ControlPlane, installImageSpecs, startControlPlane } from '../support/control-plane.ts';
import { connectFor, type ForTest, keptLog, newNamespace } from '../support/kube.ts';
import { type RegistryServer, startRegistry } from '../support/registry-server.ts';

let plane: ControlPlane;
let server: RegistryServer;
beforeAll(async () => {
  [plane, server] = await Promise.all([startControlPlane({ controllers: false }), startRegistry()]);
  await installImageSpecs(plane);
});
afterAll(async () => {
  await plane?.stop();
  await server?.stop();
});

/** Starts a controller with room for so many builds, stopped when the test ends; gives how many passes it has made. */
async function startController(t: ForTest, builds: number): Promise<() => Promise<number>> {
  const connection = await connectFor(t, plane.kubeconfig);
  const settings = settingsSchema.parse({
    defaults: { registry: `${server.host}/team` },
    registries: [{ host: server.host, insecure: true }],
    concurrency: { builds },
  });
  const { log } = keptLog();
  const metrics = makeMetrics();
  const registry = new RegistryClient({ registries: settings.registries, credentials: anonymous });
  const controller = new Controller({
    ...{ connection, registry, settings, log, metrics, answers: new Answers() },
    events: new EventRecorder({ connection, log, instance: 'test' }),
    builds: new Builds(settings),
    stepImage: 'registry.invalid/step',
    now: () => new Date(),
  });
  t.onTestFinished(async () => {
    await controller.stop();
    await registry.close();
  });
  await controller.start();
  return async () =>
    (await metrics.text())
      .split('\n')
      .filter((line) => line.startsWith('controller_runtime_reconcile_total'))
      .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

/** A pod of a Job that nobody runs; it has its place. */
async function startPod(connection: Connection, namespace: string, job: V1Job | undefined): Promise<void> {
  const accounts = { apiVersion: 'v1', plural: 'serviceaccounts' };
  const account = { metadata: { name: 'default' } };
  await connection.request({ method: 'POST', path: pathOf(accounts, { namespace }), body: account });
  const labels = {
    [MANAGED_BY_LABEL]: MANAGED_BY,
    'batch.kubernetes.io/job-name': job?.metadata?.name,
    'batch.kubernetes.io/controller-uid': job?.metadata?.uid,
  };
  const spec = { containers: [{ name: 'verify', image: 'registry.invalid/none' }] };
  const body = { metadata: { name: 'pod', labels }, spec };
  await connection.request({ method: 'POST', path: pathOf(PODS, { namespace }), body });
}

/** ImageSpecs of a namespace of their own, each of another content. */
function imageSpecs(connection: Connection, namespace: string) {
  const path = (name?: string) => pathOf(IMAGE_SPECS, { namespace, ...(name === undefined ? {} : { name }) });
  const read = async (name: string): Promise<ImageSpec> =>
    parseImageSpec(await connection.request({ method: 'GET', path: path(name) }));
  return {
    create: (name: string) =>
      connection.request({
        method: 'POST',
        path: path(),
        body: {
          apiVersion: API_VERSION,
          kind: KIND,
          metadata: { name },
          spec: { commands: [`echo ${name}`] },
        },
      }),
    touch: (name: string) =>
      connection.request({
        method: 'PATCH',
        path: path(name),
        contentType: 'application/merge-patch+json',
        body: { metadata: { annotations: { touched: 'yes' } } },
      }),
    delete: (name: string) => connection.request({ method: 'DELETE', path: path(name) }),
    reason: async (name: string) => conditionOf((await read(name)).status?.conditions, 'Ready')?.reason,
    jobOf: async (name: string): Promise<V1Job | undefined> =>
      (await listJobs(connection, namespace, '')).find(({ metadata }) =>
        metadata?.ownerReferences?.some((owner) => owner.name === name),
      ),
  };
}

test('who waits longest for a place to build gets it, however often others and itself are looked at', async (t) => {
  const connection = await connectFor(t, plane.kubeconfig);
  const namespace = await newNamespace(t, connection);
  const specs = imageSpecs(connection, namespace);
  const passes = await startController(t, 1);
  await specs.create('builds');
  await vi.waitFor(async () => expect(await specs.jobOf('builds')).toBeDefined(), 20_000);
  const job = await specs.jobOf('builds');
  await startPod(connection, namespace, job);
  for (const name of ['first', 'second', 'third']) {
    await specs.create(name);
    await vi.waitFor(async () => expect(await specs.reason(name)).toBe('Queued'), 20_000);
  }
  // A pass of its own, as a resync brings it.
  const before = await passes();
  await specs.touch('first');
  await vi.waitFor(async () => expect(await passes()).toBeGreaterThan(before), 20_000);

  await specs.delete('builds');
  const { name = '', uid = '' } = job?.metadata ?? {};
  await deleteJob(connection, { namespace, name, uid });
  await vi.waitFor(async () => expect(await specs.reason('first')).toBe('Building'), 20_000);
  expect(await specs.jobOf('second')).toBeUndefined();
});
