/** Registries that the operator itself may not read: pods with the tenant's Secrets look for it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect } from 'vitest';
import { HOST_ADDRESS } from '../../scripts/cluster/place.ts';
import {
  apply,
  change,
  cluster,
  conditionsOf,
  hasReason,
  jobsIn,
  kubectl,
  RUN,
  ready,
  statusOf,
  test,
  withOperator,
} from '../support/e2e.ts';
import { type RegistryServer, startRegistry, TEST_LOGIN } from '../support/registry-server.ts';

/** On this host, where pods reach it as they reach any other machine. */
const PRIVATE = `${HOST_ADDRESS}:5751`;

const settings = {
  registries: [
    ...['docker.io', 'ghcr.io'].map((host) => ({ host, endpoint: `http://${cluster.registry}` })),
    { host: cluster.registry, insecure: true },
    { host: PRIVATE, insecure: true },
  ],
};

async function login(namespace: string, password: string, name = 'login'): Promise<void> {
  const config = { auths: { [PRIVATE]: { username: TEST_LOGIN.username, password } } };
  await kubectl(
    ['apply', '-n', namespace, '-f', '-'],
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name },
      type: 'kubernetes.io/dockerconfigjson',
      stringData: { '.dockerconfigjson': JSON.stringify(config) },
    }),
  );
}

/** The Jobs of a namespace by what they do: looks and builds. */
async function jobs(namespace: string): Promise<{ looks: number; builds: number }> {
  const names = (await jobsIn(namespace)).map((job) => job.metadata?.name ?? '');
  const looks = names.filter((name) => name.startsWith('imagespec-look-')).length;
  return { looks, builds: names.length - looks };
}

withOperator(
  'a registry that only the tenant may read',
  (operator) => {
    let registry: RegistryServer;
    beforeAll(async () => {
      registry = await startRegistry({ auth: 'basic', address: PRIVATE });
    });
    afterAll(async () => {
      await registry?.stop();
    });
    const spec = {
      registry: PRIVATE,
      name: `${RUN}/app`,
      commands: ['echo made > /made'],
      pushSecretRef: { name: 'login' },
    };

    test('is asked by a look Job, before the build and instead of one', async ({ newNamespace }) => {
      const [namespace, other] = await Promise.all([newNamespace(), newNamespace()]);
      await login(namespace, TEST_LOGIN.password);
      await apply(namespace, { app: spec });
      for (const pause of [300, 1500, 3000]) {
        await sleep(pause);
        await operator.kill();
        await operator.start();
      }
      const built = await ready(namespace, 'app');
      expect(built.status.checkedBy).toBe('Job');
      expect(await jobs(namespace)).toEqual({ looks: 1, builds: 1 });

      // Whoever may see the image needs no build.
      await login(other, TEST_LOGIN.password);
      await apply(other, { app: spec });
      const found = await ready(other, 'app');
      expect(found.status.resolvedImage).toBe(built.status.resolvedImage);
      expect(found.status.checkedBy).toBe('Job');
      expect(await jobs(other)).toEqual({ looks: 1, builds: 0 });

      // A new controller knows nothing, and neither builds nor unsays anything.
      await operator.kill();
      await operator.start();
      expect(conditionsOf(await ready(namespace, 'app', 10)).ready).toBe('True');
      expect((await jobs(namespace)).builds).toBe(1);
    });

    test('that lets nobody in says so before anything is built, and another Secret is tried at once', async ({
      newNamespace,
    }) => {
      const namespace = await newNamespace();
      await login(namespace, 'wrong');
      await apply(namespace, { app: { ...spec, name: `${RUN}/denied` } });
      const denied = await hasReason(namespace, 'app', 'RegistryDenied', 60);
      expect(conditionsOf(denied)).toMatchObject({ stalled: true });
      expect(conditionsOf(denied).message).toContain('spec.pushSecretRef');
      expect(await jobs(namespace)).toEqual({ looks: 1, builds: 0 });
      await login(namespace, TEST_LOGIN.password, 'right');
      await change(namespace, 'app', { pushSecretRef: { name: 'right' } });
      await statusOf(
        namespace,
        'app',
        'is Ready',
        (shown) => conditionsOf(shown).current && conditionsOf(shown).ready === 'True',
      );
    });

    test('waits for a Secret that is not there, in the words of the cluster', async ({ newNamespace }) => {
      const namespace = await newNamespace();
      await apply(namespace, { app: { ...spec, name: `${RUN}/waits` } });
      const pending = await hasReason(namespace, 'app', 'BuildPending', 60);
      expect(conditionsOf(pending).message).toContain('"login" not found');
      await login(namespace, TEST_LOGIN.password);
      await ready(namespace, 'app', 180);
    });
  },
  settings,
);
