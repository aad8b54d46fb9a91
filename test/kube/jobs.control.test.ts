/** Jobs and their owners on a real API server with the real garbage collector. */
import { expect, inject, test, vi } from 'vitest';
import type { V1Job, V1OwnerReference } from '../../src/api/kubernetes.ts';
import type { Connection } from '../../src/kube/connection.ts';
import { addOwner, createJob, deleteJob, type JobId, readJob, removeOwner } from '../../src/kube/jobs.ts';
import { JOBS, PODS, pathOf } from '../../src/kube/resource.ts';
import { warningsOf } from '../../src/kube/warnings.ts';
import { configMaps, connectFor, type ForTest, newNamespace } from '../support/kube.ts';

const { kubeconfig } = inject('controlPlane');

function jobOf(namespace: string, name: string, ownerReferences: V1OwnerReference[] = []): V1Job {
  return {
    metadata: { namespace, name, ownerReferences, labels: { attempt: '1' } },
    spec: {
      backoffLimit: 0,
      template: {
        spec: {
          restartPolicy: 'Never',
          automountServiceAccountToken: false,
          containers: [{ name: 'build', image: 'registry.invalid/none' }],
        },
      },
    },
  };
}

async function stage(t: ForTest, labels?: Record<string, string>) {
  const connection = await connectFor(t, kubeconfig);
  const namespace = await newNamespace(t, connection, labels);
  const objects = configMaps(connection, namespace);
  return {
    connection,
    namespace,
    objects,
    /** Any object serves as an owner. */
    async owner(name: string): Promise<V1OwnerReference> {
      const { metadata } = await objects.create(name);
      const uid = metadata.uid;
      return { apiVersion: 'v1', kind: 'ConfigMap', name, uid, controller: false, blockOwnerDeletion: false };
    },
    ownersOf: async (name: string) =>
      ((await readJob(connection, namespace, name))?.metadata?.ownerReferences ?? [])
        .map((reference) => reference.name)
        .sort(),
  };
}

async function made(connection: Connection, job: V1Job): Promise<JobId> {
  const { metadata } = (await createJob(connection, job)).job;
  return { namespace: metadata?.namespace ?? '', name: metadata?.name ?? '', uid: metadata?.uid ?? '' };
}

test('makes a Job once, and gives whoever comes second the one that is there', async (t) => {
  const { connection, namespace } = await stage(t);
  const answers = await Promise.all([1, 2, 3].map(() => createJob(connection, jobOf(namespace, 'build'))));
  expect(answers.filter(({ created }) => created)).toHaveLength(1);
  expect(new Set(answers.map(({ job }) => job.metadata?.uid)).size).toBe(1);
  expect(answers[0]?.job.metadata?.labels).toMatchObject({ attempt: '1' });
});

test('throws the words of who refuses a Job', async (t) => {
  const { connection, namespace } = await stage(t);
  const job = jobOf(namespace, 'Not-A-Name');
  await expect(createJob(connection, job)).rejects.toMatchObject({
    code: 422,
    reason: 'Invalid',
    message: expect.stringContaining('metadata.name'),
  });
});

test('a Job lives as long as one of its owners', async (t) => {
  const { connection, namespace, objects, owner } = await stage(t);
  const [first, second] = [await owner('first'), await owner('second')];
  const job = await made(connection, jobOf(namespace, 'build', [first]));
  await vi.waitFor(async () => expect(await podsOf(connection, namespace)).toHaveLength(1), 10_000);
  expect(await addOwner(connection, job, second)).toBe('done');
  expect(await addOwner(connection, job, second)).toBe('done');

  await objects.delete('first');
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  expect(await readJob(connection, namespace, 'build')).toBeDefined();

  await objects.delete('second');
  await vi.waitFor(async () => expect(await readJob(connection, namespace, 'build')).toBeUndefined(), 20_000);
  await vi.waitFor(async () => expect(await podsOf(connection, namespace)).toHaveLength(0), 20_000);
});

test('an owner that withdraws leaves the others, whoever came first', async (t) => {
  const { connection, namespace, objects, owner, ownersOf } = await stage(t);
  const [first, second] = [await owner('first'), await owner('second')];
  const job = await made(connection, jobOf(namespace, 'build', [first]));
  await addOwner(connection, job, second);

  expect(await removeOwner(connection, job, first.uid)).toBe('done');
  expect(await removeOwner(connection, job, first.uid)).toBe('done');
  expect(await ownersOf('build')).toEqual(['second']);
  await objects.delete('second');
  await vi.waitFor(async () => expect(await readJob(connection, namespace, 'build')).toBeUndefined(), 20_000);
});

