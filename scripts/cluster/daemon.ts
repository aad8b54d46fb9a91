/**
 * A BuildKit daemon in a namespace of the local cluster, installed with `manifests/components/buildkit-daemon` as a
 * user would install it.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { stringify } from 'yaml';
import { registriesToml } from '../../src/build/engines/buildkit.ts';
import { settingsSchema } from '../../src/settings.ts';
import { type Cluster, pushOperator } from './cluster.ts';
import { localSettings, named } from './operator.ts';
import { run } from './run.ts';

const COMPONENT = join(import.meta.dirname, '../../manifests/components/buildkit-daemon');

/** Small requests: the daemon shares the node's two cores with builds of other tests. */
const REQUESTS_PATH = '/spec/template/spec/containers/0/resources/requests';
const REQUESTS = { cpu: '100m', memory: '256Mi', 'ephemeral-storage': '256Mi' };

/**
 * Installs it in a namespace that admits privileged pods. Resolves when it is ready, with the address that the API server
 * gave its Service, `tcp://10.96.12.3:1234`: the single node has no cluster DNS to find it by.
 */
export async function installDaemon(cluster: Cluster, namespace: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'imagespec-daemon-'));
  const kubectl = (...args: string[]) =>
    run(cluster.kubectl, ['--kubeconfig', cluster.kubeconfig, '--namespace', namespace, ...args]);
  const settings = settingsSchema.parse(await localSettings(cluster));
  const registries = settings.registries.map(({ host, endpoint, insecure, mirrors }) => ({
    host,
    endpoint,
    insecure,
    mirrors,
  }));
  const toml = await readFile(join(COMPONENT, 'buildkitd.toml'), 'utf8');
  const image = settings.builders[0]?.image;
  const overlay = {
    namespace,
    resources: [relative(folder, COMPONENT)],
    images: [
      named('imagespec/operator', await pushOperator()),
      ...(image === undefined ? [] : [named('docker.io/moby/buildkit', image)]),
    ],
    configMapGenerator: [{ name: 'buildkitd', behavior: 'replace', files: ['buildkitd.toml'] }],
    patches: [
      {
        target: { kind: 'Deployment', name: 'buildkitd' },
        patch: JSON.stringify([{ op: 'replace', path: REQUESTS_PATH, value: REQUESTS }]),
      },
    ],
  };
  try {
    await writeFile(join(folder, 'buildkitd.toml'), `${toml}\n${registriesToml(registries)}`);
    await writeFile(join(folder, 'kustomization.yaml'), stringify(overlay));
    await kubectl('apply', '--server-side', '--force-conflicts', '--kustomize', folder);
    await kubectl('wait', '--for=condition=Complete', 'job/buildkit-certificates', '--timeout=120s');
    await kubectl('rollout', 'status', 'deployment/buildkitd', '--timeout=120s');
    const { stdout } = await kubectl('get', 'service/buildkitd', '--output=jsonpath={.spec.clusterIP}');
    return `tcp://${stdout}:1234`;
  } finally {
    await rm(folder, { recursive: true });
  }
}
