/**
 * The certificates of a BuildKit daemon, made on a real API server by who the component's Role lets make them, and the
 * TLS that comes of them.
 */
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { createServer, connect as dial, type TLSSocket } from 'node:tls';
import { expect, inject, test } from 'vitest';
import { run } from '../../scripts/cluster/run.ts';
import type { Connection } from '../../src/kube/connection.ts';
import { pathOf } from '../../src/kube/resource.ts';
import { connectFor, type ForTest, newNamespace } from '../support/kube.ts';

const { kubeconfig, kubectl: program, url } = inject('controlPlane');
const kubectl = (args: string[], input?: string) =>
  run(program, ['--kubeconfig', kubeconfig, ...args], input === undefined ? {} : { input });

const COMPONENT = join(import.meta.dirname, '../../manifests/components/buildkit-daemon');
const DAY = 86_400_000;

/** The component as a user installs it, and the Job's program as its ServiceAccount. */
async function installed(t: ForTest) {
  const connection = await connectFor(t, kubeconfig);
  const namespace = await newNamespace(t, connection);
  const folder = await mkdtemp(join(tmpdir(), 'imagespec-pki-test-'));
  t.onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(
    join(folder, 'kustomization.yaml'),
    JSON.stringify({ namespace, resources: [relative(folder, COMPONENT)] }),
  );
  await kubectl(['apply', '--server-side', '--kustomize', folder]);
  const account = ['create', 'token', 'buildkit-certificates', `--namespace=${namespace}`];
  const { stdout: token } = await kubectl(account);
  const { stdout } = await kubectl(['config', 'view', '--raw', '--minify', '--output=json']);
  const authority = JSON.parse(stdout).clusters[0].cluster['certificate-authority-data'];
  const own = join(folder, 'kubeconfig');
  await writeFile(
    own,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'it', cluster: { server: url, 'certificate-authority-data': authority } }],
      users: [{ name: 'it', user: { token: token.trim() } }],
      contexts: [{ name: 'it', context: { cluster: 'it', user: 'it' } }],
      'current-context': 'it',
    }),
  );
  const { spec } = await read<{ spec: { template: { spec: { containers: { args: string[] }[] } } } }>(
    connection,
    { apiVersion: 'batch/v1', plural: 'jobs' },
    namespace,
    'buildkit-certificates',
  );
  const args = spec.template.spec.containers[0]?.args ?? [];
  const more = ['--namespace', namespace, '--kubeconfig', own];
  return {
    connection,
    namespace,
    makes: async () => (await run(process.execPath, ['src/pki/main.ts', ...args, ...more])).stdout,
    may: async (verb: string, what: string) => {
      const asked = ['auth', 'can-i', verb, what, '--namespace', namespace, '--kubeconfig', own];
      return (await run(program, asked).catch(() => ({ stdout: 'no' }))).stdout.trim();
    },
    async secret(name: string) {
      const found = await read<{ data: Record<string, string> }>(
        connection,
        { apiVersion: 'v1', plural: 'secrets' },
        namespace,
        name,
      );
      const text = (key: string) => Buffer.from(found.data[key] ?? '', 'base64').toString();
      return { ca: text('ca.crt'), cert: text('tls.crt'), key: text('tls.key') };
    },
    remove: (name: string) => kubectl(['delete', 'secret', name, `--namespace=${namespace}`]),
  };
}

function read<T>(
  connection: Connection,
  resource: { apiVersion: string; plural: string },
  namespace: string,
  name: string,
): Promise<T> {
  return connection.request<T>({ method: 'GET', path: pathOf(resource, { namespace, name }) });
}

interface Identity {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** What the client hears from the server once both have shown what they have: a greeting, or why not. */
async function meet(server: Identity, client: Partial<Identity> & { ca: string }, name: string) {
  const listening = createServer(
    { ...server, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' },
    (socket: TLSSocket) => socket.end('welcome'),
  );
  listening.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const { port } = listening.address() as { port: number };
  try {
    return await new Promise<string>((resolve) => {
      let said = '';
      dial({ ...client, host: '127.0.0.1', port, servername: name })
        .on('data', (bytes) => {
          said += bytes;
        })
        .on('error', (error) => resolve(error.message))
        .on('close', () => resolve(said));
    });
  } finally {
    listening.close();
  }
}

test('a daemon and its builds take each other’s certificates, and nobody else’s', async (t) => {
  const { makes, secret, remove, may } = await installed(t);
  expect(await makes()).toContain('made buildkit-server and buildkit-client');
  const [server, client] = [await secret('buildkit-server'), await secret('buildkit-client')];
  expect(await meet(server, client, 'buildkitd')).toBe('welcome');
  expect(await meet(server, { ca: client.ca }, 'buildkitd')).toMatch(/certificate required/);
  // A build's certificate is no daemon's.
  expect(await meet(client, client, 'buildkitd')).toMatch(/purpose|altnames/);
  expect(await meet(server, client, 'other')).toMatch(/altnames/);

  const left = Date.parse(new X509Certificate(server.cert).validTo) - Date.now();
  expect(left / DAY).toBeCloseTo(730, 0);
  for (const { key } of [server, client]) expect(key).toContain('BEGIN PRIVATE KEY');
  expect(server.key).not.toBe(client.key);

  expect(await makes()).toMatch(/are good until 20\d\d-\d\d-\d\d/);
  expect(await secret('buildkit-server')).toEqual(server);

  // One alone is no pair: both are made anew, by another authority.
  await remove('buildkit-client');
  expect(await makes()).toContain('made');
  expect(await meet(await secret('buildkit-server'), client, 'buildkitd')).toMatch(/self.signed|certificate/);
  expect(await meet(await secret('buildkit-server'), await secret('buildkit-client'), 'buildkitd')).toBe(
    'welcome',
  );

  const rights = ['create secrets', 'patch secrets/buildkit-server', 'get secrets/buildkit-client'];
  for (const right of rights) expect(await may(...(right.split(' ') as [string, string])), right).toBe('yes');
  for (const right of ['list secrets', 'get secrets/other', 'delete secrets/buildkit-server', 'create pods'])
    expect(await may(...(right.split(' ') as [string, string])), right).toBe('no');
});
