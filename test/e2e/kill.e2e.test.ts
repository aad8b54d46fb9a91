/** The operator ends at any point, and changes come at any point: one Job, one image, the right status afterwards. */
import { describe, expect } from 'vitest';
import type { V1Job } from '../../src/api/kubernetes.ts';
import {
  apply,
  change,
  conditionsOf,
  hasReason,
  jobsIn,
  kubectl,
  Operator,
  podsIn,
  RUN,
  reached,
  ready,
  type Shown,
  show,
  statusOf,
  test,
  watchJobs,
  withOperator,
} from '../support/e2e.ts';
import { inRegistry, tagsOf } from '../support/in-registry.ts';

const hasJob = (namespace: string) =>
  reached(
    'a Job',
    () => jobsIn(namespace),
    (jobs) => jobs.length > 0,
    20,
  );

/** Waits until a build runs its commands, or any step that is named. */
const building = (namespace: string, name: string, step = 'build') =>
  statusOf(
    namespace,
    name,
    `is in step ${step}`,
    (shown) => conditionsOf(shown).message.endsWith(`step ${step}`),
    60,
  );

const succeeded = (job: V1Job | undefined) => (job?.status?.succeeded ?? 0) > 0;
const ended = (namespace: string) =>
  reached(
    'the Job ends',
    () => jobsIn(namespace),
    (jobs) => jobs.length > 0 && jobs.every(succeeded),
    90,
  );

/** The repository holds one tag, with the digest the status names. */
async function oneImage(repository: string, { status }: Shown): Promise<void> {
  expect(await tagsOf(repository)).toEqual([status.image?.split(':').at(-1)]);
  expect((await inRegistry(status.image ?? '')).digest).toBe(status.digest);
  expect(status.conditions).toHaveLength(1);
}

