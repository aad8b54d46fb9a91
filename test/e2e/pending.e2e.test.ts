/** A build that the cluster does not let start: named within 15 seconds in the cluster's own words. */
import { describe } from 'vitest';
import {
  apply,
  cluster,
  conditionsOf,
  ENGINE_IMAGE,
  eventsAbout,
  hasReason,
  jobsIn,
  kubectl,
  RUN,
  reached,
  ready,
  test,
  watchJobs,
  withOperator,
} from '../support/e2e.ts';

const NAME = `${RUN}/pending`;
const NAMED_WITHIN = 15;
const NO_SUCH_ENGINE = `${cluster.registry}/no/such/engine:1`;

const builders = [
  { name: 'buildkit', engine: 'BuildKit', image: ENGINE_IMAGE, priority: 9 },
  { name: 'broken', engine: 'BuildKit', image: NO_SUCH_ENGINE, priority: 1 },
];

/** A quota, as `kubectl create` writes it. */
async function quota(namespace: string, hard: string): Promise<void> {
  await kubectl(['create', 'quota', 'small', `--hard=${hard}`, `--namespace=${namespace}`]);
  const used = ['get', 'quota', 'small', `--namespace=${namespace}`, '--output=jsonpath={.status.used}'];
  // Before it has counted once, everything that is counted is refused as unknown.
  await reached(
    'quota counts',
    () => kubectl(used),
    (text) => text !== '',
    20,
  );
}

