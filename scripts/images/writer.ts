/**
 * Images: layers and a config, written as one OCI-layout archive.
 *
 * `ctr images import` and `skopeo copy oci-archive:` both take it; neither Docker nor a registry is
 * needed to make one. The same layers and config give the same bytes.
 */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { Layer } from './layer.ts';
import { type TarEntry, tarOf } from './tar.ts';

/** What a container of the image starts with, in the words of the OCI image config. */
export interface ImageConfig {
  readonly User?: string;
  /** `NAME=value` */
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly WorkingDir?: string;
  /** `8080/tcp` */
  readonly ExposedPorts?: Readonly<Record<string, Record<string, never>>>;
  readonly Labels?: Readonly<Record<string, string>>;
}

/** The PATH of Debian's own containers; an image's Env replaces it, never adds to it. */
export const DEBIAN_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** This machine's architecture in the words of OCI: images are made where they run. */
export const ARCHITECTURE = process.arch === 'x64' ? 'amd64' : process.arch;

const EPOCH = '1970-01-01T00:00:00Z';
const OCI = 'application/vnd.oci.image';

/**
 * Writes the archive of one image.
 *
 * @param reference full name with tag, as containerd is to know it: `docker.io/library/python:3.11-slim`
 * @param layers lowest first; those of an earlier archive come from `readImage`
 */
export async function writeImage(
  file: string,
  reference: string,
  layers: readonly Layer[],
  config: ImageConfig,
): Promise<void> {
  const platform = { architecture: ARCHITECTURE, os: 'linux' };
  const configBlob = blobOf({
    created: EPOCH,
    ...platform,
    config,
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(() => ({ created: EPOCH, created_by: 'imagespec image writer' })),
  });
  const manifest = blobOf({
    schemaVersion: 2,
    mediaType: `${OCI}.manifest.v1+json`,
    config: { mediaType: `${OCI}.config.v1+json`, digest: configBlob.digest, size: configBlob.bytes.length },
    layers: layers.map(({ digest, size }) => ({
      mediaType: `${OCI}.layer.v1.tar+gzip`,
      digest,
      size,
    })),
  });
  const index = blobOf({
    schemaVersion: 2,
    mediaType: `${OCI}.index.v1+json`,
    manifests: [
      {
        mediaType: `${OCI}.manifest.v1+json`,
        digest: manifest.digest,
        size: manifest.bytes.length,
        platform,
        annotations: {
          'io.containerd.image.name': reference,
          'org.opencontainers.image.ref.name': tagOf(reference),
        },
      },
    ],
  });

  const blobs = new Map(layers.map((layer) => [layer.digest, layer]));
  const contents: TarEntry[] = [
    { name: 'oci-layout', contents: '{"imageLayoutVersion":"1.0.0"}' },
    { name: 'index.json', contents: index.bytes },
    { name: blobName(manifest.digest), contents: manifest.bytes },
    { name: blobName(configBlob.digest), contents: configBlob.bytes },
    ...[...blobs.values()].map((layer) => ({ name: blobName(layer.digest), contents: layer })),
  ];
  await pipeline(tarOf(contents), createWriteStream(file));
}

/** Where a blob lies in an OCI layout: the digest's colon becomes a slash. */
export function blobName(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}

function blobOf(document: unknown) {
  const bytes = Buffer.from(JSON.stringify(document));
  return { bytes, digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}` };
}

function tagOf(reference: string): string {
  const [, tag] = /^[^@]+:(\w[\w.-]*)$/.exec(reference) ?? [];
  if (tag === undefined) throw new Error(`${reference} has no tag`);
  return tag;
}
