/**
 * Manifests and indexes: reading their bytes, and finding a platform in an index.
 *
 * OCI image-spec `manifest.md` and `image-index.md`; Docker's v2 schema 2 forms of both. A document whose kind is
 * ambiguous is refused (GHSA-77vh-xpmg-72qh).
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { isDigest } from '../image/reference.ts';
import { jsonOf } from './json.ts';

export const MANIFEST_TYPES = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
] as const;

export const INDEX_TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
] as const;

/** What the client can read, as an `Accept` header. */
export const ACCEPT = [...INDEX_TYPES, ...MANIFEST_TYPES].join(', ');

const isManifestType = (type: string) => (MANIFEST_TYPES as readonly string[]).includes(type);
const isIndexType = (type: string) => (INDEX_TYPES as readonly string[]).includes(type);

/** True for a `Content-Type` of the four in `ACCEPT`. */
export function isReadable(contentType: string | undefined): boolean {
  const type = bareType(contentType);
  return isManifestType(type) || isIndexType(type);
}

const descriptor = z.object({
  mediaType: z.string().max(255),
  digest: z.string().refine(isDigest),
  size: z.int().min(0),
});

const manifestSchema = z.object({ config: descriptor, layers: z.array(descriptor) });

const indexSchema = z.object({
  manifests: z.array(
    z.object({
      mediaType: z.string().max(255),
      digest: z.string(),
      platform: z
        .object({ os: z.string(), architecture: z.string(), variant: z.string().nullish() })
        .nullish(),
    }),
  ),
});

/** A manifest as it was read; exactly one of `image` and `index` is set. */
export interface Manifest {
  /** SHA-256 of the bytes. */
  readonly digest: string;
  readonly mediaType: string;
  /** Bytes. */
  readonly size: number;
  /** The whole document. */
  readonly document: unknown;
  readonly image?: z.output<typeof manifestSchema>;
  readonly index?: z.output<typeof indexSchema>;
}

/**
 * Reads the bytes of a manifest or index.
 *
 * @returns undefined when they are not one of the four kinds, or cannot be told apart
 */
export function readManifest(body: Buffer, contentType: string | undefined): Manifest | undefined {
  const document = objectOf(body);
  if (document === undefined) return undefined;
  const mediaType = typeof document.mediaType === 'string' ? document.mediaType : bareType(contentType);
  const base = { digest: sha256(body), mediaType, size: body.length, document };
  if (isManifestType(mediaType) && !('manifests' in document)) {
    const image = manifestSchema.safeParse(document);
    return image.success ? { ...base, image: image.data } : undefined;
  }
  if (isIndexType(mediaType) && !('layers' in document) && !('config' in document)) {
    const index = indexSchema.safeParse(document);
    return index.success ? { ...base, index: index.data } : undefined;
  }
  return undefined;
}

/** Digests by platform (`linux/amd64`) of an index; the first of equal ones counts. */
export function platformsOf(index: NonNullable<Manifest['index']>): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { mediaType, digest, platform } of index.manifests) {
    if (!platform || !isManifestType(mediaType) || !isDigest(digest)) continue;
    const name = platformOf(platform);
    if (!found.has(name)) found.set(name, digest);
  }
  return found;
}

interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | null | undefined;
}

/** `os/arch[/variant]` in one spelling, with containerd's defaults: arm64 is v8, arm is v7, amd64 is v1. */
export function platformOf(platform: Platform | string): string {
  const [os = '', architecture = '', given] =
    typeof platform === 'string'
      ? platform.split('/')
      : [platform.os, platform.architecture, platform.variant ?? undefined];
  const variant = given && /^\d/.test(given) ? `v${given}` : (given ?? '');
  const usual = USUAL_VARIANT[architecture];
  return variant === '' || variant === usual ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`;
}

const USUAL_VARIANT: Readonly<Record<string, string>> = { amd64: 'v1', arm64: 'v8', arm: 'v7' };

export function sha256(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** SHA-256 of a file's bytes. */
export async function digestOfFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return `sha256:${hash.digest('hex')}`;
}

function bareType(contentType: string | undefined): string {
  return (contentType ?? '').split(';')[0]!.trim().toLowerCase();
}

function objectOf(body: Buffer): { readonly mediaType?: unknown } | undefined {
  const json = jsonOf(body);
  return typeof json === 'object' && json !== null && !Array.isArray(json) ? json : undefined;
}
