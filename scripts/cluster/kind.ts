/**
 * The cluster on a machine with Docker: kind and a registry container, as kind's documentation has it
 * (https://kind.sigs.k8s.io/docs/user/local-registry).
 *
 * Images come from their own registries here. The project's machines have no Docker: what of this can be
 * checked without it is checked by `test/cluster/kind.test.ts`.
 */
import { existsSync } from 'node:fs';
import { mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheRoot, logFile } from './cache.ts';
import { progress } from './progress.ts';
import { run } from './run.ts';

const CLUSTER = 'imagespec';
const CONTAINER = 'kind-registry';
const PORT = 5001;
const ROOT = join(import.meta.dirname, '..', '..');

/** What kind's clusters need on this host: their kubeconfig and a kubectl beside it. */
export const KIND_FOLDER = join(cacheRoot(), 'kind');
/** How the host and image names call the registry. */
export const KIND_REGISTRY = `localhost:${PORT}`;
/** Where pods reach the same registry. */
export const KIND_REGISTRY_IN_CLUSTER = `${CONTAINER}:5000`;
export const KIND_KUBECONFIG = join(KIND_FOLDER, 'kubeconfig');
export const KIND_KUBECTL = join(KIND_FOLDER, 'kubectl');

const docker = (...args: string[]) => run('docker', args);

async function lines(command: string, ...args: string[]): Promise<string[]> {
  return (await run(command, args)).stdout.split('\n').filter(Boolean);
}

async function containers(...options: string[]): Promise<string[]> {
  return await lines('docker', 'ps', ...options, '--filter', `name=^${CONTAINER}$`, '--format', '{{.Names}}');
}

/** Whether our kind cluster and its registry are there. */
export async function kindRuns(): Promise<boolean> {
  if (!existsSync(KIND_KUBECONFIG)) return false;
  return (await lines('kind', 'get', 'clusters')).includes(CLUSTER) && (await containers()).length > 0;
}

/** Lets the nodes pull from the registry by the names that the host and that pods give it. */
async function introduceRegistry(): Promise<void> {
  for (const node of await lines('kind', 'get', 'nodes', '--name', CLUSTER)) {
    for (const name of [KIND_REGISTRY, KIND_REGISTRY_IN_CLUSTER]) {
      const folder = `/etc/containerd/certs.d/${name}`;
      await docker('exec', node, 'mkdir', '-p', folder);
      await run('docker', ['exec', '-i', node, 'cp', '/dev/stdin', `${folder}/hosts.toml`], {
        input: `[host."http://${KIND_REGISTRY_IN_CLUSTER}"]\n`,
      });
    }
  }
  const networks = '{{range $name, $_ := .NetworkSettings.Networks}}{{println $name}}{{end}}';
  if (!(await lines('docker', 'inspect', '--format', networks, CONTAINER)).includes('kind')) {
    await docker('network', 'connect', 'kind', CONTAINER);
  }
  const hosting = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'local-registry-hosting', namespace: 'kube-public' },
    data: {
      'localRegistryHosting.v1': `host: "${KIND_REGISTRY}"\nhelp: "https://kind.sigs.k8s.io/docs/user/local-registry/"\n`,
    },
  };
  await run('kubectl', ['--kubeconfig', KIND_KUBECONFIG, 'apply', '--filename', '-'], {
    input: JSON.stringify(hosting),
  });
}

async function kubectlOnPath(): Promise<string> {
  const { stdout } = await run('sh', ['-c', 'command -v kubectl']);
  return stdout.trim();
}

/** Makes the registry and the cluster; what is left of an earlier one is removed first. */
export async function startKind(): Promise<void> {
  await stopKind();
  await mkdir(KIND_FOLDER, { recursive: true });
  await symlink(await kubectlOnPath(), KIND_KUBECTL);
  await progress({ title: 'Creating the kind cluster', usually: '1 to 3 min' }, async () => {
    const port = `127.0.0.1:${PORT}:5000`;
    await docker('run', '--detach', '--restart=always', '--publish', port, '--name', CONTAINER, 'registry:3');
    const config = join(ROOT, 'kind-config.yaml');
    await run(
      'kind',
      [
        ...['create', 'cluster', '--name', CLUSTER, '--config', config],
        ...['--kubeconfig', KIND_KUBECONFIG, '--wait', '3m'],
      ],
      { log: logFile('kind') },
    );
    await introduceRegistry();
  });
}

/** Removes the cluster, its registry and their files. */
export async function stopKind(): Promise<void> {
  await run('kind', ['delete', 'cluster', '--name', CLUSTER, '--kubeconfig', KIND_KUBECONFIG]);
  if ((await containers('--all')).length > 0) await docker('rm', '--force', '--volumes', CONTAINER);
  await rm(KIND_FOLDER, { recursive: true, force: true });
}

/** Names what of the kind cluster is there. */
export async function kindLeftovers(): Promise<string[]> {
  const clusters = (await lines('kind', 'get', 'clusters')).filter((name) => name === CLUSTER);
  return [
    ...clusters.map((name) => `kind cluster ${name}`),
    ...(await containers('--all')).map((name) => `container ${name}`),
    ...(existsSync(KIND_FOLDER) ? [`folder ${KIND_FOLDER}`] : []),
  ];
}

/** Makes the image of an archive known to the nodes without a registry; resolves with what kind said. */
export async function loadIntoKind(archive: string): Promise<string> {
  return (await run('kind', ['load', 'image-archive', archive, '--name', CLUSTER])).stdout.trim();
}

/** Builds the operator's image from the Dockerfile and pushes it; resolves with its reference by digest. */
export async function pushOperatorWithDocker(): Promise<string> {
  const reference = `${KIND_REGISTRY}/imagespec/operator:dev`;
  const about = { title: 'Building the operator image with Docker', usually: '1 min' };
  await progress(about, () => run('docker', ['build', '--tag', reference, ROOT], { log: logFile('docker') }));
  await docker('push', reference);
  const pushed = await docker('inspect', '--format', '{{index .RepoDigests 0}}', reference);
  return pushed.stdout.trim();
}

/** Stops the registry, so that connections to it are refused. */
export async function stopKindRegistry(): Promise<void> {
  await docker('stop', CONTAINER);
}

/** Starts the registry again. */
export async function startKindRegistry(): Promise<void> {
  await docker('start', CONTAINER);
}
