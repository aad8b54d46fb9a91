/** What the cluster's registry holds, asked for without any code of ours: it is what that code is judged by. */
import { cluster } from './e2e.ts';

/** An image's config, as OCI writes it. */
export interface ConfigInRegistry {
  readonly User?: string;
  readonly Env?: string[];
  readonly WorkingDir?: string;
  readonly Entrypoint?: string[];
  readonly Cmd?: string[] | null;
  readonly Labels?: Record<string, string>;
}

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json';

/** What the registry itself holds under `host/repository:tag` or `…@digest`. */
export async function inRegistry(image: string): Promise<{ digest: string; config: ConfigInRegistry }> {
  const { digest, manifest, get } = await manifestInRegistry(image);
  const body = (await (await get(`blobs/${manifest.config.digest}`)).json()) as { config: ConfigInRegistry };
  return { digest, config: body.config };
}

/** The layers of an image of one platform, lowest first, as they lie in the registry. */
export async function layersInRegistry(image: string): Promise<{ mediaType: string; bytes: Buffer }[]> {
  const { manifest, get } = await manifestInRegistry(image);
  const layers: { mediaType: string; bytes: Buffer }[] = [];
  for (const { mediaType, digest } of manifest.layers) {
    layers.push({ mediaType, bytes: Buffer.from(await (await get(`blobs/${digest}`)).arrayBuffer()) });
  }
  return layers;
}

async function manifestInRegistry(image: string) {
  const [, host, repository, tag, digest] = /^([^/]+)\/([^:@]+)(?::([^@]+))?(?:@(.+))?$/.exec(image) ?? [];
  const address = `http://${host}/v2/${repository}`;
  const get = async (path: string) => {
    const answer = await fetch(`${address}/${path}`, { headers: { accept: MANIFEST } });
    if (!answer.ok) throw new Error(`The registry answers ${answer.status} to ${path} of ${repository}`);
    return answer;
  };
  const answer = await get(`manifests/${digest ?? tag}`);
  const manifest = (await answer.json()) as {
    config: { digest: string };
    layers: { mediaType: string; digest: string }[];
  };
  return { digest: answer.headers.get('docker-content-digest') ?? '', manifest, get };
}

/** The tags of a repository of the cluster's registry. */
export async function tagsOf(repository: string): Promise<string[]> {
  const answer = await fetch(`http://${cluster.registry}/v2/${repository}/tags/list`);
  if (answer.status === 404) return [];
  return ((await answer.json()) as { tags: string[] | null }).tags ?? [];
}