withOperator(
  'a build that cannot start',
  () => {
    describe.concurrent('says why', () => {
      test('for want of a Secret, and starts when it comes', async ({ newNamespace, expect }) => {
        const namespace = await newNamespace();
        const jobs = await watchJobs(namespace);
        const spec = { name: NAME, commands: ['echo secret'], pushSecretRef: { name: 'registry-login' } };
        await apply(namespace, { waits: spec });
        const shown = await hasReason(namespace, 'waits', 'BuildPending', NAMED_WITHIN);
        expect(conditionsOf(shown)).toMatchObject({ ready: 'Unknown', reconciling: true, stalled: false });
        expect(conditionsOf(shown).message).toContain('secret "registry-login" not found');
        const told = await reached(
          'Event',
          () => eventsAbout(namespace, 'waits'),
          (events) => events.some(({ reason }) => reason === 'BuildPending'),
          5,
        );
        expect(told.find(({ reason }) => reason === 'BuildPending')).toMatchObject({ type: 'Warning' });

        const config = JSON.stringify({
          auths: { 'registry.example.com': { auth: 'bm9ib2R5Om5vdGhpbmc=' } },
        });
        const secret = [
          'create',
          'secret',
          'generic',
          'registry-login',
          '--type=kubernetes.io/dockerconfigjson',
        ];
        await kubectl([...secret, `--from-literal=.dockerconfigjson=${config}`, `--namespace=${namespace}`]);
        await ready(namespace, 'waits', 180);
        expect(jobs.seen.size).toBe(1);
        jobs.end();
      });

      test('for want of quota for its Pod, and starts when there is some', async ({
        newNamespace,
        expect,
      }) => {
        const namespace = await newNamespace();
        await quota(namespace, 'pods=0');
        await apply(namespace, { waits: { name: NAME, commands: ['echo pods'] } });
        const shown = await hasReason(namespace, 'waits', 'BuildPending', NAMED_WITHIN);
        expect(conditionsOf(shown)).toMatchObject({ ready: 'Unknown', reconciling: true, stalled: false });
        expect(conditionsOf(shown).message).toContain('exceeded quota: small, requested: pods=1');
        await kubectl(['delete', 'quota', 'small', `--namespace=${namespace}`]);
        await ready(namespace, 'waits', 180);
      });

      test('for want of quota for its Job, and makes it when there is some', async ({
        newNamespace,
        expect,
      }) => {
        const namespace = await newNamespace();
        await quota(namespace, 'count/jobs.batch=0');
        await apply(namespace, { waits: { name: NAME, commands: ['echo jobs'] } });
        const shown = await hasReason(namespace, 'waits', 'BuildPending', NAMED_WITHIN);
        expect(conditionsOf(shown).message).toContain('exceeded quota: small, requested: count/jobs.batch=1');
        expect(await jobsIn(namespace)).toEqual([]);
        await kubectl(['delete', 'quota', 'small', `--namespace=${namespace}`]);
        await ready(namespace, 'waits', 180);
      });

      test('for Pod Security, and starts when the namespace is labelled', async ({
        newNamespace,
        expect,
      }) => {
        const namespace = await newNamespace({ 'pod-security.kubernetes.io/enforce': 'baseline' });
        await apply(namespace, { waits: { name: NAME, commands: ['echo pod security'] } });
        const shown = await hasReason(namespace, 'waits', 'PodSecurityDenied', NAMED_WITHIN);
        expect(conditionsOf(shown)).toMatchObject({ ready: 'False', reconciling: false, stalled: true });
        const { message } = conditionsOf(shown);
        expect(message).toContain('violates PodSecurity "baseline');
        const label = 'pod-security.kubernetes.io/enforce=privileged';
        expect(message).toContain(`kubectl label namespace ${namespace} ${label}`);
        await kubectl(['label', '--overwrite', 'namespace', namespace, label]);
        await reached(
          'starts',
          () => hasReason(namespace, 'waits', 'Building', 0).catch(() => undefined),
          (seen) => seen !== undefined,
          120,
        );
        await ready(namespace, 'waits', 120);
      });

      test("for want of the engine's image, and uses another builder when told", async ({
        newNamespace,
        expect,
      }) => {
        const namespace = await newNamespace();
        const spec = { name: NAME, commands: ['echo engine'], builder: 'broken' };
        await apply(namespace, { waits: spec });
        const shown = await hasReason(namespace, 'waits', 'BuildPending', NAMED_WITHIN);
        expect(conditionsOf(shown)).toMatchObject({ ready: 'Unknown', reconciling: true, stalled: false });
        expect(conditionsOf(shown).message).toMatch(
          /Failed to pull image|step build: (ErrImagePull|ImagePullBackOff)/,
        );
        expect(conditionsOf(shown).message).toContain(NO_SUCH_ENGINE);
        await apply(namespace, { waits: { ...spec, builder: 'buildkit' } });
        await ready(namespace, 'waits', 120);
      });

      test('for want of a node that is large enough', async ({ newNamespace, expect }) => {
        const namespace = await newNamespace();
        const resources = { requests: { memory: '900Ti' }, limits: { memory: '900Ti' } };
        await apply(namespace, { waits: { name: NAME, commands: ['echo node'], build: { resources } } });
        const shown = await hasReason(namespace, 'waits', 'BuildPending', NAMED_WITHIN);
        expect(conditionsOf(shown).message).toContain('Insufficient memory');
      });

      test('for limits below its requests, and starts when they fit', async ({ newNamespace, expect }) => {
        const namespace = await newNamespace();
        const memory = (limit: string) => ({
          resources: { requests: { memory: '256Mi' }, limits: { memory: limit } },
        });
        const spec = { name: NAME, commands: ['echo limits'] };
        await apply(namespace, { waits: { ...spec, build: memory('128Mi') } });
        const shown = await hasReason(namespace, 'waits', 'InvalidSpec', NAMED_WITHIN);
        expect(conditionsOf(shown)).toMatchObject({ ready: 'False', reconciling: false, stalled: true });
        expect(conditionsOf(shown).message).toContain('must be less than or equal to memory limit of 128Mi');
        await apply(namespace, { waits: { ...spec, build: memory('1Gi') } });
        await ready(namespace, 'waits', 120);
      });

      test('for want of a ServiceAccount', async ({ newNamespace, expect }) => {
        const namespace = await newNamespace();
        const build = { serviceAccountName: 'no-such-account' };
        await apply(namespace, { waits: { name: NAME, commands: ['echo account'], build } });
        const shown = await hasReason(namespace, 'waits', 'BuildPending', NAMED_WITHIN);
        expect(conditionsOf(shown).message).toContain('serviceaccount "no-such-account" not found');
      });
    });
  },
  { builders },
);