withOperator('a build', (operator) => {
  test('goes through with one Job when the operator is killed again and again', async ({ newNamespace }) => {
    const namespace = await newNamespace();
    const jobs = await watchJobs(namespace);
    await apply(namespace, { killed: { name: `${RUN}/killed`, commands: ['sleep 12'] } });
    // Right after the Job was made: perhaps before anything of it is in the status.
    await reached(
      'a Job',
      async () => jobs.seen.size,
      (count) => count > 0,
      20,
    );
    await operator.kill();
    await operator.start();
    // In the middle of the build.
    await building(namespace, 'killed');
    await operator.kill();
    await operator.start();
    // When the pod has ended, and nobody has said so.
    await building(namespace, 'killed');
    await operator.kill();
    await ended(namespace);
    expect(conditionsOf(await show(namespace, 'killed')).ready).toBe('Unknown');
    await operator.start();
    const shown = await ready(namespace, 'killed', 20);
    expect(jobs.seen.size).toBe(1);
    expect(shown.status.build).toMatchObject({ attempt: 1, completionTime: expect.any(String) });
    await oneImage(`${RUN}/killed`, shown);
    jobs.end();
  });

  test('goes through with one Job when the operator is killed while it waits for a Secret', async ({
    newNamespace,
  }) => {
    const namespace = await newNamespace();
    const jobs = await watchJobs(namespace);
    const spec = { name: `${RUN}/waited`, commands: ['true'], pullSecretRefs: [{ name: 'login' }] };
    await apply(namespace, { waited: spec });
    await hasReason(namespace, 'waited', 'BuildPending', 20);
    await operator.kill();
    const secret = ['create', 'secret', 'generic', 'login', '--type=kubernetes.io/dockerconfigjson'];
    await kubectl([...secret, '--from-literal=.dockerconfigjson={"auths":{}}', `--namespace=${namespace}`]);
    await operator.start();
    const shown = await ready(namespace, 'waited', 120);
    expect(jobs.seen.size).toBe(1);
    await oneImage(`${RUN}/waited`, shown);
    jobs.end();
  });

  test('outlives an operator that is told to end, which it does within seconds', async ({ newNamespace }) => {
    const namespace = await newNamespace();
    const jobs = await watchJobs(namespace);
    await apply(namespace, { terminated: { name: `${RUN}/terminated`, commands: ['sleep 8'] } });
    await building(namespace, 'terminated');
    const { exitCode, seconds } = await operator.terminate();
    expect(exitCode).toBe(0);
    expect(seconds).toBeLessThan(5);
    await ended(namespace);
    await operator.start();
    const shown = await ready(namespace, 'terminated', 20);
    expect(jobs.seen.size).toBe(1);
    await oneImage(`${RUN}/terminated`, shown);
    jobs.end();
  });

  test('is made once by two operators', async ({ newNamespace }) => {
    const namespace = await newNamespace();
    const jobs = await watchJobs(namespace);
    const other = new Operator();
    await other.start();
    try {
      const names = ['one', 'two', 'three'];
      const specs = names.map((name) => [name, { name: `${RUN}/both/${name}`, commands: [`echo ${name}`] }]);
      await apply(namespace, Object.fromEntries(specs));
      const shown = await Promise.all(names.map((name) => ready(namespace, name)));
      expect(jobs.seen.size).toBe(names.length);
      for (const one of shown) await oneImage(`${RUN}/both/${one.metadata.name}`, one);
      expect(await podsIn(namespace)).toHaveLength(names.length);
    } finally {
      await other.kill();
      jobs.end();
    }
  });

  describe.concurrent('meets a change:', () => {
    test('another spec in the middle ends the old Job and makes the new image', async ({
      newNamespace,
      expect,
    }) => {
      const namespace = await newNamespace();
      const jobs = await watchJobs(namespace);
      const name = `${RUN}/changed`;
      await apply(namespace, { changed: { name, commands: ['sleep 600'] } });
      await building(namespace, 'changed');
      const [old] = await hasJob(namespace);
      await change(namespace, 'changed', { commands: ['echo changed'] });
      const shown = await ready(namespace, 'changed');
      expect(shown.metadata.generation).toBe(2);
      const left = (await jobsIn(namespace)).map(({ metadata }) => metadata?.uid);
      expect(left).not.toContain(old?.metadata?.uid);
      expect(left).toHaveLength(1);
      expect(jobs.seen.size).toBe(2);
      await oneImage(name, shown);
      jobs.end();
    });

    test('rebuild pushes anew, while the old image stays Ready for the old generation', async ({
      newNamespace,
      expect,
    }) => {
      const namespace = await newNamespace();
      const name = `${RUN}/rebuilt`;
      // Every run of this leaves another file: what is new shows in the digest.
      const commands = ['cat /proc/sys/kernel/random/uuid >/made'];
      await apply(namespace, { rebuilt: { name, commands } });
      const first = await ready(namespace, 'rebuilt');
      expect(first.status.rebuild).toBe(0);
      await change(namespace, 'rebuilt', { rebuild: 1 });
      const during = await builtAgain(namespace, 'rebuilt');
      expect(conditionsOf(during)).toMatchObject({ ready: 'True', reconciling: true, stalled: false });
      expect(during.status.resolvedImage).toBe(first.status.resolvedImage);
      expect(during.status.conditions?.find(({ type }) => type === 'Ready')?.observedGeneration).toBe(1);
      const second = await ready(namespace, 'rebuilt');
      expect(second.status).toMatchObject({ rebuild: 1, observedGeneration: 2, image: first.status.image });
      expect(second.status.digest).not.toBe(first.status.digest);
      expect(await jobsIn(namespace)).toHaveLength(2);
      await oneImage(name, second);
    });

    test('suspend is Ready unchanged for what exists, and no Job for what does not', async ({
      newNamespace,
      expect,
    }) => {
      const namespace = await newNamespace();
      const jobs = await watchJobs(namespace);
      const spec = { name: `${RUN}/suspended`, commands: ['echo suspended'] };
      await apply(namespace, { suspended: { ...spec, suspend: true } });
      const waits = await hasReason(namespace, 'suspended', 'Suspended', 10);
      expect(conditionsOf(waits)).toMatchObject({ ready: 'Unknown', stalled: false, reconciling: false });
      expect(jobs.seen.size).toBe(0);
      await change(namespace, 'suspended', { suspend: false });
      const made = await ready(namespace, 'suspended');
      await change(namespace, 'suspended', { suspend: true });
      const still = await ready(namespace, 'suspended', 10);
      expect(still.status).toMatchObject({ observedGeneration: 3, resolvedImage: made.status.resolvedImage });
      await change(namespace, 'suspended', { commands: ['echo other'] });
      expect((await hasReason(namespace, 'suspended', 'Suspended', 10)).status.resolvedImage).toBeUndefined();
      expect(jobs.seen.size).toBe(1);
      jobs.end();
    });
  });
});

/** Building again what is Ready. */
const builtAgain = (namespace: string, name: string) =>
  statusOf(
    namespace,
    name,
    'is built again',
    ({ status }) => status.observedGeneration === 2 && (status.conditions?.length ?? 0) === 2,
    20,
  );
