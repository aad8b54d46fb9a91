/**
 * The operator in the local cluster: its settings there, and its installation with `manifests/default` as
 * a user would install it.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type Cluster, pushOperator } from './cluster.ts';
import { progress } from './progress.ts';
import { run } from './run.ts';

const ROOT = join(import.meta.dirname, '../..');
/** The overlay for this machine's cluster; git does not keep it. */
const OVERLAY = join(ROOT, 'manifests/.local');

/**
 * Settings that fit the local cluster: images go to its registry, and, on our own node, which cannot
 * reach the public ones, what builds need comes from there too.
 */
export async function localSettings(cluster: Cluster): Promise<Record<string, unknown>> {
  const { kind: way, registry, registryInCluster, additionalCA } = cluster;
  const endpoint = `http://${registryInCluster}`;
  const registries: object[] = [{ host: registry, endpoint, insecure: true }];
  if (way === 'node') registries.push({ host: 'docker.io', endpoint }, { host: 'ghcr.io', endpoint });
  const from = (image: string) => (way === 'node' ? { image: `${registry}/${image}` } : {});
  return {
    defaults: { registry },
    registries,
    builders: [
      { name: 'buildkit', engine: 'BuildKit', priority: 5, ...from('moby/buildkit:v0.32.2-rootless') },
      { name: 'kaniko', engine: 'Kaniko', priority: 3, ...from('osscontainertools/kaniko:v1.28.3') },
      { name: 'noop', engine: 'Noop', priority: 0 },
    ],
    // The one image with a Python that the node's registry has.
    ...(way === 'node' ? { toolImages: { conda: 'python:3.11-slim' } } : {}),
    ...(additionalCA === undefined ? {} : { caBundle: await readFile(additionalCA, 'utf8') }),
  };
}

/**
 * Builds the operator's image from the sources, installs it, and resolves when it is ready.
 *
 * @param more replaces top-level fields of the settings that fit the cluster
 */
export async function installOperator(cluster: Cluster, more: object = {}): Promise<void> {
  const image = await pushOperator();
  await mkdir(OVERLAY, { recursive: true });
  await writeFile(join(OVERLAY, 'settings.yaml'), stringify({ ...(await localSettings(cluster)), ...more }));
  await writeFile(join(OVERLAY, 'kustomization.yaml'), stringify(overlayOf(image)));
  const kubectl = (...args: string[]) =>
    run(cluster.kubectl, args, { env: { KUBECONFIG: cluster.kubeconfig } });
  await progress({ title: 'Installing the operator', usually: '15 s' }, async () => {
    await kubectl('apply', '--server-side', '--force-conflicts', '-k', OVERLAY);
    await kubectl('wait', '--for=condition=Established', 'crd/imagespecs.imagespec.dev', '--timeout=60s');
    const deployment = ['-n', 'imagespec-system', 'rollout', 'status', 'deployment/imagespec-operator'];
    await kubectl(...deployment, '--timeout=180s');
  });
}

/** Another image in the place of one that the manifests name, as kustomize says it. */
export function named(instead: string, image: string): object {
  const at = image.indexOf('@');
  const tagged = at < 0 ? image : image.slice(0, at);
  const colon = tagged.lastIndexOf(':');
  const tag = at < 0 ? { newTag: tagged.slice(colon + 1) } : { digest: image.slice(at + 1) };
  return { name: instead, newName: tagged.slice(0, colon), ...tag };
}

function overlayOf(image: string): object {
  return {
    namespace: 'imagespec-system',
    resources: ['../default'],
    images: [named('imagespec/operator', image)],
    configMapGenerator: [
      { name: 'imagespec-operator-settings', behavior: 'replace', files: ['settings.yaml'] },
    ],
  };
}
