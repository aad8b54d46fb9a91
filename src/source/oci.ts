/**
 * An OCI artifact or image as a source: its layers laid over one another.
 *
 * Layers are archives, as `flux push artifact` and images have them, or, with a title, single files and folders, as
 * `oras push` makes them (annotations: image-spec `annotations.md`, oras.land/docs/how_to_guides/pushing_and_pulling).
 */
import { join } from 'node:path';
import { z } from 'zod';
import type { NoAnswer } from '../api/registry-answer.ts';
import { type ImageReference, isDigest, parseReference } from '../image/reference.ts';
import { LIMITS } from '../image/tree.ts';
import { ArchiveError, Layers } from './archive.ts';
import type { Access } from './fetch.ts';
import { type Fetched, SourceFailure } from './fetched.ts';

const FIELD = 'spec.source.oci.image';
const MOST_LAYERS = 128;
const TITLE = 'org.opencontainers.image.title';
const UNPACK = 'io.deis.oras.content.unpack';
/** What stands for no content. */
const EMPTY = 'application/vnd.oci.empty.v1+json';
/** What an index is asked for, where it has several. */
const PLATFORM = { os: 'linux', architecture: 'amd64' };

const annotations = z.record(z.string(), z.string()).nullish();
const layerSchema = z.object({
  mediaType: z.string(),
  digest: z.string().refine(isDigest),
  size: z.int().min(0),
  annotations,
});
type LayerDescriptor = z.output<typeof layerSchema>;

const manifestSchema = z.object({ layers: z.array(layerSchema).max(MOST_LAYERS) });
const indexSchema = z.object({
  manifests: z.array(
    z.object({
      digest: z.string(),
      platform: z.object({ os: z.string(), architecture: z.string() }).nullish(),
    }),
  ),
});

/** @throws SourceFailure when it cannot be had, or holds nothing that can be unpacked */
export async function fetchOci(image: string, access: Access): Promise<Fetched> {
  const ref = parseReference(image);
  if (!ref) throw invalid('not a reference of an artifact');
  const { digest, layers } = await layersOf(ref, access);
  const used = layers.filter(({ mediaType }) => mediaType !== EMPTY);
  if (used.reduce((sum, { size }) => sum + size, 0) > LIMITS.bytes)
    throw invalid(`larger than the ${LIMITS.bytes / 1024 ** 3} GiB that are fetched`);

  const unpacked = new Layers(join(access.folder, 'files'));
  for (const [index, layer] of used.entries()) {
    const file = join(access.folder, `layer-${index}`);
    const saved = await access.registry.saveBlob(ref, layer, file);
    if (saved.kind !== 'present') throw failure(saved);
    await add(unpacked, layer, file).catch((error: unknown) => {
      if (error instanceof ArchiveError) throw invalid(`layer ${index + 1}: ${error.message}`);
      throw error;
    });
  }
  return { revision: digest, tree: unpacked.tree() };
}

/** The layers of what a reference names, and its digest; of an index those of one platform. */
async function layersOf(
  ref: ImageReference,
  { registry }: Access,
): Promise<{ digest: string; layers: LayerDescriptor[] }> {
  const answer = await registry.manifestOf(ref);
  if (answer.kind !== 'present') throw failure(answer);
  const index = indexSchema.safeParse(answer.manifest);
  let { manifest } = answer;
  if (index.success) {
    const listed = index.data.manifests.filter(({ platform }) => platform?.os !== 'unknown');
    const fits = listed.find(
      ({ platform }) => platform?.os === PLATFORM.os && platform.architecture === PLATFORM.architecture,
    );
    const digest = (listed.length === 1 ? listed[0] : fits)?.digest ?? '';
    if (!isDigest(digest))
      throw invalid('an index of several and none for linux/amd64; name one by its digest');
    const one = await registry.manifestOf({ ...ref, digest });
    if (one.kind !== 'present') throw failure(one);
    manifest = one.manifest;
  }
  const read = manifestSchema.safeParse(manifest);
  if (!read.success) throw invalid(`no artifact of at most ${MOST_LAYERS} layers`);
  return { digest: answer.digest, layers: read.data.layers };
}

async function add(
  unpacked: Layers,
  { mediaType, size, annotations }: LayerDescriptor,
  file: string,
): Promise<void> {
  const title = annotations?.[TITLE];
  // oras's Python client marks folders by nothing but the media type; a plain file of oras's is never packed tar.
  const isFolder = (annotations?.[UNPACK] ?? String(/tar\+(gzip|zstd)$/.test(mediaType))) === 'true';
  if (title !== undefined && !isFolder) return unpacked.addFile(title, file, size);
  if (!/tar|gzip|zstd/.test(mediaType))
    throw new ArchiveError(
      `it is ${mediaType.slice(0, 100)}, which is no archive, and has no title to name it by`,
    );
  await unpacked.addArchive(file);
}

function failure(answer: NoAnswer): SourceFailure {
  const message = answer.kind === 'absent' ? 'no such artifact' : answer.message;
  return new SourceFailure(answer.kind, { field: FIELD, message });
}

const invalid = (message: string) => new SourceFailure('invalid', { field: FIELD, message });
