import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { buildContextOf } from '../../src/build/context.ts';
import { custom } from '../../src/build/engines/custom.ts';
import { buildJob } from '../../src/build/job.ts';
import { targetOf } from '../../src/image/target.ts';
import { type Settings, settingsSchema } from '../../src/settings.ts';
import { readSettings } from '../../src/settings-file.ts';
import { imageSpec } from '../support/objects.ts';

const container = { image: 'quay.io/buildah/stable:v1', securityContext: { runAsUser: 0, privileged: true } };
const prepared = { base: `docker.io/library/python@sha256:${'a'.repeat(64)}`, user: '7:7' };

function made(spec: object, builder: object = {}, given: object = {}) {
  const builders = [{ name: 'mine', engine: 'Custom', template: { container }, ...builder }];
  const settings: Settings = settingsSchema.parse({ builders, ...given });
  const judged = targetOf(imageSpec(spec), settings);
  if (!judged.ok) throw new Error(JSON.stringify(judged.problems));
  const context = buildContextOf(judged.target, settings, {}, 'team-a');
  if (!context.ok) throw new Error(JSON.stringify(context.problems));
  const owner = { name: 'a', namespace: 'team-a', uid: '1' };
  const job = buildJob(judged.target, context.context, settings, owner, 1, 'operator:1');
  const pod = job.spec?.template.spec;
  return {
    context: context.context,
    pod,
    build: pod?.initContainers?.find(({ name }) => name === 'build'),
    files: custom.files(context.context, prepared),
  };
}

const SECRET = {
  packages: ['six'],
  pipSecretMounts: [{ secretKeyRef: { name: 'index', key: 'netrc' }, path: '/root/.netrc' }],
};

describe('the container of a template', () => {
  it('gets the shared folder, the contract and the resources of the build', () => {
    const { build, pod } = made({});
    expect(build).toMatchObject({ ...container, resources: { limits: { memory: '4Gi' } } });
    expect(build?.volumeMounts?.map(({ mountPath }) => mountPath)).toContain('/workspace');
    const env = Object.fromEntries((build?.env ?? []).map(({ name, value }) => [name, value]));
    expect(env).toMatchObject({
      IMAGESPEC_DESTINATION: expect.stringMatching(/^ghcr\.io\/acme\/sklearn:[0-9a-f]{32}$/),
      IMAGESPEC_CACHE: 'ghcr.io/acme/sklearn-cache',
      IMAGESPEC_PLATFORM: 'linux/amd64',
      IMAGESPEC_REBUILD: 'false',
    });
    expect(pod?.initContainers?.[0]?.securityContext?.runAsUser).toBe(65532);
  });

  it('keeps what the template says, and the other steps run as its user', () => {
    const template = {
      container: {
        ...container,
        env: [{ name: 'DOCKER_CONFIG', value: '/other' }],
        securityContext: { runAsUser: 1001 },
        volumeMounts: [{ name: 'storage', mountPath: '/var/lib/containers' }],
      },
      volumes: [{ name: 'storage', emptyDir: {} }],
      nodeSelector: { builds: 'yes' },
      hostUsers: false,
    };
    const { build, pod } = made({}, { template });
    expect(build?.env?.filter(({ name }) => name === 'DOCKER_CONFIG')).toEqual(template.container.env);
    expect(build?.volumeMounts).toContainEqual(template.container.volumeMounts[0]);
    expect(pod?.volumes).toContainEqual(template.volumes[0]);
    expect(pod).toMatchObject({
      hostUsers: false,
      nodeSelector: { builds: 'yes', 'kubernetes.io/arch': 'amd64' },
    });
    expect(pod?.initContainers?.[0]?.securityContext?.runAsUser).toBe(1001);
  });

  it('finds Secrets at their paths, or, where it gives them to single steps, in folders', () => {
    const path = (builder: object) =>
      made(SECRET, builder).build?.volumeMounts?.find(({ name }) => name === 'secret-mount-0')?.mountPath;
    expect(path({})).toBe('/root/.netrc');
    expect(path({ dialect: 'BuildKit' })).toBe('/imagespec/secret-mounts/0');
  });
});

describe('build.args', () => {
  const args = (...given: Parameters<typeof made>) =>
    (made(...given).files['build.args'] ?? '').split('\0').slice(0, -1);

  it('holds values as they were written, each after its flag', () => {
    const nasty = ' $(id) "q" \'\n\\ $HOME';
    const found = args({ env: [{ name: 'A', value: nasty }], labels: { note: nasty } });
    expect(found[found.indexOf(`IMAGESPEC_0=${nasty}`) - 1]).toBe('--build-arg');
    expect(found[found.indexOf(`note=${nasty}`) - 1]).toBe('--label');
    expect(found).toContain(`IMAGESPEC_BASE=${prepared.base}`);
    expect(found).toContain('IMAGESPEC_USER=7:7');
  });

  it('names secrets in the dialect that gives them to steps', () => {
    expect(args(SECRET).filter((one) => one.startsWith('id='))).toEqual([]);
    const ca = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----';
    expect(
      args(SECRET, { dialect: 'BuildKit' }, { caBundle: ca }).filter((one) => one.startsWith('id=')),
    ).toEqual([
      'id=imagespec-ca,src=/workspace/ca.crt',
      'id=imagespec-secret-0,src=/imagespec/secret-mounts/0/value',
    ]);
  });
});

it('registries.conf says how registries are reached', () => {
  const registries = [
    { host: 'docker.io', endpoint: 'http://b:1', mirrors: ['m.io'] },
    { host: 'c:2', insecure: true },
  ];
  expect(made({}, {}, { registries }).files['registries.conf']).toBe(
    `unqualified-search-registries = ["docker.io"]
[[registry]]
prefix = "docker.io"
location = "b:1"
insecure = true
[[registry.mirror]]
location = "m.io"
[[registry]]
prefix = "c:2"
location = "c:2"
insecure = true
[[registry]]
location = "b:1"
insecure = true
`,
  );
});

it('the examples of docs/builders.md are settings', () => {
  const page = readFileSync('docs/builders.md', 'utf8');
  const blocks = [...page.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, text]) => text ?? '');
  expect(blocks.length).toBeGreaterThan(1);
  for (const block of blocks) expect(() => readSettings(block, 'docs/builders.md')).not.toThrow();
});

describe('settings that do not fit', () => {
  const builders = (...lines: string[]) => `builders:\n  - {name: a, ${lines.join(', ')}}`;
  const good = 'template: {container: {image: x, securityContext: {runAsUser: 0}';
  it.each([
    [builders('engine: Custom'), 'the engine Custom has a template'],
    [builders('engine: Kaniko', `${good}}}`), 'the engine Custom has a template, and no other'],
    [builders('engine: Kaniko', 'dialect: Plain'), 'builders.0.dialect: only for the engine Custom'],
    [builders('engine: Custom', 'image: y', `${good}}}`), 'its image in template.container.image'],
    [builders('engine: Custom', 'template: {container: {image: x}}'), 'template.container.securityContext'],
    [
      builders('engine: Custom', 'template: {container: {image: x, securityContext: {runAsUser: root}}}'),
      'write the user as a number',
    ],
    [builders('engine: Custom', `${good}, comand: [x]}}`), 'there is no such field; did you mean command?'],
    [
      builders('engine: Custom', `${good}, volumeMounts: [{name: a, mountPath: /workspace/x}]}}`),
      'choose another path',
    ],
    [builders('engine: Custom', `${good}}, volumes: [{name: work}]}`), 'choose another'],
  ])('%s', (text, words) => {
    expect(() => readSettings(text, 'file')).toThrow(words);
  });
});
