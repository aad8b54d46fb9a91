import { rootCertificates } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { buildContextOf, MAX_CONTEXT_BYTES } from '../../src/build/context.ts';
import { accessHash, buildJob, jobPrefix } from '../../src/build/job.ts';
import { targetOf } from '../../src/image/target.ts';
import { type Settings, settingsSchema } from '../../src/settings.ts';
import { imageSpec, settings } from '../support/objects.ts';

function targetFor(spec: object, given: Settings = settings) {
  const judged = targetOf(imageSpec(spec), given);
  if (!judged.ok) throw new Error(JSON.stringify(judged.problems));
  return judged.target;
}

function jobFor(spec: object, given: Settings = settings, attempt = 1) {
  const target = targetFor(spec, given);
  const made = buildContextOf(target, given);
  if (!made.ok) throw new Error(JSON.stringify(made.problems));
  return buildJob(
    target,
    made.context,
    given,
    { name: 'sklearn', namespace: 'team-a', uid: 'uid-1' },
    attempt,
    'operator:1',
  );
}

describe('the name of a Job', () => {
  it('follows from content, destination and attempt', () => {
    const { metadata } = jobFor({ packages: ['a'] }, settings, 3);
    expect(metadata?.name).toMatch(/^imagespec-[0-9a-f]{20}-3$/);
    expect(jobPrefix(targetFor({ packages: ['a'] }))).not.toBe(jobPrefix(targetFor({ packages: ['b'] })));
    expect(jobPrefix(targetFor({}))).not.toBe(jobPrefix(targetFor({ registry: 'other.io' })));
    expect(jobPrefix(targetFor({}))).toBe(jobPrefix(targetFor({ pushSecretRef: { name: 'x' }, rebuild: 2 })));
  });
});

describe('the access hash', () => {
  const base = accessHash(targetFor({}), settings);
  it.each<[string, object]>([
    ['push Secret', { pushSecretRef: { name: 'x' } }],
    ['pull Secrets', { pullSecretRefs: [{ name: 'x' }] }],
    ['account', { build: { serviceAccountName: 'x' } }],
    ['time limit', { build: { timeoutSeconds: 60 } }],
    ['resources', { build: { resources: { limits: { cpu: '1' } } } }],
    ['rebuild number', { rebuild: 1 }],
  ])('changes with the %s', (_name, spec) => {
    expect(accessHash(targetFor(spec), settings)).not.toBe(base);
  });
  it('does not change with the content', () => {
    expect(accessHash(targetFor({ packages: ['x'] }), settings)).toBe(base);
  });
  it.each<[string, object]>([
    ['registry', { registries: [{ host: 'registry.example.com', insecure: true }] }],
    ['proxy', { proxy: { https: 'http://proxy.example.com:3128' } }],
    ['tool image', { toolImages: { uv: 'registry.example.com/uv:0.12.5' } }],
    ['authority', { caBundle: rootCertificates[0] }],
  ])('changes with a corrected %s of the settings', (_name, corrected) => {
    const given = settingsSchema.parse(corrected);
    expect(accessHash(targetFor({}), given)).not.toBe(accessHash(targetFor({}), settingsSchema.parse({})));
  });
  it('changes with a corrected builder, not with its priority', () => {
    const given = (builder: object) =>
      settingsSchema.parse({ builders: [{ name: 'buildkit', engine: 'BuildKit', ...builder }] });
    const hash = (builder: object) => accessHash(targetFor({}, given(builder)), given(builder));
    expect(hash({ priority: 9 })).toBe(base);
    expect(hash({ image: 'other' })).not.toBe(base);
  });
});

