/** Private registries: who may push, who may pull, and that nobody else learns the password. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { HOST_ADDRESS } from '../../scripts/cluster/place.ts';
import {
  apply,
  change,
  cluster,
  conditionsOf,
  eventsAbout,
  hasReason,
  jobsIn,
  kubectl,
  podsIn,
  RUN,
  ready,
  test,
  withOperator,
} from '../support/e2e.ts';
import { type RegistryServer, startRegistry, TEST_LOGIN } from '../support/registry-server.ts';

/** On this host, where pods reach it as they reach any other machine. */
const PRIVATE = `${HOST_ADDRESS}:5710`;
const folder = mkdtempSync(join(tmpdir(), 'imagespec-private-'));
const dockerConfigFile = join(folder, 'config.json');
const configFor = (password: string) =>
  JSON.stringify({ auths: { [`http://${PRIVATE}/v2/`]: { username: TEST_LOGIN.username, password } } });

// The operator reads it when it starts, before any hook here.
writeFileSync(dockerConfigFile, configFor(TEST_LOGIN.password));

const settings = {
  // The operator may read; pushing is the tenants' own business.
  dockerConfigFile,
  registries: [
    ...['docker.io', 'ghcr.io'].map((host) => ({ host, endpoint: `http://${cluster.registry}` })),
    { host: cluster.registry, insecure: true },
    { host: PRIVATE, insecure: true },
  ],
};

function secret(name: string, password: string): string {
  const stringData = { '.dockerconfigjson': configFor(password) };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name },
    type: 'kubernetes.io/dockerconfigjson',
    stringData,
  });
}

withOperator(
  'a private registry',
  () => {
    let registry: RegistryServer;
    beforeAll(async () => {
      registry = await startRegistry({ auth: 'basic', address: PRIVATE });
    });
    afterAll(async () => {
      await registry?.stop();
      rmSync(folder, { recursive: true });
    });

    test('takes the image of who names the right Secret, and tells others before they build', async ({
      newNamespace,
    }) => {
      const namespace = await newNamespace();
      await kubectl(['apply', '-n', namespace, '-f', '-'], secret('right', TEST_LOGIN.password));
      await kubectl(['apply', '-n', namespace, '-f', '-'], secret('wrong', 'a-canary-that-sings'));
      const spec = { registry: PRIVATE, name: `${RUN}/app`, commands: ['echo made > /made'] };
      await apply(namespace, {
        none: spec,
        wrong: { ...spec, name: `${RUN}/wrong`, pushSecretRef: { name: 'wrong' } },
      });

      for (const name of ['none', 'wrong']) {
        const denied = await hasReason(namespace, name, 'RegistryDenied', 60);
        expect(conditionsOf(denied)).toMatchObject({ ready: 'False', stalled: true });
        expect(conditionsOf(denied).message).toContain('spec.pushSecretRef');
        expect(denied.status.lastFailure).toMatchObject({ step: 'prepare', count: 1 });
      }

      await change(namespace, 'none', { pushSecretRef: { name: 'right' } });
      const pushed = await ready(namespace, 'none');
      expect(pushed.status.resolvedImage).toContain(`${PRIVATE}/${RUN}/app:`);

      // The image is a private base now.
      const onTop = {
        name: `${RUN}/on-top`,
        baseImage: pushed.status.resolvedImage,
        commands: ['cat /made'],
      };
      await apply(namespace, {
        blind: onTop,
        seeing: { ...onTop, name: `${RUN}/seeing`, pullSecretRefs: [{ name: 'right' }] },
      });
      expect(conditionsOf(await hasReason(namespace, 'blind', 'RegistryDenied', 60)).message).toContain(
        PRIVATE,
      );
      await ready(namespace, 'seeing');

      const words = JSON.stringify([
        await jobsIn(namespace),
        await podsIn(namespace),
        JSON.parse(await kubectl(['get', 'imagespecs', '-n', namespace, '-o', 'json'])),
        await Promise.all(['none', 'wrong', 'blind', 'seeing'].map((name) => eventsAbout(namespace, name))),
        await Promise.all(
          (await jobsIn(namespace)).map((job) =>
            kubectl(['logs', `job/${job.metadata?.name}`, '--all-containers', '-n', namespace]).catch(
              () => '',
            ),
          ),
        ),
      ]);
      for (const canary of [TEST_LOGIN.password, 'a-canary-that-sings']) {
        expect(words).not.toContain(canary);
        expect(words).not.toContain(Buffer.from(`${TEST_LOGIN.username}:${canary}`).toString('base64'));
      }
    });
  },
  settings,
);
