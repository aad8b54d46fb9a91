/**
 * Reading an OCI-layout archive that this project wrote: which image it holds, and its layers.
 *
 * Only headers and the small JSON documents are read; a layer is a place in the file until somebody
 * opens it, so building on a big base image costs no memory and no second compression.
 */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Layer } from './layer.ts';
import { type Place, placesIn } from './tar.ts';
import { blobName, type ImageConfig } from './writer.ts';

/** What an archive holds; `layers` can be handed to `writeImage` as they are. */
export interface ArchivedImage {
  /** The name containerd gives the image, such as `docker.io/library/python:3.11-slim`. */
  readonly reference: string;
  /** Digest of the manifest: what `name@sha256:...` would say. */
  readonly digest: string;
  readonly config: ImageConfig;
  readonly layers: readonly Layer[];
}

interface Descriptor {
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Record<string, string>;
}

/** @throws Error when the file is no archive of one image as `writeImage` makes them */
export async function readImage(file: string): Promise<ArchivedImage> {
  const archive = await open(file);
  try {
    const places = await placesIn(archive);
    const placeOf = (name: string): Place => {
      const place = places.get(name);
      if (place === undefined)
        throw new Error(`${file} is no image archive of this project: no ${name} in it`);
      return place;
    };
    const json = async <T>(name: string): Promise<T> => {
      const { offset, size } = placeOf(name);
      const { buffer } = await archive.read(Buffer.alloc(size), 0, size, offset);
      return JSON.parse(buffer.toString()) as T;
    };
    const index = await json<{ manifests: Descriptor[] }>('index.json');
    const [entry, ...others] = index.manifests;
    if (entry === undefined || others.length > 0) throw new Error(`${file} does not hold one image`);
    const manifest = await json<{ config: Descriptor; layers: Descriptor[] }>(blobName(entry.digest));
    const { config, rootfs } = await json<{ config: ImageConfig; rootfs: { diff_ids: string[] } }>(
      blobName(manifest.config.digest),
    );
    const layers = manifest.layers.map(({ digest, size }, position): Layer => {
      const { offset } = placeOf(blobName(digest));
      const diffId = rootfs.diff_ids[position];
      if (diffId === undefined) throw new Error(`${file} names a layer without a diff id`);
      return {
        digest,
        diffId,
        size,
        open: () => createReadStream(file, { start: offset, end: offset + size - 1 }),
      };
    });
    const reference = entry.annotations?.['io.containerd.image.name'] ?? '';
    return { reference, digest: entry.digest, config, layers };
  } finally {
    await archive.close();
  }
}