describe('the pod', () => {
  const spec = {
    pushSecretRef: { name: 'push-me' },
    pullSecretRefs: [{ name: 'pull-me' }],
    packages: ['requests'],
  };
  const pod = jobFor(spec).spec?.template.spec;
  const containers = [...(pod?.initContainers ?? []), ...(pod?.containers ?? [])];

  it('runs prepare, build and verify, once, for a limited time', () => {
    expect(containers.map((container) => container.name)).toEqual(['prepare', 'build', 'verify']);
    expect(pod).toMatchObject({
      restartPolicy: 'Never',
      activeDeadlineSeconds: 3600,
      automountServiceAccountToken: false,
    });
    expect(jobFor(spec).spec).toMatchObject({
      backoffLimit: 0,
      podReplacementPolicy: 'Failed',
      ttlSecondsAfterFinished: 3600,
    });
  });

  it('sets requests and limits on every container, for disk too', () => {
    for (const { resources } of containers) {
      for (const amounts of [resources?.requests, resources?.limits]) {
        expect(Object.keys(amounts ?? {}).sort()).toEqual(['cpu', 'ephemeral-storage', 'memory']);
      }
    }
  });

  it('takes what the spec says of resources over the settings, field by field', () => {
    const own = jobFor({ build: { resources: { limits: { memory: '9Gi' } }, timeoutSeconds: 60 } }).spec
      ?.template.spec;
    expect(own?.initContainers?.[1]?.resources?.limits).toMatchObject({ memory: '9Gi', cpu: '2' });
    expect(own?.activeDeadlineSeconds).toBe(60);
  });

  it.each<[string, object, object, object]>([
    [
      'a small limit takes the default request down with it',
      { limits: { memory: '512Mi' } },
      { memory: '512Mi' },
      { memory: '512Mi' },
    ],
    [
      'a large request takes the default limit up with it',
      { requests: { cpu: '6' } },
      { cpu: '6' },
      { cpu: '6' },
    ],
    ['what fits stays', { limits: { memory: '2Gi' } }, { memory: '1Gi' }, { memory: '2Gi' }],
  ])('%s', (_name, resources, requests, limits) => {
    const own = jobFor({ build: { resources } }).spec?.template.spec?.initContainers?.[1]?.resources;
    expect(own?.requests).toMatchObject(requests);
    expect(own?.limits).toMatchObject(limits);
  });

  it('shows the tenant’s Secrets to prepare only, and the engine only what was merged', () => {
    const mounts = Object.fromEntries(
      containers.map((one) => [one.name, one.volumeMounts?.map((mount) => mount.name)]),
    );
    expect(mounts.prepare).toEqual(['work', 'auth', 'podinfo', 'pull-0', 'push']);
    expect(mounts.build).toEqual(['work', 'auth', 'buildkit']);
    expect(mounts.verify).toEqual(['work', 'auth', 'podinfo']);
    const auth = pod?.volumes?.find((volume) => volume.name === 'auth');
    expect(auth?.emptyDir).toMatchObject({ medium: 'Memory' });
  });

  it('restricts the steps of our own', () => {
    for (const name of ['prepare', 'verify']) {
      expect(containers.find((one) => one.name === name)?.securityContext).toMatchObject({
        runAsNonRoot: true,
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
        seccompProfile: { type: 'RuntimeDefault' },
      });
    }
  });

  it('waits in the queue that the spec names', () => {
    const label = 'kueue.x-k8s.io/queue-name';
    expect(jobFor({ build: { queueName: 'team' } }).metadata?.labels?.[label]).toBe('team');
    expect(jobFor({}).metadata?.labels).not.toHaveProperty(label);
  });

  it('goes to a node of the platform', () => {
    const arch = (platform: string) =>
      jobFor({ platforms: [platform] }).spec?.template.spec?.nodeSelector?.['kubernetes.io/arch'];
    expect([arch('linux/amd64'), arch('linux/arm64/v8'), arch('linux/386')]).toEqual([
      'amd64',
      'arm64',
      'amd64',
    ]);
  });

  it('carries nothing of the user in args or env, where Kubernetes would expand it', () => {
    const marked = jobFor({ env: [{ name: 'A', value: '$(MARK)' }], commands: ['echo $(MARK)'] });
    expect(JSON.stringify(marked.spec?.template.spec)).not.toContain('MARK');
    expect(JSON.stringify(marked.spec?.template.metadata?.annotations)).toContain('MARK');
  });

  it('hands the proxy of the settings to the engine, literally', () => {
    const given = settingsSchema.parse({ proxy: { https: 'http://u:$(X)@proxy:1', noProxy: ['a', 'b'] } });
    const env = jobFor({}, given).spec?.template.spec?.initContainers?.[1]?.env;
    expect(env).toContainEqual({ name: 'HTTPS_PROXY', value: 'http://u:$$(X)@proxy:1' });
    expect(env).toContainEqual({ name: 'NO_PROXY', value: 'a,b' });
  });
});

