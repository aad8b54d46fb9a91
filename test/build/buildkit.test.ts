import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildContextOf } from '../../src/build/context.ts';
import { buildkit } from '../../src/build/engines/buildkit.ts';
import { explainLog } from '../../src/build/explain.ts';
import { targetOf } from '../../src/image/target.ts';
import { type Settings, settingsSchema } from '../../src/settings.ts';
import { imageSpec } from '../support/objects.ts';

const prepared = { base: `python:3.11-slim@sha256:${'a'.repeat(64)}`, user: '0:0' };

function made(spec: object, given: object) {
  const settings: Settings = settingsSchema.parse(given);
  const judged = targetOf(imageSpec(spec), settings);
  if (!judged.ok) throw new Error(JSON.stringify(judged.problems));
  const context = buildContextOf(judged.target, settings, {}, 'team-a');
  if (!context.ok) throw new Error(JSON.stringify(context.problems));
  return { context: context.context, builder: judged.target.builder };
}
function filesFor(spec: object, given: object = {}, fresh = false): Record<string, string> {
  return buildkit.files({ ...made(spec, given).context, ...(fresh ? { fresh } : {}) }, prepared);
}
const argumentsOf = (files: Record<string, string>) =>
  (files['buildctl.args'] ?? '').split('\0').slice(0, -1);

describe('the daemon’s registries', () => {
  const config = (registries: object[]) => filesFor({}, { registries })['buildkitd.toml'];
  it.each<[string, object[], string]>([
    ['none', [], ''],
    ['plain HTTP', [{ host: 'a:5000', insecure: true }], '[registry."a:5000"]\n  http = true\n'],
    [
      'an endpoint in plain HTTP',
      [{ host: 'a.io', endpoint: 'http://b:1' }],
      '[registry."a.io"]\n  mirrors = ["b:1"]\n[registry."b:1"]\n  http = true\n',
    ],
    [
      'an endpoint nobody signed',
      [{ host: 'a.io', endpoint: 'https://b:1', insecure: true }],
      '[registry."a.io"]\n  mirrors = ["b:1"]\n[registry."b:1"]\n  insecure = true\n',
    ],
    [
      'mirrors beside plain HTTP: one table a host',
      [{ host: 'a.io', insecure: true, mirrors: ['m.io'] }],
      '[registry."a.io"]\n  mirrors = ["m.io"]\n  http = true\n',
    ],
    [
      'an endpoint for two',
      [
        { host: 'a.io', endpoint: 'http://b:1' },
        { host: 'c.io', endpoint: 'http://b:1' },
      ],
      '[registry."a.io"]\n  mirrors = ["b:1"]\n[registry."b:1"]\n  http = true\n[registry."c.io"]\n  mirrors = ["b:1"]\n',
    ],
  ])('%s', (_name, registries, toml) => {
    expect(config(registries)).toBe(toml);
  });
});

describe('the client’s arguments', () => {
  it('push to the endpoint and keep the name of the spec elsewhere', () => {
    const given = argumentsOf(
      filesFor(
        { registry: 'localhost:5001/a' },
        { registries: [{ host: 'localhost:5001', endpoint: 'http://kind-registry:5000' }] },
      ),
    );
    expect(given.find((one) => one.startsWith('--output='))).toContain('name=kind-registry:5000/a/sklearn:');
    expect(given.find((one) => one.startsWith('--export-cache='))).toContain(
      'ref=kind-registry:5000/a/sklearn-cache:buildkit-linux-amd64',
    );
  });

  it('import no cache for a build that is to be fresh, and leave one behind all the same', () => {
    const caches = (given: string[]) =>
      given.map((one) => /^--(?:no|import|export)-cache/.exec(one)?.[0]).filter(Boolean);
    expect(caches(argumentsOf(filesFor({})))).toEqual(['--import-cache', '--export-cache']);
    expect(caches(argumentsOf(filesFor({}, {}, true)))).toEqual(['--no-cache', '--export-cache']);
  });

  it('leave white space at the ends of a value to its reader, which takes it off flags only', () => {
    const given = argumentsOf(filesFor({ env: [{ name: 'A', value: ' x\n' }] }));
    expect(given[given.indexOf('build-arg:IMAGESPEC_0= x\n') - 1]).toBe('--opt');
  });

  it('name the base by digest and keep its user unless the spec names one', () => {
    expect(argumentsOf(filesFor({}))).toContain(`build-arg:IMAGESPEC_BASE=${prepared.base}`);
    expect(argumentsOf(filesFor({}))).toContain('build-arg:IMAGESPEC_USER=0:0');
    expect(argumentsOf(filesFor({ user: '1000' })).join('\n')).not.toContain('IMAGESPEC_USER');
  });
});

