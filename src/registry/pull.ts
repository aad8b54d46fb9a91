/**
 * What a repository holds: digests, manifests, configurations and layers, each checked against its digest.
 *
 * A registry's "no" is returned; an answer that cannot be believed is thrown as a `RegistryFailure`.
 * Protocol: opencontainers/distribution-spec, section "Pull".
 */
import type { NoAnswer, RegistryAnswer } from '../api/registry-answer.ts';
import { isDigest } from '../image/reference.ts';
import { type Descriptor, unavailable } from './answer.ts';
import { type ImageConfig, readImageConfig } from './config.ts';
import { answerOf } from './error-body.ts';
import {
  ACCEPT,
  digestOfFile,
  isReadable,
  type Manifest,
  platformOf,
  platformsOf,
  readManifest,
  sha256,
} from './manifest.ts';
import type { Repository } from './repository.ts';

/** Statuses that a GET would only repeat: absent, no way in, and "not now". */
const FINAL_TO_HEAD = new Set([404, 401, 408, 429, 502, 503, 504]);

/**
 * The digest of the manifest that `reference` names, a tag or a digest.
 * By a HEAD where that suffices, as Docker Hub counts GETs only.
 */
export async function headManifest(repository: Repository, reference: string): Promise<RegistryAnswer> {
  const { host } = repository.endpoint;
  const reply = await repository.ask('HEAD', `manifests/${reference}`, { accept: ACCEPT });
  if (reply.status === 200) {
    const digest = reply.header('docker-content-digest');
    if (digest !== undefined && isDigest(digest) && isReadable(reply.header('content-type'))) {
      if (isDigest(reference) && digest !== reference)
        throw unavailable(`${host}: answers for another digest than the one asked for`);
      return { kind: 'present', digest };
    }
  } else if (FINAL_TO_HEAD.has(reply.status)) {
    return answerOf(reply, host);
  }
  // Without a digest, or refused: the GET shows the body, or the reason. Some registries know no HEAD.
  const found = await getManifest(repository, reference);
  return 'kind' in found ? found : { kind: 'present', digest: found.digest };
}

/** The manifest or index that `reference` names, a tag or a digest. */
export async function getManifest(repository: Repository, reference: string): Promise<Manifest | NoAnswer> {
  const { host } = repository.endpoint;
  const reply = await repository.ask('GET', `manifests/${reference}`, { accept: ACCEPT });
  if (reply.status !== 200) return answerOf(reply, host);
  const manifest = readManifest(reply.body, reply.header('content-type'));
  if (manifest === undefined) throw unavailable(`${host}: its answer is no image manifest`);
  const named = isDigest(reference) ? reference : reply.header('docker-content-digest');
  if (named !== undefined && isDigest(named) && named !== manifest.digest)
    throw unavailable(`${host}: the manifest it sent is not the one its digest names`);
  return manifest;
}

/** The manifest that `reference` names, and the one for the platform: the same, unless it is an index. */
export async function getImage(
  repository: Repository,
  reference: string,
  platform: string,
): Promise<{ named: Manifest; manifest: Manifest; image: NonNullable<Manifest['image']> } | NoAnswer> {
  const named = await getManifest(repository, reference);
  if ('kind' in named) return named;
  let manifest = named;
  if (named.index !== undefined) {
    const digest = platformsOf(named.index).get(platformOf(platform));
    if (digest === undefined) return { kind: 'absent' };
    const found = await getManifest(repository, digest);
    if ('kind' in found) return found;
    manifest = found;
  }
  if (manifest.image === undefined)
    throw unavailable(`${repository.endpoint.host}: an index names another index`);
  return { named, manifest, image: manifest.image };
}

export async function getConfig(repository: Repository, digest: string): Promise<ImageConfig | NoAnswer> {
  const { host } = repository.endpoint;
  const reply = await repository.ask('GET', `blobs/${digest}`);
  if (reply.status === 404) throw unavailable(`${host}: holds the image's manifest, not its configuration`);
  if (reply.status !== 200) return answerOf(reply, host);
  if (sha256(reply.body) !== digest)
    throw unavailable(`${host}: the image configuration it sent is not the one its digest names`);
  const config = readImageConfig(reply.body);
  if (config === undefined) throw unavailable(`${host}: the image's configuration cannot be read`);
  return config;
}

const SLOWEST_BYTES_PER_MS = 100;
const LONGEST_BLOB_MS = 3_600_000;

/** Writes a blob to a file. The time for it grows with its size. */
export async function saveBlob(
  repository: Repository,
  { digest, size }: Descriptor,
  file: string,
): Promise<{ readonly kind: 'present' } | NoAnswer> {
  const { host } = repository.endpoint;
  const timeoutMs = Math.min(60_000 + Math.ceil(size / SLOWEST_BYTES_PER_MS), LONGEST_BLOB_MS);
  const reply = await repository.ask('GET', `blobs/${digest}`, { file, mostBytes: size, timeoutMs });
  if (reply.status === 404) throw unavailable(`${host}: holds the image's manifest, not its layers`);
  if (reply.status !== 200) return answerOf(reply, host);
  if ((await digestOfFile(file)) !== digest)
    throw unavailable(`${host}: the layer it sent is not the one its digest names`);
  return { kind: 'present' };
}
