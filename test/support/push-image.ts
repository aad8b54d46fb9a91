/** Puts tiny images into a registry by plain HTTP (distribution-spec, section "Push"). */
import { createHash } from 'node:crypto';

export interface PushTarget {
  /** `http://127.0.0.1:5000`. */
  readonly origin: string;
  readonly repository: string;
  /** `Authorization`, if the registry wants one. */
  readonly authorization?: string;
}

export interface TinyImage {
  /** `os/arch[/variant]`. */
  readonly platform: string;
  /** The `config` member of the image's configuration. */
  readonly config?: object;
}

export const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';

export const digestOfBytes = (bytes: Buffer | string) =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** Pushes an image without layers. @returns the digest of its manifest */
export async function pushImage(target: PushTarget, tag: string, image: TinyImage): Promise<string> {
  return (await pushManifestOf(target, tag, image)).digest;
}

/** Pushes several images under one index. @returns the digest of the index */
export async function pushIndex(
  target: PushTarget,
  tag: string,
  images: readonly TinyImage[],
): Promise<string> {
  const entries: (Entry & { readonly platform: string })[] = [];
  for (const image of images) {
    entries.push({ ...(await pushManifestOf(target, undefined, image)), platform: image.platform });
  }
  return await pushManifests(target, tag, entries);
}

/** A manifest that the repository has already. */
interface Entry {
  readonly digest: string;
  readonly size: number;
}

/**
 * Pushes an index of manifests, those first that are not there yet; their blobs must be.
 *
 * @returns the digest of the index
 */
export async function pushManifests(
  target: PushTarget,
  tag: string,
  entries: readonly ((Entry | { readonly manifest: object }) & { readonly platform: string })[],
): Promise<string> {
  const manifests: object[] = [];
  for (const entry of entries) {
    const { digest, size } = 'manifest' in entry ? await pushDocument(target, entry.manifest) : entry;
    const [os, architecture, variant] = entry.platform.split('/');
    manifests.push({ mediaType: MANIFEST, digest, size, platform: { os, architecture, variant } });
  }
  const bytes = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests });
  await put(target, `manifests/${tag}`, bytes, INDEX);
  return digestOfBytes(bytes);
}

async function pushDocument(target: PushTarget, manifest: object): Promise<Entry> {
  const bytes = JSON.stringify(manifest);
  const digest = digestOfBytes(bytes);
  await put(target, `manifests/${digest}`, bytes, MANIFEST);
  return { digest, size: Buffer.byteLength(bytes) };
}

async function pushManifestOf(target: PushTarget, tag: string | undefined, image: TinyImage) {
  const [os, architecture, variant] = image.platform.split('/');
  const config = JSON.stringify({
    os,
    architecture,
    variant,
    config: image.config ?? {},
    rootfs: { type: 'layers', diff_ids: [] },
  });
  const configDigest = await pushBlob(target, config);
  const bytes = JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      digest: configDigest,
      size: Buffer.byteLength(config),
    },
    layers: [],
  });
  const digest = digestOfBytes(bytes);
  await put(target, `manifests/${tag ?? digest}`, bytes, MANIFEST);
  return { digest, size: Buffer.byteLength(bytes) };
}

/** @returns the blob's digest */
export async function pushBlob(target: PushTarget, content: string | Buffer): Promise<string> {
  const digest = digestOfBytes(content);
  const opened = await send(target, 'POST', `${target.origin}/v2/${target.repository}/blobs/uploads/`, 202);
  const upload = new URL(opened.headers.get('location') ?? '', target.origin);
  upload.searchParams.set('digest', digest);
  await send(target, 'PUT', upload.href, 201, content, 'application/octet-stream');
  return digest;
}

/** Pushes an index of manifests that are there, by platform. @returns its digest */
export async function pushIndexOf(
  target: PushTarget,
  tag: string,
  digests: Readonly<Record<string, string>>,
): Promise<string> {
  const manifests = Object.entries(digests).map(([name, digest]) => {
    const [os, architecture] = name.split('/');
    return { mediaType: MANIFEST, digest, size: 1, platform: { os, architecture } };
  });
  const bytes = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests });
  await put(target, `manifests/${tag}`, bytes, INDEX);
  return digestOfBytes(bytes);
}

/** A layer of an artifact. */
export interface Layer {
  readonly mediaType: string;
  readonly content: string | Buffer;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Pushes an artifact of these layers. @param claimedSize of each layer, where that is to be a lie */
export async function pushArtifact(
  target: PushTarget,
  tag: string,
  layers: readonly Layer[],
  config = { mediaType: 'application/vnd.oci.empty.v1+json', content: '{}' },
  claimedSize?: number,
): Promise<string> {
  const descriptorOf = async ({ mediaType, content, annotations }: Layer) => ({
    mediaType,
    digest: await pushBlob(target, content),
    size: Buffer.byteLength(content),
    ...(annotations === undefined ? {} : { annotations }),
  });
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: await descriptorOf(config),
    layers: (await Promise.all(layers.map(descriptorOf))).map((one) => ({
      ...one,
      ...(claimedSize === undefined ? {} : { size: claimedSize }),
    })),
  };
  const bytes = JSON.stringify(manifest);
  await put(target, `manifests/${tag}`, bytes, MANIFEST);
  return digestOfBytes(bytes);
}

async function put(target: PushTarget, path: string, content: string, mediaType: string): Promise<void> {
  await send(target, 'PUT', `${target.origin}/v2/${target.repository}/${path}`, 201, content, mediaType);
}

async function send(
  target: PushTarget,
  method: string,
  url: string,
  wanted: number,
  body?: string | Buffer,
  mediaType?: string,
): Promise<Response> {
  const response = await fetch(url, {
    method,
    headers: {
      ...(mediaType === undefined ? {} : { 'content-type': mediaType }),
      ...(target.authorization === undefined ? {} : { authorization: target.authorization }),
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : new Uint8Array(body) }),
  });
  const text = await response.text();
  if (response.status !== wanted) throw new Error(`${method} ${url}: ${response.status} ${text}`);
  return response;
}