describe('the pod of a build with a daemon that runs elsewhere', () => {
  const given = settingsSchema.parse({
    defaults: { registry: 'ghcr.io/acme' },
    builders: [{ name: 'daemon', engine: 'BuildKit', image: 'unused:1', daemon: {} }],
    proxy: { https: 'http://proxy:1' },
  });
  const spec = {
    pushSecretRef: { name: 'push-me' },
    pipSecretMounts: [{ secretKeyRef: { name: 's', key: 'k' }, path: '/run/netrc' }],
    pullSecretRefs: [{ name: 'pull-me' }],
  };
  const pod = jobFor(spec, given).spec?.template.spec;
  const containers = pod?.containers ?? [];

  it('starts prepare and build together, both our own program under restricted Pod Security', () => {
    expect(pod?.initContainers).toBeUndefined();
    expect(containers.map(({ name, image }) => [name, image])).toEqual([
      ['prepare', 'operator:1'],
      ['build', 'operator:1'],
    ]);
    for (const { command, name, securityContext, terminationMessagePolicy } of containers) {
      expect(command?.at(-1)).toBe(name);
      expect(terminationMessagePolicy).toBe('FallbackToLogsOnError');
      expect(securityContext).toEqual({
        runAsUser: 65532,
        runAsNonRoot: true,
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
        seccompProfile: { type: 'RuntimeDefault' },
      });
    }
  });

  it('shows the Secrets of registries to prepare only, those of the build to the client only', () => {
    const mounts = containers.map((one) => one.volumeMounts?.map((mount) => mount.name));
    expect(mounts).toEqual([
      ['work', 'auth', 'podinfo', 'pull-0', 'push'],
      ['work', 'auth', 'podinfo', 'daemon-tls', 'secret-mount-0'],
    ]);
    expect(pod?.volumes?.map(({ name }) => name).sort()).toEqual([...new Set(mounts.flat())].sort());
  });

  it('bounds both, and hands the proxy of the settings to the client', () => {
    for (const { resources } of containers) {
      for (const amounts of [resources?.requests, resources?.limits])
        expect(Object.keys(amounts ?? {}).sort()).toEqual(['cpu', 'ephemeral-storage', 'memory']);
    }
    expect(containers[1]?.env).toContainEqual({ name: 'HTTPS_PROXY', value: 'http://proxy:1' });
    expect(containers[0]?.env).toBeUndefined();
  });
});

it.each([
  ['commands', { commands: Array.from({ length: 30 }, () => 'x'.repeat(8000)) }],
  [
    'condaPackages',
    {
      commands: Array.from({ length: 10 }, () => 'x'.repeat(6000)),
      condaPackages: Array.from({ length: 256 }, (_, n) => `${n}${'x'.repeat(250)}`),
      env: Array.from({ length: 10 }, (_, n) => ({ name: `E${n}`, value: 'x'.repeat(5000) })),
      labels: Object.fromEntries(Array.from({ length: 14 }, (_, n) => [`l${n}`, 'x'.repeat(4000)])),
    },
  ],
])('a spec too large for a pod is refused, naming the largest field: %s', (field, spec) => {
  const made = buildContextOf(targetFor(spec), settings);
  expect(made).toEqual({
    ok: false,
    problems: [
      {
        field: `spec.${field}`,
        message: expect.stringContaining(`at most ${MAX_CONTEXT_BYTES / 1024} KiB`),
      },
    ],
  });
});
