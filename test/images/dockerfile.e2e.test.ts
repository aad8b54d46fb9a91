/**
 * The Dockerfile for people with Docker, built by the cluster's own BuildKit on the cluster's own base, and
 * run: so it is known to work where there is no Docker to try it with.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cluster, current } from '../../scripts/cluster/cluster.ts';
import { run } from '../../scripts/cluster/run.ts';
import { buildkit } from '../../src/build/engines/buildkit.ts';

const ROOT = join(import.meta.dirname, '../..');
const NAMESPACE = 'dockerfile-test';
/** As a Docker client would send it: what .dockerignore lets through. */
const CONTEXT = [
  'Dockerfile',
  'package.json',
  'package-lock.json',
  '.npmrc',
  'tsconfig.json',
  'tsconfig.build.json',
  'rolldown.config.ts',
  'src',
  'scripts/images',
];
let cluster: Cluster;

const kubectl = async (args: readonly string[], input?: string) =>
  (
    await run(
      cluster.kubectl,
      ['--kubeconfig', cluster.kubeconfig, '-n', NAMESPACE, ...args],
      input === undefined ? {} : { input },
    )
  ).stdout;

beforeAll(async () => {
  const running = await current();
  if (!running) throw new Error('These tests need a cluster: `npm run cluster -- up`.');
  cluster = running;
  await kubectl(['delete', 'namespace', NAMESPACE, '--ignore-not-found']);
  await kubectl(['create', 'namespace', NAMESPACE]);
});

afterAll(() => kubectl(['delete', 'namespace', NAMESPACE, '--wait=false']));

test('the Dockerfile gives an image that starts as the operator and as its steps', async ({ skip }) => {
  if (cluster.kind === 'kind') skip('with Docker at hand the demo itself builds it');
  const archive = await run('sh', ['-c', 'tar -C "$0" -cz "$@" | base64 -w0', ROOT, ...CONTEXT]);
  const authorities = cluster.additionalCA ? await readFile(cluster.additionalCA) : Buffer.from('');
  const script = `set -e
mkdir -p /tmp/context; tar -xzf /files/context.tar.gz -C /tmp/context
cat /etc/ssl/certs/ca-certificates.crt /files/ca.crt >/tmp/ca.crt
printf '[registry."%s"]\\n  http = true\\n' ${cluster.registry} >/tmp/buildkitd.toml
rootlesskit buildkitd --addr unix:///tmp/s.sock --oci-worker-no-process-sandbox --config /tmp/buildkitd.toml >/tmp/log 2>&1 &
until buildctl --addr unix:///tmp/s.sock debug workers >/dev/null 2>&1; do sleep 0.2; done
buildctl --addr unix:///tmp/s.sock build --progress=plain --frontend=dockerfile.v0 --local=context=/tmp/context --local=dockerfile=/tmp/context --opt build-arg:BASE=${cluster.registry}/library/python:3.11-slim --opt build-arg:BUILDKIT=${cluster.registry}/moby/buildkit:v0.32.2-rootless --secret=id=ca,src=/tmp/ca.crt --output=type=image,name=${cluster.registry}/imagespec/from-dockerfile:test,push=true`;
  const files = { 'context.tar.gz': archive.stdout, 'ca.crt': authorities.toString('base64') };
  await kubectl(
    ['apply', '--server-side', '-f', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'files' }, binaryData: files }),
  );
  const part = buildkit.part({ name: 'buildkit', engine: 'BuildKit', priority: 5 }, { secretMounts: [] });
  const { securityContext, volumeMounts = [] } = part.container;
  const container = {
    name: 'build',
    image: `${cluster.registry}/moby/buildkit:v0.32.2-rootless`,
    command: ['sh', '-c', script],
    securityContext,
    volumeMounts: [{ name: 'files', mountPath: '/files' }, ...volumeMounts],
  };
  const volumes = [{ name: 'files', configMap: { name: 'files' } }, ...part.volumes];
  const template = { spec: { restartPolicy: 'Never', containers: [container], volumes } };
  await kubectl(
    ['apply', '-f', '-'],
    JSON.stringify({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'build' },
      spec: { backoffLimit: 0, template },
    }),
  );
  await kubectl(['wait', 'job/build', '--for=condition=Complete', '--timeout=280s']).catch(async (error) => {
    throw new Error(await kubectl(['logs', 'job/build', '--tail=60']), { cause: error });
  });

  const program =
    '/usr/local/bin/node /app/dist/main.js --help && /usr/local/bin/node /app/dist/bin/step.cjs; buildctl --version; id -u; git --version; ssh -V';
  const image = `${cluster.registry}/imagespec/from-dockerfile:test`;
  await kubectl(['run', 'it', '--restart=Never', `--image=${image}`, '--command', '--', 'sh', '-c', program]);
  await kubectl(['wait', 'pod/it', '--for=jsonpath={.status.phase}=Succeeded', '--timeout=60s']);
  const said = await kubectl(['logs', 'it']);
  expect(said).toContain('usage: imagespec-operator');
  expect(said).toContain('usage: step prepare | build | verify');
  expect(said).toContain('buildctl github.com/moby/buildkit');
  expect(said).toMatch(/^65532$/m);
  expect(said).toContain('git version');
  expect(said).toContain('OpenSSH');
}, 400_000);