test('owners that come and go at the same time all get their way', async (t) => {
  const { connection, namespace, owner, ownersOf } = await stage(t);
  const owners = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => owner(name)));
  const job = await made(connection, jobOf(namespace, 'build', owners.slice(0, 3)));
  await Promise.all([
    ...owners.slice(3).map((reference) => addOwner(connection, job, reference)),
    ...owners.slice(0, 3).map((reference) => removeOwner(connection, job, reference.uid)),
  ]);
  expect(await ownersOf('build')).toEqual(['d', 'e', 'f']);
});

test('never touches a newer Job of the same name', async (t) => {
  const { connection, namespace, owner, ownersOf } = await stage(t);
  const old = { namespace, name: 'build', uid: '00000000-0000-0000-0000-000000000000' };
  const reference = await owner('first');
  expect(await addOwner(connection, old, reference)).toBe('gone');
  expect(await deleteJob(connection, old)).toBe('gone');

  await made(connection, jobOf(namespace, 'build', [reference]));
  expect(await addOwner(connection, old, await owner('second'))).toBe('gone');
  expect(await removeOwner(connection, old, reference.uid)).toBe('gone');
  expect(await deleteJob(connection, old)).toBe('gone');
  expect(await ownersOf('build')).toEqual(['first']);
});

test('deletes a Job with its Pods; a second time is no error', async (t) => {
  const { connection, namespace } = await stage(t);
  const job = await made(connection, jobOf(namespace, 'build'));
  await vi.waitFor(async () => expect(await podsOf(connection, namespace)).toHaveLength(1), 10_000);
  expect(await deleteJob(connection, job)).toBe('done');
  expect(await deleteJob(connection, job)).toBe('gone');
  await vi.waitFor(async () => expect(await podsOf(connection, namespace)).toHaveLength(0), 20_000);
});

test('does not delete an ownerless Job that someone has joined meanwhile', async (t) => {
  const { connection, namespace, owner, ownersOf } = await stage(t);
  const job = await made(connection, jobOf(namespace, 'build'));
  const seen = (await readJob(connection, namespace, 'build'))?.metadata?.resourceVersion;
  await addOwner(connection, job, await owner('late'));
  expect(await deleteJob(connection, job, seen)).toBe('changed');
  expect(await ownersOf('build')).toEqual(['late']);
});

test('the cluster says in its own words that a quota is exceeded', async (t) => {
  const { connection, namespace } = await stage(t);
  await connection.request({
    method: 'POST',
    path: pathOf({ apiVersion: 'v1', plural: 'resourcequotas' }, { namespace }),
    body: {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'none' },
      spec: { hard: { pods: '0' } },
    },
  });
  // The API server hears of a quota a moment after it took it.
  const pod = { metadata: { name: 'any' }, spec: jobOf(namespace, 'build').spec?.template.spec };
  const ask = {
    method: 'POST',
    path: pathOf(PODS, { namespace }),
    query: { dryRun: 'All' },
    body: pod,
  } as const;
  await vi.waitFor(() => expect(connection.request(ask)).rejects.toThrow('exceeded quota'), 20_000);
  const job = await made(connection, jobOf(namespace, 'build'));
  await vi.waitFor(async () => {
    const [newest] = await warningsOf(connection, { ...job, kind: 'Job' });
    expect(newest?.reason).toBe('FailedCreate');
    expect(newest?.message).toMatch(/exceeded quota: none, requested: pods=1, used: pods=0, limited: pods=0/);
    expect(Math.abs(Date.now() - (newest?.time.getTime() ?? 0))).toBeLessThan(60_000);
  }, 15_000);
  expect(await warningsOf(connection, { ...job, kind: 'Job', uid: 'another' })).toEqual([]);
});

test('the cluster says in its own words that Pod Security refuses the Pod', async (t) => {
  const { connection, namespace } = await stage(t, { 'pod-security.kubernetes.io/enforce': 'restricted' });
  const job = await made(connection, jobOf(namespace, 'build'));
  await vi.waitFor(async () => {
    const [newest] = await warningsOf(connection, { ...job, kind: 'Job' });
    expect(newest?.message).toMatch(/violates PodSecurity "restricted:latest"/);
  }, 15_000);
});

async function podsOf(connection: Connection, namespace: string): Promise<unknown[]> {
  const page = await connection.request<{ items: unknown[] }>({
    method: 'GET',
    path: pathOf(PODS, { namespace }),
  });
  return page.items;
}

test('paths name group, namespace and object', () => {
  expect(pathOf(PODS)).toBe('/api/v1/pods');
  expect(pathOf(JOBS, { namespace: 'a', name: 'b', subresource: 'status' })).toBe(
    '/apis/batch/v1/namespaces/a/jobs/b/status',
  );
});
