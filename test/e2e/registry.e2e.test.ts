/** A registry that goes away: nothing is assumed, nothing is built, and all goes on by itself when it is back. */
import { afterAll, expect } from 'vitest';
import { registryStart, registryStop } from '../../scripts/cluster/cluster.ts';
import {
  apply,
  cluster,
  conditionsOf,
  eventsAbout,
  hasReason,
  RUN,
  reached,
  ready,
  show,
  test,
  watchJobs,
  withOperator,
} from '../support/e2e.ts';

const NAME = `${RUN}/registry`;

withOperator('a registry that is down', (operator) => {
  afterAll(async () => {
    await registryStart();
  });

  test('leaves what was Ready as it was, and has everything else wait without a Job', async ({
    newNamespace,
  }) => {
    const namespace = await newNamespace();
    await apply(namespace, { before: { name: NAME, commands: ['echo before'] } });
    const before = await ready(namespace, 'before');
    const jobs = await watchJobs(namespace);

    await registryStop();
    await apply(namespace, { during: { name: NAME, commands: ['echo during'] } });
    const unreachable = await hasReason(namespace, 'during', 'RegistryUnreachable', 15);
    expect(conditionsOf(unreachable)).toMatchObject({ ready: 'Unknown', reconciling: true, stalled: false });
    expect(conditionsOf(unreachable).message).toContain(cluster.registry);
    expect(conditionsOf(unreachable).message).toMatch(/refused.*; asking again in \d+ s$/);
    expect(unreachable.status.resolvedImage).toBeUndefined();

    // An operator that starts now has never seen any image, and asks for all of them.
    await operator.kill();
    await operator.start();
    const told = await reached(
      'an Event about the image that was Ready',
      () => eventsAbout(namespace, 'before'),
      (events) => events.some(({ reason }) => reason === 'RegistryUnreachable'),
      15,
    );
    expect(told.find(({ reason }) => reason === 'RegistryUnreachable')).toMatchObject({ type: 'Warning' });
    expect((await show(namespace, 'before')).status).toEqual(before.status);
    expect(jobs.seen.size).toBe(1);

    await registryStart();
    const after = await ready(namespace, 'during', 90);
    expect(after.status.conditions).toHaveLength(1);
    expect((await show(namespace, 'before')).status).toEqual(before.status);
    expect(jobs.seen.size).toBe(2);
    jobs.end();
  });
});
