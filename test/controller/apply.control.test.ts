/** What was decided, carried out on a real API server: Jobs are made once, and none is left without an owner. */
import { expect, inject, test } from 'vitest';
import type { Metadata } from '../../src/api/image-spec.ts';
import { API_VERSION, KIND } from '../../src/api/names.ts';
import { buildContextOf } from '../../src/build/context.ts';
import { accessHash, buildJob, ownerReference } from '../../src/build/job.ts';
import { apply, type Hands } from '../../src/controller/apply.ts';
import { Builds } from '../../src/controller/builds.ts';
import { jobView } from '../../src/controller/views.ts';
import { targetOf } from '../../src/image/target.ts';
import type { Connection } from '../../src/kube/connection.ts';
import { addOwner, createJob, listJobs } from '../../src/kube/jobs.ts';
import { IMAGE_SPECS, pathOf } from '../../src/kube/resource.ts';
import type { Facts } from '../../src/plan/facts.ts';
import { connectFor, type ForTest, keptLog, newNamespace } from '../support/kube.ts';
import { imageSpec, settings } from '../support/objects.ts';

const { kubeconfig } = inject('controlPlane');

const STEP_IMAGE = 'registry.invalid/step';

async function stage(t: ForTest) {
  const connection = await connectFor(t, kubeconfig);
  const namespace = await newNamespace(t, connection);
  const builds = new Builds(settings);
  const hands: Hands = { connection, builds, settings, stepImage: STEP_IMAGE, log: keptLog().log };
  /** A new ImageSpec whose image is missing; all of them want the same one. */
  const wanting = async (name: string) => {
    const { metadata } = await connection.request<{ metadata: Metadata }>({
      method: 'POST',
      path: pathOf(IMAGE_SPECS, { namespace }),
      body: { apiVersion: API_VERSION, kind: KIND, metadata: { name }, spec: {} },
    });
    const object = { ...imageSpec({ name: 'shared' }), metadata };
    const judged = targetOf(object, settings);
    if (!judged.ok) throw new Error('no target');
    const { target } = judged;
    const made = buildContextOf(target, settings);
    if (!made.ok) throw new Error('too large');
    const asked = { answer: { kind: 'absent' } as const, times: 1, ageMs: 0 };
    const places = { slotFree: true, slots: 10, retries: 2 };
    const access = accessHash(target, settings);
    const wanted = { target, context: made.context, access, jobs: [], asked, ...places };
    const facts: Facts = { object, wanted, strays: [], now: new Date() };
    return { metadata, facts, job: buildJob(target, made.context, settings, metadata, 1, STEP_IMAGE) };
  };
  const jobs = () => listJobs(connection, namespace, '');
  return { connection, namespace, builds, hands, wanting, jobs };
}

/** A Job of two owners, as the cache has it, and how they withdraw. */
async function shared({ connection, builds, wanting, jobs }: Awaited<ReturnType<typeof stage>>) {
  const [one, two] = [await wanting('one'), await wanting('two')];
  const { namespace = '', name = '', uid = '' } = (await createJob(connection, one.job)).job.metadata ?? {};
  await addOwner(connection, { namespace, name, uid }, ownerReference(two.metadata));
  for (const job of await jobs()) builds.learned(jobView(job));
  /** Withdraws an ImageSpec as long as it is told that the Job is not as it was seen. */
  const withdraw = async ({ facts }: typeof one, hands: Hands) => {
    for (;;) {
      const owners = builds.jobsOf(namespace).find((view) => view.uid === uid)?.owners ?? [];
      const kind = owners.length > 1 ? 'leave-job' : 'delete-job';
      if ((await apply([{ kind, job: name, uid }], facts, hands)).kind === 'done') return kind;
    }
  };
  return { owners: [one, two], withdraw };
}

test('the last two that leave a Job at the same time know of each other: one of them deletes it', async (t) => {
  const on = await stage(t);
  const { owners, withdraw } = await shared(on);
  const done = await Promise.all(owners.map((owner) => withdraw(owner, on.hands)));
  expect(done.sort()).toEqual(['delete-job', 'leave-job']);
  expect(await on.jobs()).toEqual([]);
});

test('the operator may end after any request: a Job that is left has an owner', async (t) => {
  const on = await stage(t);
  const { owners, withdraw } = await shared(on);
  for (const requests of [1, 2, 3]) {
    const hands = { ...on.hands, connection: endingAfter(requests, on.connection) };
    await Promise.allSettled(owners.map((owner) => withdraw(owner, hands)));
    for (const { metadata } of await on.jobs()) expect(metadata?.ownerReferences?.length).toBeGreaterThan(0);
  }
});

test('ImageSpecs of one image that remember different attempts make one Job', async (t) => {
  const { hands, wanting, jobs } = await stage(t);
  const all = await Promise.all(['one', 'two', 'three'].map(wanting));
  const applied = await Promise.all(
    all.map(({ facts }, index) => apply([{ kind: 'create-job', attempt: index + 1 }], facts, hands)),
  );
  expect(applied.map(({ kind }) => kind)).toEqual(['done', 'stale', 'stale']);
  expect(await jobs()).toHaveLength(1);
});

test('a copy of a Job that somebody made to look into it is no attempt', async (t) => {
  const { connection, hands, wanting, jobs } = await stage(t);
  const { facts, job } = await wanting('one');
  const copy = { ...job.metadata, name: `${job.metadata?.name}-copy` };
  await createJob(connection, { ...job, metadata: copy });
  expect(await apply([{ kind: 'create-job', attempt: 2 }], facts, hands)).toEqual({ kind: 'done' });
  expect(await jobs()).toHaveLength(2);
});

/** The connection of a process that ends after so many requests. */
function endingAfter(requests: number, connection: Connection): Connection {
  let left = requests;
  return {
    ...connection,
    request: (request) => {
      left -= 1;
      return left < 0 ? Promise.reject(new Error('ended')) : connection.request(request);
    },
  };
}