describe('the script hands every argument over as it is', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'imagespec-args-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('through xargs, whatever a user wrote', () => {
    const text = fc
      .string({ unit: 'binary', maxLength: 40 })
      .filter((value) => !value.includes('\0') && value.isWellFormed());
    // What the script does with the client, with printf in its place.
    const script = /xargs [^"]*(?=buildctl)/.exec(filesFor({})['build.sh'] ?? '')?.[0];
    expect(script).toBeDefined();
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 8 }), (values) => {
        const env = values.map((value, index) => ({ name: `V${index}`, value }));
        const file = join(folder, 'args');
        const wanted = filesFor({ env });
        writeFileSync(file, wanted['buildctl.args'] ?? '');
        const out = execFileSync('sh', ['-c', `${script} printf '%s\\0' <"$0"`, file]).toString();
        expect(out).toBe(wanted['buildctl.args']);
        for (const { value } of env)
          expect(argumentsOf(wanted).some((one) => one.endsWith(`=${value}`))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});

describe('with a daemon that runs elsewhere', () => {
  const daemon = (more: object = {}) => ({
    builders: [{ name: 'daemon', engine: 'BuildKit', daemon: more }],
  });

  it('the client reaches it at the address of its namespace, with the certificate of the Secret', () => {
    const wanted = ['--addr=tcp://buildkitd.team-a.svc:1234', '--tlsdir=/imagespec/daemon'];
    const files = filesFor({}, daemon({ serverName: 'other' }));
    const reaching = [...wanted, '--tlsservername=other'];
    expect(argumentsOf(files).slice(0, 4)).toEqual([...reaching, 'build']);
    expect(files['probe.args']?.split('\0')).toEqual([...reaching, 'debug', 'workers', '']);
    expect(files['build.sh']).not.toContain('rootlesskit');
    expect(files).not.toHaveProperty(['buildkitd.toml']);
  });

  it('the client has the Secrets of the daemon and of package steps, and no room for a daemon', () => {
    const { context, builder } = made(
      { pipSecretMounts: [{ secretKeyRef: { name: 's', key: 'k' }, path: '/run/netrc' }] },
      daemon({ tlsSecret: 'mine' }),
    );
    const { client, container, volumes } = buildkit.part(builder, context);
    expect(client).toBe(true);
    expect(container.volumeMounts?.map(({ name }) => name)).toEqual(['daemon-tls', 'secret-mount-0']);
    expect(volumes).toEqual([
      {
        name: 'daemon-tls',
        secret: {
          secretName: 'mine',
          defaultMode: 0o444,
          items: ['ca.crt', 'tls.crt', 'tls.key'].map((key) => ({ key, path: key })),
        },
      },
    ]);
  });

  it('keeps the package caches of namespaces apart only where they share it', () => {
    const kept = (given: object) =>
      argumentsOf(filesFor({}, given)).find((one) => one.startsWith('build-arg:BUILDKIT_CACHE_MOUNT_NS'));
    expect(kept(daemon())).toBeUndefined();
    expect(kept({})).toBeUndefined();
    const shared = daemon({ address: 'tcp://10.0.0.1:1234', sharedTrust: true });
    expect(kept(shared)).toBe('build-arg:BUILDKIT_CACHE_MOUNT_NS=team-a');
  });

  it('a daemon that is silent or not trusted is told by name and tried again by itself', () => {
    const files = filesFor({}, daemon());
    expect(explainLog(`${files['silent.txt']} (connection refused)`)).toEqual({
      reason: 'NotStarted',
      headline: 'the BuildKit daemon tcp://buildkitd.team-a.svc:1234 does not answer (connection refused)',
    });
    expect(explainLog(`${files['refused.txt']} (x509: certificate has expired)`)).toEqual({
      reason: 'NotStarted',
      headline: expect.stringMatching(/the Secret buildkit-client of this namespace .*x509: .*expired/),
    });
  });
});
