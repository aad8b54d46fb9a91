import { describe, expect, it } from 'vitest';
import { buildContextOf } from '../../src/build/context.ts';
import { kaniko } from '../../src/build/engines/kaniko.ts';
import { targetOf } from '../../src/image/target.ts';
import { type Settings, settingsSchema } from '../../src/settings.ts';
import { imageSpec } from '../support/objects.ts';

const prepared = { base: `docker.io/library/python@sha256:${'a'.repeat(64)}`, user: 'app:staff' };

function contextOf(spec: object, given: object = {}) {
  const settings: Settings = settingsSchema.parse(given);
  const judged = targetOf(imageSpec({ builder: 'kaniko', ...spec }), settings);
  if (!judged.ok) throw new Error(JSON.stringify(judged.problems));
  const made = buildContextOf(judged.target, settings, {}, 'team-a');
  return { builder: judged.target.builder, made };
}

function partOf(spec: object, given: object = {}, fresh = false) {
  const { builder, made } = contextOf(spec, given);
  if (!made.ok) throw new Error(JSON.stringify(made.problems));
  const context = { ...made.context, ...(fresh ? { fresh: true as const } : {}) };
  const part = kaniko.part(builder, context);
  return { context, part, args: part.container.args ?? [] };
}

describe('the pod', () => {
  const { part, args } = partOf({ packages: ['six'] });

  it('is one that a namespace of level baseline admits', () => {
    expect(part.container.securityContext).toMatchObject({
      runAsUser: 0,
      allowPrivilegeEscalation: false,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    // https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
    const allowed =
      'AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT';
    for (const name of part.container.securityContext?.capabilities?.add ?? [])
      expect(allowed.split(' ')).toContain(name);
    expect(part.container.securityContext?.capabilities?.drop).toEqual(['ALL']);
  });

  it('pushes where the image belongs and keeps layers beside it', () => {
    expect(args).toContainEqual(
      expect.stringMatching(/^--destination=ghcr\.io\/acme\/sklearn:[0-9a-f]{32}$/),
    );
    expect(args).toContain('--cache-repo=ghcr.io/acme/sklearn-cache');
    expect(args).toContain('--custom-platform=linux/amd64');
  });

  it('takes nothing old from the cache for a rebuild', () => {
    expect(args).not.toContain('--cache-ttl=0s');
    expect(partOf({}, {}, true).args).toContain('--cache-ttl=0s');
  });

  it('mounts Secrets at their own paths', () => {
    const secretKeyRef = { name: 'index', key: 'netrc' };
    const mounted = partOf({ packages: ['six'], pipSecretMounts: [{ secretKeyRef, path: '/root/.netrc' }] });
    expect(mounted.part.container.volumeMounts).toEqual([
      { name: 'secret-mount-0', mountPath: '/root/.netrc', subPath: 'value', readOnly: true },
    ]);
  });
});

describe('values of users', () => {
  /** What Kubernetes makes of an argument: https://github.com/kubernetes/kubernetes, third_party/forked/golang/expansion. */
  const expanded = (argument: string) =>
    argument.replace(/\$(\$|\([^)]*\))/g, (_, what) => (what === '$' ? '$' : 'EXPANDED'));
  const nasty = [
    '$(HOME)',
    '$$(HOME)',
    '$$$(HOME)',
    '$',
    '$$',
    'a$',
    '$(',
    ' $(A) $((1+1)) $$ ',
    '"\'`\n\t\\ ',
  ];

  it('reach the executor as they were written', () => {
    const env = nasty.map((value, index) => ({ name: `V${index}`, value }));
    const { args } = partOf({ env, labels: { note: '$(HOME) $$ "x"\n' } });
    const given = args.map(expanded);
    for (const [index, value] of nasty.entries())
      expect(given).toContain(`--build-arg=IMAGESPEC_${index}=${value}`);
    expect(given).toContain('--label=note=$(HOME) $$ "x"\n');
    expect(given.join('')).not.toContain('EXPANDED');
  });
});

describe('the Dockerfile', () => {
  const dockerfile = (spec: object) =>
    kaniko.files(partOf(spec).context, prepared)['context/Dockerfile'] ?? '';

  it('names the base image that was found, and the user it has', () => {
    const lines = dockerfile({ packages: ['six'] }).split('\n');
    expect(lines[0]).toBe(`ARG IMAGESPEC_BASE=${prepared.base}`);
    expect(lines).toContain('ARG IMAGESPEC_USER=app:staff');
  });

  it('keeps the user of the spec', () => {
    expect(dockerfile({ user: '7:8' })).toContain('ARG IMAGESPEC_USER=7:8\n');
  });
});

describe('registries', () => {
  it.each<[string, object[], string[]]>([
    ['none', [], []],
    [
      'plain HTTP',
      [{ host: 'a:5000', insecure: true }],
      ['--insecure-registry=a:5000', '--skip-tls-verify-registry=a:5000'],
    ],
    [
      'an endpoint in plain HTTP',
      [{ host: 'docker.io', endpoint: 'http://b:1' }],
      ['--registry-map=index.docker.io=b:1', '--insecure-registry=b:1'],
    ],
    [
      'an endpoint nobody signed',
      [{ host: 'a.io', endpoint: 'https://b:1', insecure: true }],
      ['--registry-map=a.io=b:1', '--skip-tls-verify-registry=b:1'],
    ],
    [
      'mirrors',
      [{ host: 'a.io', mirrors: ['m.io', 'n.io'] }],
      ['--registry-map=a.io=m.io', '--registry-map=a.io=n.io'],
    ],
  ])('%s', (_name, registries, wanted) => {
    const { args } = partOf({}, { registries });
    expect(args.filter((argument) => /^--(registry|insecure|skip-tls)/.test(argument))).toEqual(wanted);
  });

  it('pushes to the endpoint', () => {
    const registries = [{ host: 'ghcr.io', endpoint: 'http://b:1' }];
    const { args } = partOf({}, { registries });
    expect(args).toContainEqual(expect.stringMatching(/^--destination=b:1\/acme\/sklearn:/));
    expect(args).toContain('--cache-repo=b:1/acme/sklearn-cache');
  });
});

describe('what it cannot do', () => {
  const mounts = [{ secretKeyRef: { name: 'index', key: 'netrc' }, path: '/root/.netrc' }];
  it.each<[object, string, string]>([
    [
      { packages: ['six'], pipSecretMounts: mounts, commands: ['cat /root/.netrc'] },
      'spec.pipSecretMounts',
      'with builder kaniko every command could read these Secrets',
    ],
    [{ workdir: '/workspace' }, 'spec.workdir', 'builder kaniko has a folder /workspace itself'],
    [{ workdir: '/kaniko/x' }, 'spec.workdir', 'builder kaniko has a folder /kaniko/x itself'],
    [{ workdir: '/./kaniko' }, 'spec.workdir', 'builder kaniko has a folder /./kaniko itself'],
    [{ workdir: '/srv/../imagespec/x' }, 'spec.workdir', 'builder kaniko has a folder'],
    [{ workdir: '/../workspace' }, 'spec.workdir', 'builder kaniko has a folder'],
    [{ builderOptions: { speed: 1 } }, 'spec.builderOptions.speed', 'builder kaniko'],
  ])('%j', (spec, field, words) => {
    const { made } = contextOf(spec);
    expect(made).toMatchObject({ ok: false, problems: [{ field, message: expect.stringContaining(words) }] });
  });

  it('needs nothing of it for anything else', () => {
    expect(contextOf({ workdir: '/workspace/app', commands: ['true'] }).made.ok).toBe(true);
  });
});

describe('the digest', () => {
  const digest = `sha256:${'0'.repeat(64)}`;
  it.each([
    [digest, digest],
    [`${digest}\n`, digest],
    ['sha256:0', undefined],
    ['', undefined],
  ])('%j', (text, found) => {
    expect(kaniko.digestOf(text)).toBe(found);
  });
});
